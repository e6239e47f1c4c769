//! The manifests that a garbage collection may take, kept so that they can be put back: a daemon that remembers one in
//! its own memory swallows every later push of it.
//!
//! Those that links or tags name are known. Others are orphans: deleted over the API, or put back after an earlier
//! collection. What no repository has a layer link to and reads as a manifest is one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::gate::Intent;
use crate::domain::digest::Digest;
use crate::domain::gc;
use crate::domain::manifest::{self, MAX_MANIFEST_BYTES};
use crate::domain::name::{Image, RepositoryName};
use crate::domain::observed::Observed;
use crate::domain::suspects::{Suspect, SuspectKind};
use crate::domain::views::storage::{Repository, StorageView, StoredBlob, Target};
use crate::engine::ports::{
    Found, ImageContent, Shortage, Sighting, SourceError, Storage, Supply, VerifiedBytes, Wanted,
};

/// The most that is kept of them, in bytes: some tens of thousands of manifests.
const MOST: u64 = 256 << 20;

/// Manifests with their bytes.
pub(super) type Kept = BTreeMap<Digest, Vec<u8>>;

/// Read those that the collection may take, and whether those are all. Blocking.
pub(super) fn read(storage: &dyn Storage, before: &StorageView, intent: &Intent) -> (Kept, bool) {
    let (mut kept, mut are_all) = (Kept::new(), true);
    let mut room = MOST;
    for blob in candidates(before, intent) {
        let Observed::Present(bytes) = storage.read(&blob.digest, MAX_MANIFEST_BYTES) else {
            are_all = false;
            continue;
        };
        let size = bytes.len() as u64;
        if manifest::parse(&bytes).is_ok() && size == blob.size {
            if size > room {
                are_all = false;
                continue;
            }
            room -= size;
            kept.insert(blob.digest, bytes);
        }
    }
    (kept, are_all)
}

/// What may be a manifest of what it may take.
fn candidates(before: &StorageView, Intent { flavours, delete_untagged }: &Intent) -> Vec<StoredBlob> {
    let taken = flavours.iter().flat_map(|flavour| gc::collect(before, *flavour, *delete_untagged).garbage);
    let taken: BTreeMap<Digest, StoredBlob> = taken.map(|blob| (blob.digest, blob)).collect();
    let layers = before.repositories.iter().flat_map(|repository| repository.layers.iter());
    let layers: HashSet<Digest> =
        layers.map(|link| link.digest).filter(|digest| taken.contains_key(digest)).collect();
    let may_be = |blob: &StoredBlob| {
        blob.size <= MAX_MANIFEST_BYTES
            && (before.manifests.contains_key(&blob.digest) || !layers.contains(&blob.digest))
    };
    taken.into_values().filter(may_be).collect()
}

/// What storage told of a kept manifest before.
#[derive(Default)]
struct Past<'v> {
    /// The repositories that have a link to it, or the folder of one.
    had: BTreeSet<&'v RepositoryName>,
    /// One that it was put back in after an earlier collection.
    put_back: Option<&'v RepositoryName>,
    /// Whether a link leads to it.
    is_linked: bool,
    /// When its last link went, in seconds since 1970.
    left: Option<i64>,
}

fn past<'v>(kept: &Kept, before: &'v StorageView) -> BTreeMap<Digest, Past<'v>> {
    let mut past: BTreeMap<Digest, Past<'_>> = kept.keys().map(|digest| (*digest, Past::default())).collect();
    for Repository { name, revisions, traces, .. } in &before.repositories {
        for link in revisions {
            if let Some(past) = past.get_mut(&link.digest) {
                past.had.insert(name);
                past.is_linked |= *link.target != Target::Missing;
            }
        }
        for trace in &traces.revisions {
            if let Some(past) = past.get_mut(&trace.digest) {
                past.had.insert(name);
                past.left = past.left.max(Some(trace.made));
            }
        }
        for trace in &traces.layers {
            if let Some(past) = past.get_mut(&trace.digest) {
                past.put_back.get_or_insert(name);
                past.left = past.left.max(Some(trace.made));
            }
        }
    }
    past
}

/// Where to look afterwards: whom to ask about each, in the repositories that had it, in any where none had; and since
/// when those have no link that had none before: a daemon that is younger never knew of them.
pub(super) fn leads(kept: &Kept, before: &StorageView) -> (Vec<Suspect>, BTreeMap<Digest, Timestamp>) {
    let any = before.repositories.first().map(|repository| &repository.name);
    let (mut suspects, mut gone) = (Vec::new(), BTreeMap::new());
    for (digest, Past { mut had, put_back, is_linked, left }) in past(kept, before) {
        if had.is_empty() {
            had.extend(put_back.or(any));
        }
        let suspect = |name: &RepositoryName| Suspect::new(Some(name.clone()), digest, SuspectKind::Manifest);
        suspects.extend(had.into_iter().map(suspect));
        // The end of the second that is told.
        let end =
            left.filter(|_| !is_linked).and_then(|left| Timestamp::from_second(left.checked_add(1)?).ok());
        gone.extend(end.map(|end| (digest, end)));
    }
    (suspects, gone)
}

/// What was kept, before all other sources.
pub(super) struct KeptSupply {
    pub(super) kept: Arc<Kept>,
    pub(super) others: Arc<dyn Supply>,
}

#[async_trait]
impl Supply for KeptSupply {
    fn distrust(&self, bad: BTreeSet<Digest>) {
        self.others.distrust(bad);
    }

    async fn find(&self, wanted: &Wanted) -> Result<Sighting, Shortage> {
        let Some(bytes) = self.kept.get(&wanted.digest) else { return self.others.find(wanted).await };
        let found = Found { size: Some(bytes.len() as u64), media_type: None };
        Ok(Sighting { location: "kept before garbage collection".into(), found })
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<VerifiedBytes, Shortage> {
        self.others.fetch(wanted).await
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, Shortage> {
        match self.kept.get(&wanted.digest) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.others.manifest(wanted).await,
        }
    }

    async fn contents(&self, image: &Image) -> Vec<(String, Result<ImageContent, SourceError>)> {
        self.others.contents(image).await
    }
}
