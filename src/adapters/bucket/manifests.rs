//! The stored manifests: each fetched once, many at a time.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::fault::StoreFault;
use super::memory::ManifestMemory;
use super::runtime::wait;
use super::store::ObjectStore;
use crate::adapters::storage::manifests::{StoredManifest as Read, follow, understood};
use crate::adapters::storage::notes::Notes;
use crate::domain::digest::Digest;
use crate::domain::layout::Place;
use crate::domain::manifest::{MAX_MANIFEST_BYTES, ManifestError};
use crate::domain::observed::Unlooked;
use crate::domain::views::storage::{ReadManifest, Repository, StoredBlob, StoredManifests};
use crate::engine::ports::{Event, Events};

/// Where manifests are read from, and so many at once.
pub(super) struct Manifests<'a> {
    pub(super) store: Arc<ObjectStore>,
    pub(super) prefix: String,
    pub(super) jobs: usize,
    /// What the store calls their content.
    pub(super) tags: &'a HashMap<Digest, Box<str>>,
    /// What was read before.
    pub(super) memory: &'a ManifestMemory,
}

impl Manifests<'_> {
    /// Read what revision links and tags name and what lies below it, as far as it is stored.
    pub(super) fn read_all(
        &self,
        repositories: &[Repository],
        blobs: &[StoredBlob],
        events: &dyn Events,
    ) -> (StoredManifests, Notes) {
        follow(repositories, blobs, events, |wanted| {
            let places = wanted.iter().filter_map(|at| blobs.get(usize::try_from(*at).ok()?).copied());
            self.level(places.collect(), events)
        })
    }

    fn level(&self, wanted: Vec<StoredBlob>, events: &dyn Events) -> (Vec<Read>, Notes) {
        events.emit(Event::Stage("manifests", Some(wanted.len() as u64)));
        let known = |blob: &StoredBlob| {
            let tag = self.tags.get(&blob.digest).map(AsRef::as_ref);
            self.memory.manifest(&blob.digest, tag).map(|read| (blob.digest, read.clone()))
        };
        let known: Vec<Read> = wanted.iter().filter_map(known).collect();
        let is_known = |digest: &Digest| known.binary_search_by(|(known, _)| known.cmp(digest)).is_ok();
        let wanted: Vec<StoredBlob> = wanted.into_iter().filter(|blob| !is_known(&blob.digest)).collect();
        let (store, prefix, jobs) = (Arc::clone(&self.store), self.prefix.clone(), self.jobs.max(1));
        let fetched = wait(async move {
            let one = |blob: StoredBlob| {
                let key = format!("{prefix}{}", Place::Data(blob.digest));
                let store = Arc::clone(&store);
                async move {
                    let read = fetch(&store, &key, blob.size).await;
                    (blob.digest, read)
                }
            };
            Ok(stream::iter(wanted).map(one).buffered(jobs).collect::<Vec<_>>().await)
        });
        events.emit(Event::Finished);
        sorted(known, fetched.unwrap_or_default())
    }
}

/// In order, those that were known and those that were fetched.
fn sorted(known: Vec<Read>, fetched: Vec<(Digest, Result<ReadManifest, StoreFault>)>) -> (Vec<Read>, Notes) {
    let (mut read, mut notes) = (known, Notes::default());
    for (digest, manifest) in fetched {
        match manifest {
            Ok(manifest) => read.push((digest, manifest)),
            // It is gone since it was listed.
            Err(StoreFault::Absent) => {}
            Err(fault) => notes.unknown.push(Unlooked::new(Place::Data(digest), fault.reason())),
        }
    }
    read.sort_unstable_by_key(|(digest, _)| *digest);
    (read, notes)
}

async fn fetch(store: &ObjectStore, key: &str, size: u64) -> Result<ReadManifest, StoreFault> {
    if size > MAX_MANIFEST_BYTES {
        return Ok(ReadManifest::Unreadable(ManifestError::TooLarge(size).to_string()));
    }
    let bytes = store.start(key, MAX_MANIFEST_BYTES + 1).await?;
    Ok(understood(&bytes))
}
