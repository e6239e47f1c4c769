//! Content of repositories that are gone: somebody removed their folders, and nothing in storage tells their names any
//! more. A daemon that served them claims it there still, and nobody can ask it where.
//!
//! It is settled where the daemon remembers nothing, where Redis names every pair that it remembers, and where it is
//! known to have begun after a repository was last made or removed. Elsewhere the check is incomplete.

use std::collections::BTreeSet;

use super::Run;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::Accusations;
use crate::domain::views::storage::{Repository, StorageView};

impl Run<'_> {
    /// Say of how many blobs nothing tells where the daemon may claim them: those that are stored and that no link ever
    /// led to, as far as can be seen, and those that were handed in.
    pub(super) fn without_home(&mut self, view: &StorageView, accusations: &Accusations, handed_in: usize) {
        if self.tells_what_it_remembers() {
            return;
        }
        let is_younger = |changed| self.began().is_some_and(|began| began > changed);
        let stored = if view.changed.is_some_and(is_younger) { 0 } else { orphans(view, accusations) };
        let blobs = (stored + handed_in) as u64;
        if blobs > 0 {
            self.coverage.unknown.push(Unlooked::new(Thing::Suspects, Reason::NoRepository { blobs }));
        }
    }
}

/// How many stored blobs have neither a link nor the folder of one.
fn orphans(view: &StorageView, accusations: &Accusations) -> usize {
    let of = |repository: &Repository| {
        let traces = &repository.traces;
        let left: Vec<Digest> =
            traces.layers.iter().chain(&traces.revisions).map(|trace| trace.digest).collect();
        left
    };
    let left: BTreeSet<Digest> = view.repositories.iter().flat_map(of).collect();
    let orphans = accusations.iter().map(|accusation| &accusation.finding);
    let orphans = orphans.filter(|finding| finding.code == Code::OrphanBlob);
    orphans.filter_map(|finding| finding.subject.digest).filter(|digest| !left.contains(digest)).count()
}
