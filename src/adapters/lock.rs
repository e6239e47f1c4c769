//! The right to change a registry, as it lies in its state folder and beside its storage.

use std::any::Any;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::journal::{FileJournal, FileLock, Roots};
use super::opened::OpenedStorage;
use crate::engine::ports::{Held, LockError, LockHeld, RegistryLock};

/// The lock of the registry whose state is in a folder, and what a run that has it works with.
#[derive(Debug)]
pub struct StateLock {
    /// The state folder, with the journal.
    state: PathBuf,
    /// Its storage, where that was given.
    storage: Option<OpenedStorage>,
    /// The name of the run that takes it.
    run: String,
    file: FileLock,
    /// What this run holds already.
    held: Mutex<Option<Weak<dyn Any + Send + Sync>>>,
}

impl StateLock {
    /// The lock of the registry with this state folder, this storage and this address, for a run of that name.
    #[must_use]
    pub fn new(state: PathBuf, storage: Option<OpenedStorage>, address: Option<&str>, run: String) -> Self {
        let stored = storage.as_ref().and_then(OpenedStorage::address);
        let file = FileLock::new(storage.as_ref().and_then(OpenedStorage::folder), address)
            .and_at(stored.as_deref());
        Self { state, storage, run, file, held: Mutex::default() }
    }
}

impl RegistryLock for StateLock {
    fn hold(&self) -> Result<Held, LockError> {
        let mut before = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = before.as_ref().and_then(Held::again) {
            return Ok(held);
        }
        let held = self.file.take()?;
        *before = Some(held.downgrade());
        Ok(held)
    }

    fn take(&self) -> Result<LockHeld, LockError> {
        let held = self.hold()?;
        let journal = Arc::new(FileJournal::take(&self.state, &self.run)?);
        if let Some(v2) = self.storage.as_ref().and_then(OpenedStorage::folder) {
            // Without that note its journal is found by this path alone, which is no reason not to repair.
            let _ = Roots::note(&self.state, v2);
        }
        let roots = Roots::read(&self.state).paths;
        let writer = |storage: &OpenedStorage| storage.writer(&self.run, &roots);
        let storage = self.storage.as_ref().map(writer).transpose()?;
        Ok(LockHeld { held, journal, storage })
    }
}
