//! What bounds and remembers a content check.

use std::path::PathBuf;

use thiserror::Error;

use crate::domain::content::ContentPass;

/// How fast content may be read. Called from many threads.
pub trait Pace: Send + Sync {
    /// Take note that so many bytes were read; returns when more may be.
    fn spend(&self, bytes: u64);
}

/// As fast as it goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhurried;

impl Pace for Unhurried {
    fn spend(&self, _bytes: u64) {}
}

/// Where a content check that may take several runs has got to.
pub trait Bookmark: Send + Sync {
    /// What was remembered last, if anything was.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    fn load(&self) -> Result<Option<ContentPass>, BookmarkError>;

    /// Remember this, and only this.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save(&self, pass: &ContentPass) -> Result<(), BookmarkError>;
}

/// Why a content check's progress could not be remembered.
#[derive(Debug, Error)]
#[error("cannot {what} `{}`", path.display())]
pub struct BookmarkError {
    /// `read` or `write`.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: std::io::Error,
}
