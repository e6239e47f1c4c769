//! Pages of keys, as a store lists them. A strange key costs nobody else's: keys are bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;

use super::ask::Ask;
use super::fault::StoreFault;
use super::s3::seconds;
use super::store::ObjectStore;
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
    /// The first page of the keys that begin with `prefix`.
    pub(super) async fn first_page(&self, prefix: &str, is_shallow: bool) -> Result<KeyPage, StoreFault> {
        self.page(WantedPage { prefix, is_shallow, ..WantedPage::default() }).await
    }

    /// A page of keys. It may hold none and not be the last: where much was deleted, some stores end it early.
    pub(super) async fn page(&self, wanted: WantedPage<'_>) -> Result<KeyPage, StoreFault> {
        let mut page = self.page_of(&wanted).await?;
        for _ in 0..EMPTY_PAGES {
            if page.is_last || !page.entries.is_empty() || !page.folders.is_empty() {
                return Ok(page);
            }
            page = self.page_of(&WantedPage { token: &page.next, ..wanted }).await?;
        }
        let asked = self.asked(&self.dialect.list(&wanted));
        let said = format!("{EMPTY_PAGES} pages of the listing held no key, and said that there are more");
        Err(StoreFault::Refused { asked, said, hint: None })
    }

    async fn page_of(&self, wanted: &WantedPage<'_>) -> Result<KeyPage, StoreFault> {
        let mut page = self.ask_for(&self.dialect.list(wanted), |answer| self.dialect.page(answer)).await?;
        // Some begin with the very key.
        page.entries.retain(|entry| entry.key != wanted.after);
        Ok(page)
    }

    /// Multipart uploads below `prefix` that were begun and not ended, where no listing shows them.
    pub(super) async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, StoreFault> {
        if !self.dialect.hides_uploads() {
            return Ok(Vec::new());
        }
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
