//! File names as texts: what is plain stays, every other byte becomes `\xNN`, and the way back.
//!
//! Names in a damaged storage hold anything: control characters, terminal escapes, bytes that are no UTF-8.

use std::fmt::Write as _;

use crate::domain::hidden::is_hidden;

/// The most of a link file's content that a view keeps.
const KEPT_CHARS: usize = 80;

fn is_plain(c: char) -> bool {
    c != '\\' && (c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && c.is_alphanumeric() && !is_hidden(c)))
}

/// The bytes as a printable text.
pub(in crate::adapters) fn show(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                text.push(c);
            } else {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// The start of a file's content as a printable text of at most 80 characters.
pub(in crate::adapters) fn show_start(bytes: &[u8]) -> Box<str> {
    show(bytes).chars().take(KEPT_CHARS).collect()
}

/// The bytes that [`show`] made this text of; `None` if it did not.
pub(in crate::adapters) fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let escape = part.get(..3)?;
        bytes.push(u8::from_str_radix(escape.strip_prefix('x')?, 16).ok()?);
        bytes.extend_from_slice(part.get(3..)?.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped_and_reads_back() {
        for (name, shown) in [
            (&b"link"[..], "link"),
            (b"a b", "a b"),
            ("schön".as_bytes(), "schön"),
            (b"\xff\x1b[2J\n", r"\xff\x1b[2J\x0a"),
            (br"a\b", r"a\x5cb"),
            ("\u{202e}x".as_bytes(), r"\xe2\x80\xaex"),
            // Letters that show nothing.
            ("a\u{3164}\u{ffa0}".as_bytes(), r"a\xe3\x85\xa4\xef\xbe\xa0"),
        ] {
            assert_eq!(show(name), shown);
            assert_eq!(bytes(shown).as_deref(), Some(name));
        }
        assert_eq!(bytes(r"\q"), None);
        assert_eq!(bytes(r"\xg0"), None);
    }

    #[test]
    fn of_long_content_only_the_start_is_kept() {
        assert_eq!(show_start(&[b'x'; 500]).len(), 80);
    }
}
