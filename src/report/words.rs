//! Numbers and lines as people read them.

use std::borrow::Cow;

pub use crate::domain::counted::counted;
pub(super) use crate::domain::counted::grouped;
use crate::domain::hidden::is_hidden;

/// What a text would hide or turn round, as escapes: control characters, and those that have no width or change the
/// direction of what is read. Line breaks and the colours that were painted stay.
#[must_use]
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown.into()
}

/// The same for a text of somebody else's, which paints nothing and has one line.
#[must_use]
pub(super) fn plain(text: &str) -> String {
    visible(text).replace('\u{1b}', r"\u{1b}").replace(['\n', '\t'], " ")
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Break at spaces; a word longer than the width stands alone.
pub(super) fn wrap(content: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in content.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Digests in paths and URLs cut to what a person compares.
pub(super) fn shorten_hex(text: &str) -> String {
    let mut short = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let hex = part.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        if hex.len() < 64 {
            short.push_str(part);
        } else {
            short.extend(hex.chars().take(12));
            short.push('…');
            short.push_str(part.strip_prefix(hex).unwrap_or_default());
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_cut_wherever_they_stand() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(
            shorten_hex(&format!("blobs/{hex}/data, {hex}")),
            "blobs/0123456789ab…/data, 0123456789ab…"
        );
        assert_eq!(shorten_hex("no digest: dead beef"), "no digest: dead beef");
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("a\u{202e}b\u{200b}\r\u{e0041}"), r"a\u{202e}b\u{200b}\u{d}\u{e0041}");
        assert_eq!(visible("schön\n\u{1b}[1mfett\u{1b}[0m"), "schön\n\u{1b}[1mfett\u{1b}[0m");
        assert_eq!(plain("\u{1b}[8mx\ny"), r"\u{1b}[8mx y");
    }

    #[test]
    fn lines_break_at_spaces_and_keep_long_words() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefgh i", 4), ["abcdefgh", "i"]);
    }
}
