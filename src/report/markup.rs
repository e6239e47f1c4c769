//! Text within XML and HTML.

use super::words::plain;

/// One line of anybody's text as neither XML nor HTML takes it for markup, with nothing in it that XML forbids.
pub(super) fn markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            // The two that are neither control characters nor allowed in XML.
            '\u{fffe}' | '\u{ffff}' => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// The same of a sentence, in HTML: what stands between backticks is code.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<_> = text.split('`').map(markup).collect();
    if parts.len().is_multiple_of(2) {
        return markup(text);
    }
    let open =
        |at: usize, part: &String| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.clone() };
    parts.iter().enumerate().map(|(at, part)| open(at, part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_text() {
        assert_eq!(markup("]]></script>&\"'"), "]]&gt;&lt;/script&gt;&amp;&quot;&apos;");
        assert_eq!(markup("a\u{ffff}\u{1}\u{202e}\n<"), "a\\u{ffff}\\u{1}\\u{202e} &lt;");
    }

    #[test]
    fn code_in_a_sentence_is_shown_as_such() {
        assert_eq!(prose("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
        assert_eq!(prose("a `b` c`"), "a `b` c`");
    }
}
