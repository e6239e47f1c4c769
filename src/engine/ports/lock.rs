//! The right to change a registry: one run at a time has it.

use std::sync::Arc;

use thiserror::Error;

use super::{Journal, JournalError, StorageWriteError, StorageWriter};

/// Whoever gives the right to change a registry.
pub trait RegistryLock: Send + Sync {
    /// Take it, until what comes with it is dropped. Nothing in the registry was changed before that.
    ///
    /// # Errors
    /// When another run has it, or what comes with it cannot be opened.
    fn take(&self) -> Result<LockHeld, LockError>;
}

/// What comes with the right.
#[derive(Clone)]
pub struct LockHeld {
    /// Where every change is written down before it is made.
    pub journal: Arc<dyn Journal>,
    /// What changes storage, where there is one.
    pub storage: Option<Arc<dyn StorageWriter>>,
}

/// Why the registry may not be changed.
#[derive(Debug, Error)]
pub enum LockError {
    /// There is no journal to write to: another run holds it, or it cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Storage cannot be written to.
    #[error(transparent)]
    Storage(#[from] StorageWriteError),
}
