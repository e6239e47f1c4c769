//! Distribution's storage layout on a filesystem, and the few operations a registry does on it.
//!
//! ```text
//! docker/registry/v2/blobs/sha256/ab/abcd…/data
//! docker/registry/v2/repositories/NAME/_layers/sha256/abcd…/link
//! docker/registry/v2/repositories/NAME/_manifests/revisions/sha256/abcd…/link
//! docker/registry/v2/repositories/NAME/_manifests/tags/TAG/{current/link,index/sha256/abcd…/link}
//! docker/registry/v2/repositories/NAME/_uploads/UUID/{data,startedat,hashstates/sha256/OFFSET}
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::digest::{Algorithm, Digest};

use super::cache::Descriptor;

/// Why the registry cannot do something with its storage; worded as the real one words it.
#[derive(Debug, Error)]
pub(super) enum StoreError {
    /// The blob or revision is not known here: distribution's `ErrBlobUnknown`.
    #[error("unknown blob")]
    Unknown,
    /// A path that had to be there is not.
    #[error("filesystem: Path not found: {0}")]
    PathNotFound(String),
    /// A path that no driver takes.
    #[error("filesystem: invalid path: {0}")]
    InvalidPath(String),
    /// A link file or a path names no digest.
    #[error("{0}")]
    InvalidDigest(&'static str),
    /// A stored manifest cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// `-m` on a repository without a `tags` folder.
    #[error("unknown repository name={0}")]
    RepositoryUnknown(String),
    /// The filesystem refuses.
    #[error("filesystem: {path}: {cause}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// The tree below `docker/registry/v2` of one root directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    base: PathBuf,
}

/// go-digest's verdict on a text: which of its three complaints applies.
pub(super) fn parse_strictly(text: &str) -> Result<Digest, StoreError> {
    let why = match text.split_once(':') {
        None | Some(("", _) | (_, "")) => "invalid checksum digest format",
        Some((name, hex)) => match Algorithm::from_name(name) {
            None => "unsupported digest algorithm",
            Some(Algorithm::Sha256) if hex.len() != 64 => "invalid checksum digest length",
            Some(Algorithm::Sha512) if hex.len() != 128 => "invalid checksum digest length",
            Some(_) => "invalid checksum digest format",
        },
    };
    text.parse().ok().ok_or(StoreError::InvalidDigest(why))
}

fn folder(parent: &Path, digest: &Digest) -> PathBuf {
    parent.join(digest.algorithm().as_str()).join(digest.hex())
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { base: root.join("docker/registry/v2") }
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.base.join("blobs")
    }

    pub(super) fn repositories(&self) -> PathBuf {
        self.base.join("repositories")
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let prefix = hex.get(..2).unwrap_or_default();
        self.blobs().join(digest.algorithm().as_str()).join(prefix).join(&hex)
    }

    pub(super) fn data(&self, digest: &Digest) -> PathBuf {
        self.blob(digest).join("data")
    }

    pub(super) fn repository(&self, name: &str) -> PathBuf {
        self.repositories().join(name)
    }

    pub(super) fn layers(&self, name: &str) -> PathBuf {
        self.repository(name).join("_layers")
    }

    pub(super) fn revisions(&self, name: &str) -> PathBuf {
        self.repository(name).join("_manifests/revisions")
    }

    pub(super) fn tags(&self, name: &str) -> PathBuf {
        self.repository(name).join("_manifests/tags")
    }

    pub(super) fn layer_link(&self, name: &str, digest: &Digest) -> PathBuf {
        folder(&self.layers(name), digest).join("link")
    }

    pub(super) fn revision_link(&self, name: &str, digest: &Digest) -> PathBuf {
        folder(&self.revisions(name), digest).join("link")
    }

    pub(super) fn current_link(&self, name: &str, tag: &str) -> PathBuf {
        self.tags(name).join(tag).join("current/link")
    }

    pub(super) fn index_entry(&self, name: &str, tag: &str, digest: &Digest) -> PathBuf {
        folder(&self.tags(name).join(tag).join("index"), digest)
    }

    pub(super) fn upload(&self, name: &str, uuid: &str) -> PathBuf {
        self.repository(name).join("_uploads").join(uuid)
    }

    /// The path as the storage driver sees it, for messages.
    pub(super) fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.base).unwrap_or(path);
        format!("/docker/registry/v2/{}", below.display())
    }

    /// What storage has under the digest: its folder's name and the file's size.
    pub(super) fn stat(&self, digest: &Digest) -> Result<Descriptor, StoreError> {
        let path = self.data(digest);
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Err(StoreError::Unknown),
            Ok(found) => Ok(Descriptor { digest: *digest, size: found.len() }),
            Err(cause) if is_missing(&cause) => Err(StoreError::Unknown),
            Err(cause) => Err(StoreError::Io { path, cause }),
        }
    }

    /// The digest that a link file names.
    pub(super) fn read_link(&self, path: &Path) -> Result<Digest, StoreError> {
        parse_strictly(&String::from_utf8_lossy(&self.read(path)?))
    }

    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        fs::read(path).map_err(|cause| self.explain(path, cause))
    }

    /// Writes a whole file, making its folders.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.base))?;
            fs::write(path, bytes)
        };
        write().map_err(|cause| self.explain(path, cause))
    }

    /// Moves a finished file into place, so that nobody ever sees half of it.
    pub(super) fn move_into_place(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let rename = || {
            fs::create_dir_all(to.parent().unwrap_or(&self.base))?;
            fs::rename(from, to)
        };
        rename().map_err(|cause| self.explain(to, cause))
    }

    pub(super) fn write_link(&self, path: &Path, digest: &Digest) -> Result<(), StoreError> {
        self.write(path, digest.to_string().as_bytes())
    }

    /// Deletes a file or a whole folder.
    #[expect(
        clippy::disallowed_methods,
        reason = "a registry deletes its own files; regfsck itself does not"
    )]
    pub(super) fn delete(&self, path: &Path) -> Result<(), StoreError> {
        let delete = || {
            if fs::symlink_metadata(path)?.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            }
        };
        delete().map_err(|cause| self.explain(path, cause))
    }

    /// The names in a folder, sorted.
    pub(super) fn list(&self, path: &Path) -> Result<Vec<String>, StoreError> {
        let entries = fs::read_dir(path).map_err(|cause| self.explain(path, cause))?;
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Every file of that name below a folder, in order.
    pub(super) fn find(&self, below: &Path, file_name: &str) -> Result<Vec<PathBuf>, StoreError> {
        if !below.exists() {
            return Err(StoreError::PathNotFound(self.shown(below)));
        }
        let walk = walkdir::WalkDir::new(below).sort_by_file_name().into_iter().flatten();
        let is_wanted =
            |entry: &walkdir::DirEntry| entry.file_name() == file_name && !entry.file_type().is_dir();
        Ok(walk.filter(is_wanted).map(walkdir::DirEntry::into_path).collect())
    }

    fn explain(&self, path: &Path, cause: std::io::Error) -> StoreError {
        if is_missing(&cause) {
            StoreError::PathNotFound(self.shown(path))
        } else {
            StoreError::Io { path: path.to_owned(), cause }
        }
    }
}

fn is_missing(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
