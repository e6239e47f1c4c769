//! The registry's storage as it was opened, whatever it is on: what reads it, what changes it, and what comes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "cloud")]
use super::bucket::{BucketStorage, BucketUploads, BucketWriter};
#[cfg(feature = "cloud")]
use super::source::BucketSource;
use super::storage::{FilesystemCensus, FilesystemStorage, FilesystemUploads, FilesystemWriter, quarantined};
use crate::engine::ports::{
    Census, Source, Storage, StorageError, StorageWriteError, StorageWriter, Uploads,
};

/// A registry's storage, opened.
#[derive(Debug, Clone)]
pub enum OpenedStorage {
    /// On a disk.
    Disk(FilesystemStorage),
    /// In a bucket.
    #[cfg(feature = "cloud")]
    Bucket(BucketStorage),
}

impl OpenedStorage {
    /// Where it is, for people.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Disk(disk) => disk.location(),
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.location(),
        }
    }

    /// What reads it.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Storage> {
        match self {
            Self::Disk(disk) => Arc::new(disk.clone()),
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => Arc::new(bucket.clone()),
        }
    }

    /// Keep in that folder what need not be looked at twice.
    #[cfg_attr(not(feature = "cloud"), expect(unused_variables, reason = "a disk is looked at again"))]
    pub fn remember_in(&self, state: &Path) {
        match self {
            Self::Disk(_) => {}
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.remember_in(state),
        }
    }

    /// What sees its upload sessions.
    #[must_use]
    pub fn uploads(&self) -> Arc<dyn Uploads> {
        match self {
            Self::Disk(disk) => Arc::new(FilesystemUploads::new(disk.root())),
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => Arc::new(BucketUploads::new(bucket.clone())),
        }
    }

    /// What changes it for the run of that name; `roots` are the paths under which others changed it.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn writer(&self, run: &str, roots: &[PathBuf]) -> Result<Arc<dyn StorageWriter>, StorageWriteError> {
        match self {
            Self::Disk(disk) => Ok(Arc::new(FilesystemWriter::new(disk.root(), run)?.once_at(roots))),
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => Ok(Arc::new(BucketWriter::new(bucket.clone(), run))),
        }
    }

    /// Its folder, as `…/docker/registry/v2`, where it is on a disk.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Disk(disk) => Some(disk.root()),
            #[cfg(feature = "cloud")]
            Self::Bucket(_) => None,
        }
    }

    /// The same by another path that leads to it.
    ///
    /// # Errors
    /// When nothing is there.
    pub fn seen_at(&self, v2: &Path) -> Result<Self, StorageError> {
        match self {
            Self::Disk(_) => FilesystemStorage::open(v2).map(Self::Disk),
            #[cfg(feature = "cloud")]
            Self::Bucket(_) => Ok(self.clone()),
        }
    }

    /// Its address, where no folder tells it from others.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Disk(_) => None,
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => Some(bucket.location()),
        }
    }

    /// Its blobs as a source, where that is not its folder.
    #[must_use]
    pub fn source(&self) -> Option<Box<dyn Source>> {
        match self {
            Self::Disk(_) => None,
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => Some(Box::new(BucketSource::new(bucket.clone()))),
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
