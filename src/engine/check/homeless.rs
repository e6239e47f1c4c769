//! Content of repositories that are gone: somebody removed their folders, and nothing in storage tells their names any
//! more. A daemon that served them claims it there still, and nobody can ask it where.
//!
//! It is settled where the daemon remembers nothing, where Redis names every pair that it remembers, and where it is
//! known to have begun after a repository was last made or removed. Elsewhere the check is incomplete.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::Run;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::manifest::Manifest;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::Accusations;
use crate::domain::views::storage::{Repository, StorageView};
use crate::engine::blocking::blocking;
use crate::engine::ports::{Everything, Storage};

impl Run<'_> {
    /// Say of how many blobs nothing tells where the daemon may claim them: those that are stored and that no link ever
    /// led to, as far as can be seen, and those that were handed in.
    pub(super) async fn without_home(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: &Accusations,
        handed_in: usize,
    ) {
        if self.tells_what_it_remembers() {
            return;
        }
        let is_younger = |changed| self.began().is_some_and(|began| began > changed);
        let stored = if view.changed.is_some_and(is_younger) {
            0
        } else {
            let mut orphans = orphans(view, accusations);
            orphans.extend(self.young_orphans(storage, view).await);
            self.since_last(view, orphans).len()
        };
        let blobs = (stored + handed_in) as u64;
        if blobs > 0 {
            self.coverage.unknown.push(Unlooked::new(Thing::Suspects, Reason::NoRepository { blobs }));
        }
    }

    /// Those that had a link, or were not stored, at the last look: of the others all was known then.
    fn since_last(&self, view: &StorageView, mut orphans: BTreeSet<Digest>) -> BTreeSet<Digest> {
        let settled = self.last.as_ref().filter(|last| last.was_settled() && !orphans.is_empty());
        let Some(last) = settled else { return orphans };
        let is_same = view.changed.is_none_or(|changed| last.outcome.settled.is_some_and(|at| changed < at));
        if is_same {
            let known = unlinked(&last.view, i64::MIN);
            orphans.retain(|digest| !known.contains(digest));
        }
        orphans
    }

    /// The blobs that are too young to be called orphans, and have no link at a second look at all of storage either: what a
    /// push brings meanwhile is linked as soon as it is stored.
    async fn young_orphans(&self, storage: &Arc<dyn Storage>, view: &Arc<StorageView>) -> BTreeSet<Digest> {
        let extent = &self.options.extent;
        // What could not be read may link them.
        if !extent.scope.is_everything() || !view.unknown.is_empty() {
            return BTreeSet::new();
        }
        let youngest = view.collected.as_second().saturating_sub(extent.grace.as_secs());
        let returned = self.options.leads.returned.clone();
        let (storage, view, events) = (Arc::clone(storage), Arc::clone(view), Arc::clone(&self.events));
        let look = move || {
            let mut first = unlinked(&view, youngest);
            first.retain(|digest| !returned.contains(digest));
            if first.is_empty() {
                return BTreeSet::new();
            }
            let again = storage.collect(&Everything, &*events);
            let again = again.map(|again| unlinked(&again, youngest)).unwrap_or_default();
            again.intersection(&first).copied().collect()
        };
        blocking(look).await
    }
}

/// The blobs since that time that nothing links or needs, nor ever did as far as can be seen.
fn unlinked(view: &StorageView, youngest: i64) -> HashSet<Digest> {
    let young = view.blobs.iter().filter(|blob| blob.modified >= youngest);
    let mut open: HashSet<Digest> = young.map(|blob| blob.digest).collect();
    if open.is_empty() {
        return open;
    }
    for repository in &view.repositories {
        for link in repository.layers.iter().chain(&repository.revisions) {
            open.remove(&link.digest);
            open.remove(&link.data().unwrap_or(link.digest));
        }
        let traces = repository.traces.layers.iter().chain(&repository.traces.revisions);
        for trace in traces {
            open.remove(&trace.digest);
        }
    }
    for (digest, read) in view.manifests.iter() {
        open.remove(digest);
        for need in read.manifest().into_iter().flat_map(Manifest::references) {
            open.remove(&need.digest);
        }
    }
    open
}

/// The stored blobs that have neither a link nor the folder of one.
fn orphans(view: &StorageView, accusations: &Accusations) -> BTreeSet<Digest> {
    let of = |repository: &Repository| {
        let traces = &repository.traces;
        let left: Vec<Digest> =
            traces.layers.iter().chain(&traces.revisions).map(|trace| trace.digest).collect();
        left
    };
    let left: BTreeSet<Digest> = view.repositories.iter().flat_map(of).collect();
    let orphans = accusations.iter().map(|accusation| &accusation.finding);
    let orphans = orphans.filter(|finding| finding.code == Code::OrphanBlob);
    orphans.filter_map(|finding| finding.subject.digest).filter(|digest| !left.contains(digest)).collect()
}
