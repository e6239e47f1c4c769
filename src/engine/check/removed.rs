//! Content that is gone without a trace of what it was: an index that garbage collection with `-m` took, the images of a
//! repository whose folder was removed. All that tells of it is the folder of blobs that it lay in, which was changed
//! when it went.
//!
//! A bucket has not even such folders. There the looks of earlier checks tell what was there before the daemon started, or
//! that nothing was open since; without one the check is incomplete.
//!
//! It is settled where the daemon remembers nothing, where Redis names all that it remembers, where the daemon began later,
//! and where something that belongs into that folder is known to be gone: that is asked about by its name. Elsewhere the
//! check is incomplete.

use std::collections::HashSet;
use std::sync::Arc;

use super::Run;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::{Accusation, Accusations};
use crate::domain::views::storage::{Link, Removal, Repository, StorageView, TagTarget};
use crate::engine::blocking::blocking;
use crate::engine::ports::Storage;

/// What is found where something is gone.
const LOST: [Code; 4] = [Code::MissingBlob, Code::MissingManifest, Code::PhantomBlob, Code::PhantomManifest];

impl Run<'_> {
    /// Learn from which folders something has gone, where a daemon may remember what it was.
    pub(super) async fn look_for_removals(&mut self, storage: &Arc<dyn Storage>, view: &Arc<StorageView>) {
        if self.tells_what_it_remembers() {
            return;
        }
        let (storage, view) = (Arc::clone(storage), Arc::clone(view));
        self.removals = blocking(move || storage.removals(&view.blobs)).await;
    }

    /// Say from how many of them nothing is known to be gone.
    pub(super) fn without_trace(&mut self, view: &StorageView, accusations: &Accusations) {
        let began = self.start.clone().and_then(Result::ok);
        let is_settled = |removal: &Removal| {
            began.as_ref().is_some_and(|start| start.is_after(removal.at))
                || self.last.as_ref().is_some_and(|last| last.outcome.removals.contains(removal))
        };
        let mut removals: Vec<_> =
            self.removals.iter().copied().filter(|removal| !is_settled(removal)).collect();
        if removals.is_empty() {
            return;
        }
        let gone = self.known_to_be_gone(view, accusations);
        removals.retain(|removal| !gone.contains(&removal.first));
        if let Some(last) = removals.iter().map(|removal| removal.at).max() {
            let why = Reason::Removed { places: removals.len(), last };
            self.coverage.unknown.push(Unlooked::new(Thing::Nameless, why));
        }
    }

    /// Say so of storage that keeps no trace at all of what is gone, unless something is found to be gone: whoever settles
    /// that learns of the rest. What was there before the daemon could remember it is known by name where an earlier look saw
    /// it; what came and went since that look is not.
    pub(super) fn untraced(&mut self, storage: &dyn Storage, accusations: &Accusations) {
        let is_hidden = !self.tells_what_it_remembers() && self.options.extent.scope.is_everything();
        if storage.keeps_traces() || !is_hidden {
            return;
        }
        self.is_untraced = !self.was_looked_at();
        let found = |known: &Accusation| LOST.contains(&known.finding.code);
        if !self.is_untraced {
            self.coverage.limits.0.push(Limit::Untraced);
        } else if !accusations.iter().any(found) {
            self.coverage.unknown.push(Unlooked::new(Thing::Nameless, Reason::NoTraces));
        }
    }

    /// Whether storage was looked at with nothing left open, or before the daemon started.
    fn was_looked_at(&self) -> bool {
        let start = self.start.as_ref().and_then(|start| start.as_ref().ok());
        let is_before = |view: &Arc<StorageView>| start.is_some_and(|start| start.is_after(view.collected));
        self.last.as_ref().is_some_and(|last| last.outcome.settled.is_some())
            || self.options.leads.since.iter().chain(self.last.iter().map(|last| &last.view)).any(is_before)
    }

    /// What the digests begin with of all that is known to be gone.
    fn known_to_be_gone(&self, view: &StorageView, accusations: &Accusations) -> HashSet<u8> {
        let leads = &self.options.leads;
        let linked = view.repositories.iter().flat_map(linked);
        let accused = accusations.iter().filter_map(|accusation| accusation.finding.subject.digest);
        let handed_in = leads.suspects.iter().map(|suspect| suspect.digest);
        let before = leads.since.iter().chain(self.last.iter().map(|last| &last.view));
        let before = before.flat_map(|before| before.blobs.iter().map(|blob| blob.digest));
        let open = self.last.iter().flat_map(|last| &last.outcome.open).map(|suspect| suspect.digest);
        // What manifests and tags name counts whichever part of a check is to judge it.
        let needed = view.manifests.readable().flat_map(|(_, manifest)| {
            let children = manifest.children.iter().map(|child| child.digest);
            manifest.needs.iter().map(|need| need.digest).chain(children)
        });
        let tags = view.repositories.iter().flat_map(|repository| &repository.tags);
        let tagged = tags.filter_map(|tag| match tag.current {
            TagTarget::Digest(digest) => Some(digest),
            TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
        });
        let named = linked.chain(needed).chain(tagged);
        let all = named.chain(accused).chain(handed_in).chain(before).chain(open);
        let gone = all.filter(|digest| view.blob(digest).is_none());
        gone.filter_map(|digest| Removal::first(&digest)).collect()
    }
}

/// What a repository has links to, or had.
fn linked(repository: &Repository) -> impl Iterator<Item = Digest> {
    let Repository { layers, revisions, traces, .. } = repository;
    let links = layers.iter().chain(revisions);
    let traces = traces.layers.iter().chain(&traces.revisions).map(|trace| trace.digest);
    links.map(|link: Link<'_>| link.data().unwrap_or(link.digest)).chain(traces)
}
