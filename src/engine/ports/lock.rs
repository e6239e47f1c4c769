//! One writer a registry.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::journal::JournalError;

/// Keeps all others from changing a registry while one run does: on this machine and, where storage is shared, on
/// others, whoever they are and wherever they keep their state.
pub trait RegistryLock: Send + Sync {
    /// Take it. Blocking, but not waiting for anybody.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run has it, and when there is no way to tell.
    fn take(&self) -> Result<Held, JournalError>;
}

/// The lock, held until the last clone of this is dropped.
#[derive(Clone)]
pub struct Held {
    _lock: Arc<dyn Any + Send + Sync>,
}

impl Held {
    /// Held as long as this is.
    #[must_use]
    pub fn new(lock: impl Any + Send + Sync) -> Self {
        Self { _lock: Arc::new(lock) }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}
