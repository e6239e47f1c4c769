//! The answers of a store: XML of few levels.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// No answer of a store is deeper; whatever else sends XML is not followed further.
const DEPTH: usize = 16;

/// An element with its text and what is in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// The outermost element. Nothing if it is no XML, or cut off.
    pub(super) fn read(xml: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(xml);
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                    open.push(Self { name, ..Self::default() });
                    if open.len() > DEPTH {
                        return None;
                    }
                }
                Event::Empty(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                    let empty = Self { name, ..Self::default() };
                    match open.last_mut() {
                        Some(parent) => parent.children.push(empty),
                        None => return Some(empty),
                    }
                }
                Event::Text(text) => push(&mut open, &text.decode().ok()?),
                Event::CData(text) => push(&mut open, &text.decode().ok()?),
                Event::GeneralRef(reference) => push(&mut open, &resolved(&reference)?),
                Event::End(_) => {
                    let ended = open.pop()?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(ended),
                        None => return Some(ended),
                    }
                }
                Event::Eof => return None,
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
            }
        }
    }

    /// The outermost element, if it is of that name.
    pub(super) fn named(xml: &[u8], name: &str) -> Option<Self> {
        Self::read(xml).filter(|element| element.name == name)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The elements of that name in it.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of that name in it.
    pub(super) fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element of that name in it.
    pub(super) fn text(&self, name: &str) -> &str {
        self.first(name).map_or("", |child| &child.text)
    }
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character.into());
    }
    let name = reference.decode().ok()?;
    let text = match &*name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_with_what_is_escaped_in_them() {
        let xml = b"<?xml version='1.0'?><L xmlns='x'><C><K>a&amp;b&#x41;</K><E>&quot;1&quot;</E></C><C/><T>true</T></L>";
        let list = Element::read(xml).unwrap();
        assert_eq!((list.name(), list.text("T")), ("L", "true"));
        let keys: Vec<_> = list.all("C").map(|entry| (entry.text("K"), entry.text("E"))).collect();
        assert_eq!(keys, [("a&bA", "\"1\""), ("", "")]);
    }

    #[test]
    fn an_element_may_be_empty() {
        assert_eq!(Element::read(b"<V xmlns='x'/>").unwrap().name(), "V");
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let xml = b"<L><C><K>a</K></C><C><K>b</K></C></L>";
        for end in 0..xml.len() {
            assert!(Element::read(&xml[..end]).is_none(), "{end}");
        }
        assert!(Element::read(b"<html>".repeat(40).as_slice()).is_none());
    }
}
