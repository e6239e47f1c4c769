//! The registry's storage as it was opened, whatever it is on: what reads it, what changes it, and what comes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::storage::{FilesystemCensus, FilesystemStorage, FilesystemUploads, FilesystemWriter, quarantined};
use crate::engine::ports::{Census, Storage, StorageWriteError, StorageWriter, Uploads};

/// A registry's storage, opened.
#[derive(Debug, Clone)]
pub enum OpenedStorage {
    /// On a disk.
    Disk(FilesystemStorage),
}

impl OpenedStorage {
    /// Where it is, for people.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Disk(disk) => disk.location(),
        }
    }

    /// What reads it.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Storage> {
        match self {
            Self::Disk(disk) => Arc::new(disk.clone()),
        }
    }

    /// What sees its upload sessions.
    #[must_use]
    pub fn uploads(&self) -> Arc<dyn Uploads> {
        match self {
            Self::Disk(disk) => Arc::new(FilesystemUploads::new(disk.root())),
        }
    }

    /// What changes it for the run of that name.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn writer(&self, run: &str) -> Result<Arc<dyn StorageWriter>, StorageWriteError> {
        match self {
            Self::Disk(disk) => Ok(Arc::new(FilesystemWriter::new(disk.root(), run)?)),
        }
    }

    /// Its folder, as `…/docker/registry/v2`, where it is on a disk.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Disk(disk) => Some(disk.root()),
        }
    }

    /// What counts its blobs, where that is cheap.
    #[must_use]
    pub fn census(&self) -> Option<Arc<dyn Census>> {
        self.folder().map(|folder| Arc::new(FilesystemCensus::new(folder)) as Arc<dyn Census>)
    }

    /// The folder with what the last run to put something away did so with, where it is on a disk.
    #[must_use]
    pub fn quarantined(&self) -> Option<PathBuf> {
        self.folder().map(quarantined).unwrap_or_default().into_iter().next()
    }
}
