//! Uploads under way: what a daemon has begun on the store and not ended yet.

use std::sync::Arc;

use reqwest::Method;

use super::BucketStorage;
use super::answers::WantedPage;
use super::ask::Ask;
use super::fault::StoreFault;
use super::pages::Unfinished;
use super::runtime::wait;
use super::store::ObjectStore;
use crate::domain::layout::{self, Place, UploadPart};
use crate::domain::observed::Observed;
use crate::engine::ports::{SessionMark, Sessions, Uploads};

/// The upload sessions of a registry in a bucket.
#[derive(Debug, Clone)]
pub struct BucketUploads(BucketStorage);

impl BucketUploads {
    /// Those of this storage.
    #[must_use]
    pub const fn new(storage: BucketStorage) -> Self {
        Self(storage)
    }
}

impl Uploads for BucketUploads {
    /// The S3 driver begins a multipart upload with each session, so that no link need be listed to find them.
    fn sessions(&self) -> Observed<Sessions> {
        let (store, prefix) = (Arc::clone(&self.0.store), self.0.prefix.clone());
        let sessions = wait(async move {
            if !store.dialect.hides_uploads() {
                return listed(&store, &prefix).await;
            }
            let mut sessions = Sessions::new();
            for upload in store.unfinished(&prefix).await? {
                let below = upload.key.strip_prefix(prefix.as_bytes()).unwrap_or_default();
                let place = std::str::from_utf8(below).ok().map(Place::from);
                if let Some(Place::Upload(name, id, _)) = place {
                    let size = store.uploaded(&upload).await?;
                    let modified = i128::from(upload.begun) * 1_000_000_000;
                    sessions.insert(Place::Upload(name, id, None), SessionMark { size, modified });
                }
            }
            Ok(sessions)
        });
        sessions.map_or_else(StoreFault::observed, Observed::Present)
    }
}

/// Those that a listing shows.
async fn listed(store: &ObjectStore, prefix: &str) -> Result<Sessions, StoreFault> {
    let below = format!("{prefix}{}/", layout::REPOSITORIES);
    let mut sessions = Sessions::new();
    let mut token = String::new();
    loop {
        let wanted = WantedPage { prefix: &below, token: &token, ..WantedPage::default() };
        let page = store.page(wanted).await?;
        for entry in &page.entries {
            let place =
                entry.key.strip_prefix(prefix.as_bytes()).and_then(|key| std::str::from_utf8(key).ok());
            let Some(Place::Upload(name, id, Some(part))) = place.map(Place::from) else { continue };
            let session = sessions.entry(Place::Upload(name, id, None)).or_default();
            session.modified = session.modified.max(i128::from(entry.modified) * 1_000_000_000);
            if part == UploadPart::Data {
                session.size = entry.size;
            }
        }
        if page.is_last {
            return Ok(sessions);
        }
        token = page.next;
    }
}

impl ObjectStore {
    /// The bytes of the parts that have come; none of an upload that has ended since.
    async fn uploaded(&self, upload: &Unfinished) -> Result<u64, StoreFault> {
        let key = String::from_utf8_lossy(&upload.key);
        let ask = Ask::new(Method::GET, &key).query("uploadId", &*upload.id);
        match self.ask_xml(&ask, "ListPartsResult").await {
            Ok(list) => Ok(list.all("Part").filter_map(|part| part.text("Size").parse::<u64>().ok()).sum()),
            Err(StoreFault::Absent | StoreFault::Refused { .. }) => Ok(0),
            Err(fault) => Err(fault),
        }
    }
}
