//! JSON as Go's `encoding/json` reads it into structs, because that is who decides what a stored manifest says.
//!
//! | Go | `serde_json` |
//! |---|---|
//! | a key matches a field in any case (`MEDIATYPE`, and `ſ` for `s`, `K` for `k`) | exactly |
//! | of a key that comes twice the last one counts, laid over the first | is an error |
//! | `null` leaves a field as it is; slices and pointers become nil | only an option takes it |
//! | half a surrogate pair, bytes that are no UTF-8: U+FFFD | is an error |
//! | 10,000 levels | 128 levels |
//! | what no field is named after may be anything | the same |
//! | a value of another type is an error, and the rest is read | ends it |
//!
//! A [`JsonReader`] walks a text once, without recursion of its own; whoever reads says what each key is for.

use std::borrow::Cow;

/// So deep may values nest (Go's `maxNestingDepth`).
const DEEPEST: usize = 10_000;

/// The text is no JSON; where that shows, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// How many bytes were read.
    pub at: usize,
}

/// A value where one of a certain type was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<T> {
    /// One of that type.
    Of(T),
    /// `null`
    Null,
    /// One of another type.
    Wrong,
}

type Result<T> = std::result::Result<T, SyntaxError>;

/// Where in a text one is.
#[derive(Debug, Clone)]
pub struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// Whether a key means the field of that name, which is of ASCII.
#[must_use]
pub fn means(key: &str, field: &str) -> bool {
    let mut wanted = field.bytes();
    let same = key.chars().all(|given| {
        let folded = match given {
            'ſ' => b's',
            '\u{212a}' => b'k',
            _ => u8::try_from(given).unwrap_or(0xff).to_ascii_lowercase(),
        };
        wanted.next().is_some_and(|wanted| wanted.to_ascii_lowercase() == folded)
    });
    same && wanted.next().is_none()
}

impl<'a> JsonReader<'a> {
    /// At the start of a text.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Nothing but space follows.
    ///
    /// # Errors
    /// Something does.
    pub fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { self.fail() }
    }

    /// An object: `field` is told each key and reads, or skips, its value.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<Value<()>> {
        if self.peek() != Some(b'{') {
            return self.other();
        }
        self.enter()?;
        if self.took(b'}') {
            return Ok(self.leave());
        }
        loop {
            self.peek();
            let key = self.quoted()?;
            self.expect(b':')?;
            field(self, &key)?;
            if !self.took(b',') {
                self.expect(b'}')?;
                return Ok(self.leave());
            }
        }
    }

    /// An array: `item` reads, or skips, each value, which it is told the place of.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self, usize) -> Result<()>) -> Result<Value<()>> {
        if self.peek() != Some(b'[') {
            return self.other();
        }
        self.enter()?;
        if self.took(b']') {
            return Ok(self.leave());
        }
        for place in 0.. {
            item(self, place)?;
            if !self.took(b',') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(self.leave())
    }

    /// A text.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn string(&mut self) -> Result<Value<Cow<'a, str>>> {
        if self.peek() != Some(b'"') {
            return self.other();
        }
        self.quoted().map(Value::Of)
    }

    /// A whole number of 64 bits, with sign.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn integer(&mut self) -> Result<Value<i64>> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return self.other();
        }
        let from = self.at;
        self.number()?;
        let digits = self.text.get(from..self.at).and_then(|digits| std::str::from_utf8(digits).ok());
        Ok(digits.and_then(|digits| digits.parse().ok()).map_or(Value::Wrong, Value::Of))
    }

    /// Whatever comes.
    ///
    /// # Errors
    /// The text is no JSON.
    pub fn skip(&mut self) -> Result<()> {
        // For each value that is open: whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.enter()?;
                    if !self.took(b'}') {
                        open.push(true);
                        self.key()?;
                        continue;
                    }
                    self.depth -= 1;
                }
                Some(b'[') => {
                    self.enter()?;
                    if !self.took(b']') {
                        open.push(false);
                        continue;
                    }
                    self.depth -= 1;
                }
                _ => self.scalar()?,
            }
            while let Some(is_object) = open.last().copied() {
                if self.took(b',') {
                    if is_object {
                        self.key()?;
                    }
                    break;
                }
                self.expect(if is_object { b'}' } else { b']' })?;
                self.depth -= 1;
                open.pop();
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    fn key(&mut self) -> Result<()> {
        self.peek();
        self.scan_string()?;
        self.expect(b':')
    }

    /// `null`, or a value of another type, which is passed over.
    fn other<T>(&mut self) -> Result<Value<T>> {
        let is_null = self.peek() == Some(b'n');
        self.skip()?;
        Ok(if is_null { Value::Null } else { Value::Wrong })
    }

    fn scalar(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.scan_string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(_) | None => self.fail(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        self.fail()
    }

    fn number(&mut self) -> Result<()> {
        self.took_here(b'-');
        if !self.took_here(b'0') {
            self.digits()?;
        }
        if self.took_here(b'.') {
            self.digits()?;
        }
        if self.took_here(b'e') || self.took_here(b'E') {
            let _ = self.took_here(b'+') || self.took_here(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        let count = self.rest().iter().take_while(|c| c.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.fail() } else { Ok(()) }
    }

    /// Pass over a text, and whether there is an escape in it.
    fn scan_string(&mut self) -> Result<(&'a [u8], bool)> {
        if !self.took_here(b'"') {
            return self.fail();
        }
        let (from, mut escapes) = (self.at, false);
        loop {
            let plain = self.rest().iter().take_while(|c| !matches!(c, b'"' | b'\\' | 0..=0x1f)).count();
            self.at += plain;
            if self.took_here(b'"') {
                let inner = self.text.get(from..self.at.saturating_sub(1)).unwrap_or_default();
                return Ok((inner, escapes));
            }
            escapes = true;
            let length = match self.rest() {
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|c| c.is_ascii_hexdigit()) => 6,
                _ => return self.fail(),
            };
            self.at += length;
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>> {
        let (inner, escapes) = self.scan_string()?;
        if escapes { Ok(Cow::Owned(unescape(inner))) } else { Ok(String::from_utf8_lossy(inner)) }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Pass over space; what comes then.
    fn peek(&mut self) -> Option<u8> {
        self.at += self.rest().iter().take_while(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.rest().first().copied()
    }

    fn took_here(&mut self, wanted: u8) -> bool {
        let is_there = self.rest().first() == Some(&wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn took(&mut self, wanted: u8) -> bool {
        self.peek();
        self.took_here(wanted)
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.took(wanted) { Ok(()) } else { self.fail() }
    }

    fn enter(&mut self) -> Result<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST { self.fail() } else { Ok(()) }
    }

    const fn leave(&mut self) -> Value<()> {
        self.depth -= 1;
        Value::Of(())
    }

    const fn fail<T>(&self) -> Result<T> {
        Err(SyntaxError { at: self.at })
    }
}

/// A text with its escapes resolved; what is no Unicode becomes U+FFFD.
fn unescape(mut rest: &[u8]) -> String {
    let mut text = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let plain = rest.iter().position(|c| *c == b'\\').unwrap_or(rest.len());
        text.push_str(&String::from_utf8_lossy(rest.get(..plain).unwrap_or_default()));
        rest = rest.get(plain..).unwrap_or_default();
        let (character, length) = escape(rest);
        text.extend(character);
        rest = rest.get(length..).unwrap_or_default();
    }
    text
}

/// The escape that a text begins with, and its length.
fn escape(text: &[u8]) -> (Option<char>, usize) {
    let Some((high, rest)) = unit(text) else {
        let character = text.get(1).map(|c| match c {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            other => char::from(*other),
        });
        return (character, 2);
    };
    let pair = unit(rest).and_then(|(low, _)| char::decode_utf16([high, low]).next()?.ok());
    let is_high = (0xd800..0xdc00).contains(&high);
    match pair.filter(|_| is_high) {
        Some(both) => (Some(both), 12),
        None => (Some(char::from_u32(high.into()).unwrap_or(char::REPLACEMENT_CHARACTER)), 6),
    }
}

/// The `\uXXXX` that a text begins with, and what follows it.
fn unit(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = std::str::from_utf8(text.strip_prefix(b"\\u")?.get(..4)?).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, text.get(6..)?))
}

#[cfg(test)]
mod tests;
