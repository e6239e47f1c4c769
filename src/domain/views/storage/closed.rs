//! What the daemon's user may not read, as owners and modes tell it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::StorageView;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject;
use crate::domain::layout::{FolderPlace, Place};

/// The numbers of a user and of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The user's.
    pub user: u32,
    /// The group's.
    pub group: u32,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

impl Owner {
    /// Whether a mode keeps them from what they need of a file or folder of that owner. Where a group may do it and it
    /// is not told who belongs to the group, it does not.
    #[must_use]
    pub const fn is_kept_out(self, owner: Self, mode: u32, is_folder: bool) -> bool {
        let need = if is_folder { 0o1 } else { 0o4 };
        let allowed = if self.user == owner.user { mode >> 6 } else { mode >> 3 | mode };
        self.user != 0 && allowed & need == 0
    }
}

/// A file or folder that its mode keeps from the daemon's user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Closed {
    /// Where it is.
    #[serde(rename = "path")]
    pub place: Place,
    /// Whose it is.
    pub owner: Owner,
    /// Who may do what with it.
    pub mode: u32,
    /// Whose the folder of all blobs is: the daemon's user.
    pub reader: Owner,
}

impl Closed {
    /// What cannot be read for it: in a folder, what lies there.
    #[must_use]
    pub fn what(&self) -> Place {
        if let Place::Folder(FolderPlace::Blob(digest)) = &self.place {
            Place::Data(*digest)
        } else if let Place::Folder(FolderPlace::Link(name, link)) = &self.place {
            Place::Link(name.clone(), link.clone())
        } else {
            self.place.clone()
        }
    }

    /// What a finding about it is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let what = self.what();
        if let Place::Data(digest) = what {
            Subject::data(digest)
        } else if let Place::Link(name, link) = what {
            Subject::link(name, link)
        } else {
            Subject::place(what)
        }
    }
}

impl StorageView {
    /// Whether the daemon's user may not read a blob's data, or the folder around it.
    #[must_use]
    pub fn is_closed_data(&self, digest: &Digest) -> bool {
        let places = || [Place::Data(*digest), Place::Folder(FolderPlace::Blob(*digest))];
        let is_closed =
            |place: &Place| self.closed.binary_search_by(|closed| closed.place.cmp(place)).is_ok();
        !self.closed.is_empty() && places().iter().any(is_closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_keeps_out_whom_it_gives_nothing() {
        let owner = |user, group| Owner { user, group };
        let daemon = owner(1000, 1000);
        for (of, mode, is_folder, expected) in [
            (owner(0, 0), 0o600, false, true),
            (owner(0, 0), 0o644, false, false),
            (owner(0, 1000), 0o640, false, false),
            // Whoever belongs to the group may.
            (owner(0, 5), 0o640, false, false),
            (owner(0, 0), 0o700, true, true),
            (owner(0, 0), 0o744, true, true),
            (owner(0, 0), 0o711, true, false),
            (daemon, 0o600, false, false),
            (daemon, 0o200, false, true),
            (daemon, 0o700, true, false),
        ] {
            assert_eq!(daemon.is_kept_out(of, mode, is_folder), expected, "{of} {mode:o}");
        }
        assert!(!owner(0, 0).is_kept_out(daemon, 0, false), "root reads everything");
    }
}
