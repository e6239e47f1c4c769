//! Pages of keys, as a store lists them. A strange key costs nobody else's: keys are bytes.

use reqwest::Method;

use super::answers::{KeyPage, WantedPage, seconds};
use super::ask::Ask;
use super::fault::StoreFault;
use super::store::ObjectStore;
use super::xml::Element;

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
