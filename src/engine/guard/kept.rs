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
use crate::domain::suspects::{Suspect, SuspectKind};
use crate::domain::views::storage::{Repository, StorageView, StoredBlob, Target, Trace};
use crate::engine::ports::{
    Found, ImageContent, Shortage, Sighting, SourceError, Storage, Supply, VerifiedBytes, Wanted,
};

/// The most that is kept of them, in bytes: some tens of thousands of manifests.
const MOST: u64 = 256 << 20;

/// Manifests with their bytes.
pub(super) type Kept = BTreeMap<Digest, Vec<u8>>;

/// Read those that the collection may take. Blocking.
pub(super) fn read(storage: &dyn Storage, before: &StorageView, intent: &Intent) -> Kept {
    let mut kept = Kept::new();
    let mut room = MOST;
    for blob in candidates(before, intent) {
        let Some(bytes) = storage.read(&blob.digest, MAX_MANIFEST_BYTES).present().cloned() else { continue };
        let size = bytes.len() as u64;
        if manifest::parse(&bytes).is_ok() && size == blob.size && size <= room {
            room -= size;
            kept.insert(blob.digest, bytes);
        }
    }
    kept
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

/// Whom to ask about them afterwards, each in the repositories that had it.
pub(super) fn suspects(kept: &Kept, before: &StorageView) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    for digest in kept.keys() {
        let homes = homes(before, digest);
        let suspect = |name: RepositoryName| Suspect::new(Some(name), *digest, SuspectKind::Manifest);
        suspects.extend(homes.into_iter().map(suspect));
    }
    suspects
}

/// The repositories that have a link to it, or the folder of one; any repository, where none has.
fn homes(before: &StorageView, digest: &Digest) -> BTreeSet<RepositoryName> {
    let all = before.repositories.iter();
    let had = |repository: &&Repository| {
        repository.revisions.find(digest).is_some() || left(&repository.traces.revisions, digest).is_some()
    };
    let put_back = |repository: &&Repository| left(&repository.traces.layers, digest).is_some();
    let mut homes: Vec<&Repository> = all.clone().filter(had).collect();
    if homes.is_empty() {
        homes.extend(all.clone().find(put_back).or_else(|| before.repositories.first()));
    }
    homes.into_iter().map(|repository| repository.name.clone()).collect()
}

fn left<'t>(traces: &'t [Trace], digest: &Digest) -> Option<&'t Trace> {
    let at = traces.binary_search_by(|trace| trace.digest.cmp(digest)).ok()?;
    traces.get(at)
}

/// Since when those have no link that had none before: a daemon that is younger never knew of them.
pub(super) fn gone(kept: &Kept, before: &StorageView) -> BTreeMap<Digest, Timestamp> {
    let gone = |digest: &Digest| {
        let mut last = None;
        for Repository { revisions, traces, .. } in &before.repositories {
            if revisions.find(digest).is_some_and(|link| *link.target != Target::Missing) {
                return None;
            }
            let made = [&traces.revisions, &traces.layers].map(|traces| left(traces, digest));
            last = made.into_iter().flatten().map(|trace| trace.made).chain(last).max();
        }
        // The end of the second that is told.
        Some((*digest, Timestamp::from_second(last?.saturating_add(1)).ok()?))
    };
    kept.keys().filter_map(gone).collect()
}

/// What was kept, before all other sources.
pub(super) struct KeptSupply {
    pub(super) kept: Kept,
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

    async fn images(&self, among: &[RepositoryName]) -> Vec<(String, Result<Vec<Image>, SourceError>)> {
        self.others.images(among).await
    }
}
