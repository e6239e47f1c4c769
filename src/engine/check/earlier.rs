//! What earlier looks tell of storage that keeps no times: by when something was gone.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::Run;
use crate::domain::digest::Digest;
use crate::domain::last_look::LastLook;
use crate::domain::views::storage::{Link, Repository, StorageView};
use crate::engine::ports::Storage;

/// The looks before this one.
pub(super) struct Earlier {
    /// When the last one was.
    last: Option<Timestamp>,
    /// What was known by then, and gone.
    gone: HashSet<Digest>,
    /// The one that was handed in, such as the guard's before garbage collection.
    since: Option<Arc<StorageView>>,
}

impl Run<'_> {
    /// The looks before this one, for storage that keeps no traces.
    pub(super) fn earlier(&self, storage: &dyn Storage) -> Earlier {
        let last = self.last.as_ref().filter(|_| !storage.keeps_traces());
        Earlier {
            last: last.map(|last| last.view.collected),
            gone: last.map(|last| known_and_gone(last)).unwrap_or_default(),
            since: self.options.leads.since.clone(),
        }
    }
}

impl Earlier {
    /// By when a blob was gone: as storage itself tells, or as the last look did that knew of it and lacked it.
    pub(super) fn gone_by(&self, storage: &dyn Storage, digest: &Digest) -> Option<Timestamp> {
        let told = storage.gone_by(digest).present().copied();
        told.or_else(|| {
            self.last.filter(|last| self.gone.contains(digest) && !self.came_after(*last, digest))
        })
    }

    fn came_after(&self, last: Timestamp, digest: &Digest) -> bool {
        self.since.as_ref().is_some_and(|since| since.collected > last && since.blob(digest).is_some())
    }
}

/// What was open, or had a link, and was not stored.
fn known_and_gone(last: &LastLook) -> HashSet<Digest> {
    let open = last.outcome.open.iter().map(|suspect| suspect.digest);
    let linked = |one: &Repository| -> Vec<Digest> {
        let is_gone = |digest: &Digest| last.view.blob(digest).is_none();
        one.layers
            .iter()
            .chain(&one.revisions)
            .filter_map(|link: Link<'_>| link.data())
            .filter(is_gone)
            .collect()
    };
    let open = open.filter(|digest| last.view.blob(digest).is_none());
    last.view.repositories.iter().flat_map(linked).chain(open).collect()
}
