//! The right to change a registry: one run at a time has it.

use std::any::Any;
use std::sync::{Arc, Weak};

use thiserror::Error;

use super::{Journal, JournalError, StorageWriteError, StorageWriter};

/// Keeps all others from changing a registry while one run does: on this machine and, where storage is shared, on
/// others, whoever they are and wherever they keep their state.
pub trait RegistryLock: Send + Sync {
    /// Keep all others away, until the last [`Held`] of this run is dropped. Blocking, but not waiting for anybody.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run has it, and when there is no way to tell.
    fn hold(&self) -> Result<Held, LockError>;

    /// The same, with what changes the registry. Nothing in it was changed before that.
    ///
    /// # Errors
    /// As [`RegistryLock::hold`], and when what comes with it cannot be opened.
    fn take(&self) -> Result<LockHeld, LockError>;
}

/// The lock, held until the last clone of this is dropped.
#[derive(Debug, Clone)]
pub struct Held(Arc<dyn Any + Send + Sync>);

impl Held {
    /// Held as long as this is.
    #[must_use]
    pub fn new(lock: impl Any + Send + Sync) -> Self {
        Self(Arc::new(lock))
    }

    /// What tells later whether it is held still.
    #[must_use]
    pub fn downgrade(&self) -> Weak<dyn Any + Send + Sync> {
        Arc::downgrade(&self.0)
    }

    /// The same lock again, if it is held still.
    #[must_use]
    pub fn again(lock: &Weak<dyn Any + Send + Sync>) -> Option<Self> {
        lock.upgrade().map(Self)
    }
}

/// What comes with the right.
#[derive(Clone)]
pub struct LockHeld {
    /// What keeps all others away.
    pub held: Held,
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

impl LockError {
    /// That another run has it and who that is, with what to do, where that is all that is wrong.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Journal(locked @ JournalError::Locked { .. }) => {
                Some(format!("{locked}; {}", locked.hint()))
            }
            Self::Journal(_) | Self::Storage(_) => None,
        }
    }
}
