//! What a walk has to tell beside what it was looking for: stray files, and what it could not look at.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::domain::layout::Place;
use crate::domain::observed::{Reason, Unlooked};
use crate::domain::views::storage::{Closed, StrayFile};

/// What came up. Paths are printable and below the storage root.
#[derive(Debug, Default)]
pub(in crate::adapters) struct Notes {
    pub(in crate::adapters) stray: Vec<StrayFile>,
    pub(in crate::adapters) closed: Vec<Closed>,
    pub(in crate::adapters) unknown: Vec<Unlooked>,
}

impl Notes {
    /// Something is there that the layout does not know.
    pub(in crate::adapters) fn stray(&mut self, path: String, why: &str) {
        self.stray.push(StrayFile { place: path.into(), why: why.to_owned() });
    }

    /// A symbolic link was not followed.
    pub(super) fn symlink(&mut self, path: String) {
        self.unknown.push(Unlooked::new(Place::from(path), Reason::Symlink));
    }

    /// Looking failed. What has vanished since it was listed is no failure.
    pub(super) fn failed(&mut self, path: String, error: &io::Error) {
        if !is_gone(error) {
            self.unknown.push(Unlooked::new(Place::from(path), explain(error)));
        }
    }

    /// Take in what another walk noted.
    pub(in crate::adapters) fn extend(&mut self, other: Self) {
        self.stray.extend(other.stray);
        self.closed.extend(other.closed);
        self.unknown.extend(other.unknown);
    }

    /// What is kept from the daemon's user: taken out, sorted, each once.
    pub(super) fn closed(&mut self) -> Vec<Closed> {
        let mut closed = std::mem::take(&mut self.closed);
        closed.sort_unstable();
        closed.dedup();
        closed
    }

    /// Both lists sorted, each entry once, the paths of what is unknown made absolute.
    pub(in crate::adapters) fn finish(mut self, root: &Path) -> (Vec<StrayFile>, Vec<Unlooked>) {
        let root: Arc<str> = root.display().to_string().into();
        let below = |unlooked: Unlooked| Unlooked { what: unlooked.what.below(&root), ..unlooked };
        self.unknown = self.unknown.into_iter().map(below).collect();
        self.stray.sort_unstable();
        self.stray.dedup();
        Unlooked::sort(&mut self.unknown);
        (self.stray, self.unknown)
    }
}

/// Whether the error says that the thing is not there.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The error in words; `ELOOP` is what opening a symbolic link without following it gives.
pub(super) fn explain(error: &io::Error) -> Reason {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        Reason::Symlink
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        Reason::Forbidden
    } else {
        error.to_string().into()
    }
}
