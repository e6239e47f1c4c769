//! Manifests that are gone with their names: garbage collection with `-m` takes the folder of an untagged one, and all
//! that tells of it is what is left of its layers: links without data, or the folders of links. A daemon that
//! remembers it swallows a push of it, and nobody can ask about what nothing names.
//!
//! It is settled where the daemon remembers nothing, where Redis names all that it remembers, and where the daemon began
//! after the layers were gone. What a manifest that is stored or was kept held is accounted for: one that is linked, or
//! one that nothing links, as those are that were put back. Elsewhere the check is incomplete.

use std::collections::HashSet;
use std::sync::Arc;

use super::earlier::Earlier;
use super::{Leads, Run};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::last_look::LastLook;
use crate::domain::manifest::{self, MAX_MANIFEST_BYTES, Manifest};
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::Accusations;
use crate::domain::start::Start;
use crate::domain::views::storage::{Link, Repository, StorageView};
use crate::engine::blocking::blocking;
use crate::engine::ports::Storage;

/// So many blobs that nothing links are read, the smallest: one of them may be a manifest.
const UNLINKED: usize = 4096;

impl Run<'_> {
    /// Say in which repositories something is gone that no known manifest held, unless one is lost there that may have,
    /// which says as much. Returns whether anything was said.
    pub(super) async fn without_name(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: &Accusations,
    ) -> bool {
        if self.tells_what_it_remembers() {
            return false;
        }
        let remains = Remains {
            storage: Arc::clone(storage),
            view: Arc::clone(view),
            leads: self.options.leads.clone(),
            earlier: self.earlier(&**storage),
            start: self.start.clone().and_then(Result::ok),
            last: self.last.clone(),
        };
        let shard = self.options.extent.shard;
        let mut left = blocking(move || remains.unaccounted()).await;
        let codes = [Code::MissingManifest, Code::PhantomManifest];
        let lost = accusations.iter().map(|known| &known.finding).filter(|known| codes.contains(&known.code));
        let lost = lost.filter_map(|finding| finding.subject.repository.as_ref());
        let named: HashSet<_> = lost.chain(self.unsettled.iter().map(|(name, _)| name)).collect();
        let is_ours = |name: &RepositoryName| shard.is_none_or(|shard| shard.has_repository(name));
        left.retain(|(name, _)| !named.contains(name));
        // Every part of a check has to know whether one of them says it.
        let is_said = !left.is_empty();
        left.retain(|(name, _)| is_ours(name));
        if let Some((example, _)) = left.first() {
            let (repositories, blobs) = (left.len(), left.iter().map(|(_, blobs)| *blobs as u64).sum());
            let why = Reason::NoName { blobs, repositories, example: Box::new(example.clone()) };
            self.coverage.unknown.push(Unlooked::new(Thing::Nameless, why));
        }
        is_said
    }
}

/// What is left of layers, and what may account for it.
struct Remains {
    storage: Arc<dyn Storage>,
    view: Arc<StorageView>,
    leads: Leads,
    earlier: Earlier,
    /// When the daemon started, where that is known.
    start: Option<Start>,
    /// What the last check saw.
    last: Option<Arc<LastLook>>,
}

impl Remains {
    /// How many blobs of which repository are gone that no known manifest held, and whose manifest the daemon may remember.
    fn unaccounted(&self) -> Vec<(RepositoryName, usize)> {
        let left = self.view.repositories.iter().map(|one| (one, self.of(one)));
        let mut left: Vec<_> = left.filter(|(_, blobs)| !blobs.is_empty()).collect();
        let mut open: HashSet<Digest> = left.iter().flat_map(|(_, blobs)| blobs).copied().collect();
        let before = self.leads.since.iter().chain(self.last.iter().map(|last| &last.view));
        let before = before.flat_map(|before| before.manifests.values());
        for read in self.view.manifests.values().chain(before) {
            close(&mut open, read.manifest());
        }
        if !open.is_empty() {
            self.unlinked(|manifest| close(&mut open, Some(manifest)));
        }
        for (_, blobs) in &mut left {
            blobs.retain(|digest| open.contains(digest));
        }
        left.retain(|(_, blobs)| !blobs.is_empty());
        left.into_iter().map(|(repository, blobs)| (repository.name.clone(), blobs.len())).collect()
    }

    /// The layers that are gone from a repository, as far as the daemon may remember who held them.
    fn of(&self, repository: &Repository) -> Vec<Digest> {
        let began = self.start.as_ref().map(Start::second);
        let is_gone = |digest: &Digest| self.view.blob(digest).is_none() && !self.was_seen(digest);
        let traces = repository.traces.layers.iter().filter(|trace| trace.is_remembered(began));
        let links = repository.layers.iter().filter_map(Link::data);
        // A folder may have lost its link long after the data went: when its claim was cleared.
        let layers = traces.map(|trace| trace.digest).chain(links);
        layers.filter(|digest| is_gone(digest) && !self.was_gone_before(digest)).collect()
    }

    /// Whether it went in a garbage collection before which every manifest was looked at, or was known to be gone already
    /// at the last look.
    fn was_seen(&self, digest: &Digest) -> bool {
        let is_in = |since: &Arc<StorageView>| since.blob(digest).is_some();
        self.leads.is_whole && self.leads.since.as_ref().is_some_and(is_in)
            || self.last.as_ref().is_some_and(|last| last.accounts_for(digest))
    }

    fn was_gone_before(&self, digest: &Digest) -> bool {
        let Some(start) = &self.start else { return false };
        self.earlier.gone_by(&*self.storage, digest).is_some_and(|gone| start.is_after(gone))
    }

    /// Meet every manifest that is stored and that nothing links.
    fn unlinked(&self, mut meet: impl FnMut(&Manifest)) {
        let links = self.view.repositories.iter().flat_map(|repository| repository.layers.iter());
        // A byte for each blob: of what links a large registry has, nothing else is kept.
        let mut linked = vec![false; self.view.blobs.len()];
        for at in links.filter_map(Link::data).filter_map(|digest| self.view.position(&digest)) {
            if let Some(linked) = linked.get_mut(at) {
                *linked = true;
            }
        }
        let blobs = self.view.blobs.iter().zip(linked).filter(|(_, linked)| !linked).map(|(blob, _)| blob);
        let is_manifest = |digest: &Digest| self.view.manifests.contains_key(digest);
        let mut blobs: Vec<_> =
            blobs.filter(|blob| blob.size <= MAX_MANIFEST_BYTES && !is_manifest(&blob.digest)).collect();
        blobs.sort_unstable_by_key(|blob| blob.size);
        for blob in blobs.into_iter().take(UNLINKED) {
            let starts = self.storage.read(&blob.digest, 1).present().is_some_and(|byte| byte == b"{");
            let bytes = if starts { self.storage.read(&blob.digest, MAX_MANIFEST_BYTES) } else { continue };
            if let Some(Ok(manifest)) = bytes.present().map(|bytes| manifest::parse(bytes)) {
                meet(&manifest);
            }
        }
    }
}

/// What it holds is accounted for.
fn close(open: &mut HashSet<Digest>, manifest: Option<&Manifest>) {
    for need in manifest.into_iter().flat_map(|manifest| &manifest.needs) {
        open.remove(&need.digest);
    }
}
