//! The times of folders, and what they tell: when something last came or went.

use std::fs::File;
use std::io;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Stat, fstat};

use super::folder::Folder;

/// So much later than it was modified a folder is changed only by somebody who changes its times or owner.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_millis(200);

/// The times of a folder or a file.
pub(super) struct Times {
    pub(super) modified: Timestamp,
    /// When it, or what is known about it, was last changed.
    pub(super) changed: Timestamp,
}

impl Times {
    pub(super) fn of(folder: &Folder) -> io::Result<Self> {
        Self::told(&fstat(folder.handle())?)
    }

    pub(super) fn told(stat: &Stat) -> io::Result<Self> {
        Ok(Self {
            modified: time(stat.st_mtime, stat.st_mtime_nsec)?,
            changed: time(stat.st_ctime, stat.st_ctime_nsec)?,
        })
    }

    /// Whether somebody set the times back, as whoever restores a backup does, or changed the owner: then the time of change
    /// counts.
    pub(super) fn is_touched(&self) -> bool {
        self.changed.duration_since(self.modified) > SETTLING
    }

    /// When something last came or went.
    pub(super) fn last(&self) -> Timestamp {
        if self.is_touched() { self.changed } else { self.modified }
    }
}

/// Systems differ in how wide the nanoseconds are.
fn time(seconds: i64, nanoseconds: impl TryInto<i32>) -> io::Result<Timestamp> {
    Timestamp::new(seconds, nanoseconds.try_into().unwrap_or_default()).map_err(io::Error::other)
}

/// When a folder was made, where the filesystem tells it.
pub(super) fn made(folder: &Folder) -> Option<Timestamp> {
    let made = File::from(folder.handle().try_clone().ok()?).metadata().ok()?.created().ok()?;
    Timestamp::try_from(made).ok()
}
