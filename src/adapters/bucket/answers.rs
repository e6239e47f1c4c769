//! What the answers of stores tell, whatever they speak: objects, pages of them, and when they were written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::ask::StoreReply;

/// What tells the content of an object, where a listing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentMark {
    /// The MD5 of its bytes, unless the store keeps something else there.
    Md5([u8; 16]),
    /// Something else.
    Opaque,
}

impl ContentMark {
    /// The mark that an `ETag` of S3 is.
    pub(super) fn of_hex(tag: &str) -> Self {
        let hex = tag.trim_matches('"');
        let mut bytes = [0; 16];
        let pairs = hex.as_bytes().chunks_exact(2);
        if hex.len() != 32 {
            return Self::Opaque;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let text = std::str::from_utf8(pair).unwrap_or_default();
            let Ok(value) = u8::from_str_radix(text, 16) else { return Self::Opaque };
            *byte = value;
        }
        Self::Md5(bytes)
    }

    /// The mark that an MD5 in base 64 is, as Google and Azure tell it.
    pub(super) fn of_base64(sum: &str) -> Self {
        let bytes = BASE64_STANDARD.decode(sum).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(Self::Opaque, Self::Md5)
    }
}

/// One object of a listing.
#[derive(Debug, Clone)]
pub(super) struct ListedKey {
    pub(super) key: Vec<u8>,
    pub(super) size: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
    /// What tells its content.
    pub(super) mark: ContentMark,
    /// What changes whenever it is written.
    pub(super) tag: Box<str>,
}

/// Which page is wanted: of the keys that begin with `prefix`, those after one, or those from where the store said that it
/// goes on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WantedPage<'a> {
    pub(super) prefix: &'a str,
    pub(super) after: &'a [u8],
    pub(super) token: &'a str,
    /// Whether only what comes before the next slash is told of what lies deeper.
    pub(super) is_shallow: bool,
}

/// A page of them.
#[derive(Debug, Default)]
pub(super) struct KeyPage {
    pub(super) entries: Vec<ListedKey>,
    /// What comes before the next slash, where that was asked for.
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) is_last: bool,
    /// Where the store says that it goes on.
    pub(super) next: String,
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) size: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
    /// What changes whenever it is written.
    pub(super) tag: String,
}

/// What the answer to HEAD tells.
pub(super) fn of_headers(answer: &StoreReply) -> Object {
    Object {
        size: answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default(),
        modified: answer.header("last-modified").map(second).unwrap_or_default(),
        tag: answer.header("etag").unwrap_or_default().to_owned(),
    }
}

/// The second of a time as headers tell it.
pub(super) fn second(text: &str) -> i64 {
    rfc2822::parse(text).map(|at| at.timestamp().as_second()).unwrap_or_default()
}

/// The second of a time as listings tell it.
pub(super) fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().map(Timestamp::as_second).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_md5_is_one() {
        assert_eq!(
            ContentMark::of_hex("\"000102030405060708090a0b0c0d0e0f\""),
            ContentMark::Md5([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        );
        for tag in ["", "\"d41d8cd98f00b204e9800998ecf8427e-2\"", "zz0102030405060708090a0b0c0d0e0f"] {
            assert_eq!(ContentMark::of_hex(tag), ContentMark::Opaque, "{tag}");
        }
        assert_eq!(
            ContentMark::of_base64("AAECAwQFBgcICQoLDA0ODw=="),
            ContentMark::Md5([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        );
        assert_eq!(
            (ContentMark::of_base64(""), ContentMark::of_base64("AAEC")),
            (ContentMark::Opaque, ContentMark::Opaque)
        );
    }
}
