//! The right to change a registry, as it lies in its state folder and beside its storage.

use std::path::PathBuf;
use std::sync::Arc;

use super::journal::FileJournal;
use super::storage::FilesystemWriter;
use crate::engine::ports::{LockError, LockHeld, RegistryLock, StorageWriter};

/// The lock of the registry whose state is in a folder.
#[derive(Debug, Clone)]
pub struct StateLock {
    /// The state folder, with the journal.
    pub state: PathBuf,
    /// Its storage, as `…/docker/registry/v2`, where it can be written to.
    pub storage: Option<PathBuf>,
    /// The name of the run that takes it.
    pub run: String,
}

impl RegistryLock for StateLock {
    fn take(&self) -> Result<LockHeld, LockError> {
        let journal = Arc::new(FileJournal::take(&self.state, &self.run)?);
        let writer = |v2: &PathBuf| FilesystemWriter::new(v2, &self.run);
        let storage = self.storage.as_ref().map(writer).transpose()?;
        Ok(LockHeld { journal, storage: storage.map(|writer| Arc::new(writer) as Arc<dyn StorageWriter>) })
    }
}
