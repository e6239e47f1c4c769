//! Numbers as people read them: the one place of plurals.

/// `1 blob`, `2 blobs`, `3 repositories`, `50,000 tags`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    let plural = match what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        Some(stem) => format!("{stem}ies"),
        None => format!("{what}s"),
    };
    format!("{} {}", grouped(count), if count == 1 { what } else { &plural })
}

/// A number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_in_words() {
        assert_eq!(counted(1, "repository"), "1 repository");
        assert_eq!(counted(0, "entry"), "0 entries");
        assert_eq!(counted(2, "key"), "2 keys");
        assert_eq!(counted(1_234_567, "blob"), "1,234,567 blobs");
        assert_eq!([grouped(999), grouped(1000), grouped(50_000)], ["999", "1,000", "50,000"]);
    }
}
