//! What one check keeps for the next.

use std::path::PathBuf;

use thiserror::Error;

use crate::domain::last_look::{LastLook, LookOutcome};
use crate::domain::views::storage::StorageView;

/// Where the last look at a registry is kept. Blocking.
pub trait Memory: Send + Sync {
    /// The last look, if there was one; of its manifests only those that storage does not show `now`: they take the most
    /// memory, and a digest means the same bytes.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    fn load(&self, now: &StorageView) -> Result<Option<LastLook>, MemoryError>;

    /// Keep this one instead.
    ///
    /// # Errors
    /// When it cannot be written; the one before may then be lost, too.
    fn save(&self, view: &StorageView, outcome: &LookOutcome) -> Result<(), MemoryError>;
}

/// Why the last look is not to be had.
#[derive(Debug, Error)]
#[error("cannot {what} `{}`: {why}", path.display())]
pub struct MemoryError {
    /// `read` or `write`.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}
