//! Files by name, in a folder or in a tar archive.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::open::open;
use super::tarball::Tarball;
use crate::engine::ports::{FileRange, SourceError};

/// No index of an archive is larger.
const MAX_INDEX_BYTES: u64 = 64 << 20;

pub(super) enum FileSet {
    Folder(PathBuf),
    Tarball(Tarball),
}

impl FileSet {
    /// The folder or archive as given.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) => path,
            Self::Tarball(tarball) => tarball.path(),
        }
    }

    /// The file of that name. In a folder, names are constants or made of digests;
    /// what an archive says is looked up in that archive only.
    pub(super) fn file(&self, name: &str) -> Result<Option<FileRange>, SourceError> {
        match self {
            Self::Folder(path) => open(&path.join(name)),
            Self::Tarball(tarball) => tarball.member(name),
        }
    }

    /// Read a file of JSON, where it exists.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SourceError> {
        let Some(file) = self.file(name)? else { return Ok(None) };
        let bytes = file.read(MAX_INDEX_BYTES)?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|error| SourceError::Unreadable {
            what: file.name().to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        })
    }
}
