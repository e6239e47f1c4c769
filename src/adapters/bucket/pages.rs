//! Pages of keys, as a store lists them. A strange key costs nobody else's: keys are bytes.

use jiff::Timestamp;
use reqwest::Method;

use super::fault::StoreFault;
use super::store::{Ask, ObjectStore};
use super::xml::Element;

/// What tells the content of an object, where a listing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentMark {
    /// The MD5 of its bytes, unless the store keeps something else there.
    Md5([u8; 16]),
    /// Something else.
    Opaque,
}

impl ContentMark {
    /// The mark that an `ETag` is.
    pub(super) fn of(tag: &str) -> Self {
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
}

/// One object of a listing.
#[derive(Debug, Clone)]
pub(super) struct ListedKey {
    pub(super) key: Vec<u8>,
    pub(super) size: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
    pub(super) tag: Box<str>,
}

/// A page of them.
#[derive(Debug, Default)]
pub(super) struct KeyPage {
    pub(super) entries: Vec<ListedKey>,
    /// What comes before the next slash, where that was asked for.
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) is_last: bool,
    /// Where the store says that it goes on.
    next: String,
}

/// So many pages without a key are asked for, one after the other.
const EMPTY_PAGES: usize = 1000;

/// A multipart upload that was not ended.
#[derive(Debug, Clone)]
pub(super) struct Unfinished {
    pub(super) key: Vec<u8>,
    pub(super) id: String,
    /// In seconds since 1970.
    pub(super) begun: i64,
}

impl ObjectStore {
    /// The keys that begin with `prefix` and come after `after`, at most a page of them. A page may hold none and not be the
    /// last: where much was deleted, some stores end it early.
    pub(super) async fn page(
        &self,
        prefix: &str,
        after: &[u8],
        is_shallow: bool,
    ) -> Result<KeyPage, StoreFault> {
        let mut ask = Ask::new(Method::GET, "").query("list-type", "2").query("encoding-type", "url");
        ask = ask.query("prefix", prefix);
        if is_shallow {
            ask = ask.query("delimiter", "/");
        }
        let start = if after.is_empty() { ask.clone() } else { ask.clone().query("start-after", after) };
        let mut page = self.page_of(&start).await?;
        for _ in 0..EMPTY_PAGES {
            if page.is_last || !page.entries.is_empty() || !page.folders.is_empty() {
                return Ok(page);
            }
            page = self.page_of(&ask.clone().query("continuation-token", &*page.next)).await?;
        }
        let asked = format!("GET s3://{}/{prefix}?list-type=2", self.bucket);
        let said = format!("{EMPTY_PAGES} pages of the listing held no key, and said that there are more");
        Err(StoreFault::Refused { asked, said, hint: None })
    }

    async fn page_of(&self, ask: &Ask) -> Result<KeyPage, StoreFault> {
        let list = self.ask_xml(ask, "ListBucketResult").await?;
        let is_encoded = list.text("EncodingType") == "url";
        let entries = list.all("Contents").map(|entry| ListedKey {
            key: decoded(entry.text("Key"), is_encoded),
            size: entry.text("Size").parse().unwrap_or_default(),
            modified: seconds(entry.text("LastModified")),
            tag: entry.text("ETag").into(),
        });
        Ok(KeyPage {
            entries: entries.collect(),
            folders: list
                .all("CommonPrefixes")
                .map(|entry| decoded(entry.text("Prefix"), is_encoded))
                .collect(),
            is_last: list.text("IsTruncated") != "true",
            next: list.text("NextContinuationToken").to_owned(),
        })
    }

    /// Multipart uploads below `prefix` that were begun and not ended.
    pub(super) async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, StoreFault> {
        let (mut found, mut marker) = (Vec::new(), (String::new(), String::new()));
        loop {
            let mut ask = Ask::new(Method::GET, "").query("uploads", "").query("prefix", prefix);
            if !marker.0.is_empty() {
                ask = ask.query("key-marker", &*marker.0).query("upload-id-marker", &*marker.1);
            }
            let list = self.ask_xml(&ask, "ListMultipartUploadsResult").await?;
            found.extend(list.all("Upload").map(unfinished));
            let next = (list.text("NextKeyMarker").to_owned(), list.text("NextUploadIdMarker").to_owned());
            if list.text("IsTruncated") != "true" || next.0.is_empty() || next == marker {
                return Ok(found);
            }
            marker = next;
        }
    }
}

fn unfinished(upload: &Element) -> Unfinished {
    Unfinished {
        key: upload.text("Key").as_bytes().to_vec(),
        id: upload.text("UploadId").to_owned(),
        begun: seconds(upload.text("Initiated")),
    }
}

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().map(Timestamp::as_second).unwrap_or_default()
}

/// A key as it is.
fn decoded(text: &str, is_encoded: bool) -> Vec<u8> {
    if !is_encoded {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_whatever_is_in_them() {
        assert_eq!(decoded("a/b%20c+d%2Be%00%FF", true), b"a/b c d+e\0\xff");
        assert_eq!(decoded("a%20+", false), b"a%20+");
    }

    #[test]
    fn only_an_md5_is_one() {
        assert_eq!(
            ContentMark::of("\"000102030405060708090a0b0c0d0e0f\""),
            ContentMark::Md5([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        );
        for tag in ["", "\"d41d8cd98f00b204e9800998ecf8427e-2\"", "zz0102030405060708090a0b0c0d0e0f"] {
            assert_eq!(ContentMark::of(tag), ContentMark::Opaque, "{tag}");
        }
    }
}
