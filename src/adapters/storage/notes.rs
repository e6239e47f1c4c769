//! What a walk has to tell beside what it was looking for: stray files, and what it could not look at.

use std::io;
use std::path::Path;

use crate::domain::observed::Unlooked;
use crate::domain::views::storage::StrayFile;

/// Why a symbolic link is reported as not looked at.
pub(super) const SYMLINK: &str = "it is a symbolic link, and those below the storage root are not followed";

/// What came up. Paths are printable and below the storage root.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) stray: Vec<StrayFile>,
    pub(super) unknown: Vec<Unlooked>,
}

impl Notes {
    /// Something is there that the layout does not know.
    pub(super) fn stray(&mut self, path: String, why: &str) {
        self.stray.push(StrayFile { place: path.into(), why: why.to_owned() });
    }

    /// A symbolic link was not followed.
    pub(super) fn symlink(&mut self, path: String) {
        self.unknown.push(Unlooked { what: path, why: SYMLINK.to_owned() });
    }

    /// Looking failed. What has vanished since it was listed is no failure.
    pub(super) fn failed(&mut self, path: String, error: &io::Error) {
        if !is_gone(error) {
            self.unknown.push(Unlooked { what: path, why: explain(error) });
        }
    }

    /// Take in what another walk noted.
    pub(super) fn extend(&mut self, other: Self) {
        self.stray.extend(other.stray);
        self.unknown.extend(other.unknown);
    }

    /// Both lists sorted, each entry once, the paths of what is unknown made absolute.
    pub(super) fn finish(mut self, root: &Path) -> (Vec<StrayFile>, Vec<Unlooked>) {
        for unlooked in &mut self.unknown {
            unlooked.what = root.join(&unlooked.what).display().to_string();
        }
        self.stray.sort_unstable();
        self.stray.dedup();
        self.unknown.sort_unstable();
        self.unknown.dedup();
        (self.stray, self.unknown)
    }
}

/// Whether the error says that the thing is not there.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The error in words; `ELOOP` is what opening a symbolic link without following it gives.
pub(super) fn explain(error: &io::Error) -> String {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        SYMLINK.to_owned()
    } else {
        error.to_string()
    }
}
