//! Distribution's storage layout, and the few operations a registry does on it.
//!
//! ```text
//! docker/registry/v2/blobs/sha256/ab/abcd…/data
//! docker/registry/v2/repositories/NAME/_layers/sha256/abcd…/link
//! docker/registry/v2/repositories/NAME/_manifests/revisions/sha256/abcd…/link
//! docker/registry/v2/repositories/NAME/_manifests/tags/TAG/{current/link,index/sha256/abcd…/link}
//! docker/registry/v2/repositories/NAME/_uploads/UUID/{data,startedat,hashstates/sha256/OFFSET}
//! ```

use std::io::{self, ErrorKind};
use std::sync::Arc;

use axum::body::Bytes;
use thiserror::Error;

use crate::domain::digest::{Algorithm, Digest};

use super::cache::CachedDescriptor;
use super::files::Files;
use super::tree::TreeEntry;

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
        path: String,
        /// What the system says.
        cause: io::Error,
    },
}

/// The tree below `docker/registry/v2` of one registry.
#[derive(Debug, Clone)]
pub(super) struct Layout(Arc<dyn Files>);

/// go-digest's verdict on a text: which of its three complaints applies.
pub(super) fn parse_strictly(text: &str) -> Result<Digest, StoreError> {
    let why = match text.split_once(':') {
        None | Some(("", _) | (_, "")) => "invalid checksum digest format",
        Some((name, hex)) => match Algorithm::from_name(name) {
            None => "unsupported digest algorithm",
            Some(algorithm) if hex.len() != algorithm.hex_length() => "invalid checksum digest length",
            Some(_) => "invalid checksum digest format",
        },
    };
    text.parse().ok().ok_or(StoreError::InvalidDigest(why))
}

fn folder(parent: &str, digest: &Digest) -> String {
    format!("{parent}/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The folder of all blobs.
pub(super) const BLOBS: &str = "blobs";
/// The folder of all repositories.
pub(super) const REPOSITORIES: &str = "repositories";

pub(super) fn blob(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{BLOBS}/{}/{}/{hex}", digest.algorithm().as_str(), hex.get(..2).unwrap_or_default())
}

pub(super) fn data(digest: &Digest) -> String {
    blob(digest) + "/data"
}

pub(super) fn layers(name: &str) -> String {
    format!("{REPOSITORIES}/{name}/_layers")
}

pub(super) fn revisions(name: &str) -> String {
    format!("{REPOSITORIES}/{name}/_manifests/revisions")
}

pub(super) fn tags(name: &str) -> String {
    format!("{REPOSITORIES}/{name}/_manifests/tags")
}

pub(super) fn tag(name: &str, tag: &str) -> String {
    format!("{}/{tag}", tags(name))
}

pub(super) fn layer_link(name: &str, digest: &Digest) -> String {
    folder(&layers(name), digest) + "/link"
}

/// The folder of a revision.
pub(super) fn revision(name: &str, digest: &Digest) -> String {
    folder(&revisions(name), digest)
}

pub(super) fn revision_link(name: &str, digest: &Digest) -> String {
    revision(name, digest) + "/link"
}

pub(super) fn current_link(name: &str, tag: &str) -> String {
    format!("{}/{tag}/current/link", tags(name))
}

/// The folder of what a tag's history keeps of a revision.
pub(super) fn index_entry(name: &str, tag: &str, digest: &Digest) -> String {
    folder(&format!("{}/{tag}/index", tags(name)), digest)
}

pub(super) fn upload(name: &str, uuid: &str) -> String {
    format!("{REPOSITORIES}/{name}/_uploads/{uuid}")
}

/// A path as the storage driver sees it, for messages.
pub(super) fn shown(path: &str) -> String {
    format!("/docker/registry/v2/{path}")
}

impl Layout {
    pub(super) fn new(files: Arc<impl Files + 'static>) -> Self {
        Self(files)
    }

    /// What storage has under the digest: its folder's name and the file's size.
    pub(super) fn stat(&self, digest: &Digest) -> Result<CachedDescriptor, StoreError> {
        match self.look(&data(digest)) {
            Ok(TreeEntry::File(size)) => Ok(CachedDescriptor { digest: *digest, size }),
            Ok(TreeEntry::Folder) | Err(StoreError::PathNotFound(_)) => Err(StoreError::Unknown),
            Err(other) => Err(other),
        }
    }

    pub(super) fn look(&self, path: &str) -> Result<TreeEntry, StoreError> {
        self.0.look(path).map_err(|cause| explain(path, cause))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.0.look(path).is_ok()
    }

    /// The digest that a link file names.
    pub(super) fn read_link(&self, path: &str) -> Result<Digest, StoreError> {
        parse_strictly(&String::from_utf8_lossy(&self.read(path)?))
    }

    pub(super) fn read(&self, path: &str) -> Result<Bytes, StoreError> {
        self.0.read(path).map_err(|cause| explain(path, cause))
    }

    /// At most `length` bytes from `start` on. A short read is what the daemon passes on as well.
    pub(super) fn read_part(&self, path: &str, start: u64, length: u64) -> Bytes {
        self.0.read_part(path, start, length).unwrap_or_default()
    }

    /// Writes a whole file, making its folders.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.write(path, bytes).map_err(|cause| explain(path, cause))
    }

    /// Moves a finished file into place, so that nobody ever sees half of it.
    pub(super) fn move_into_place(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.0.rename(from, to).map_err(|cause| explain(to, cause))
    }

    pub(super) fn write_link(&self, path: &str, digest: &Digest) -> Result<(), StoreError> {
        self.write(path, digest.to_string().as_bytes())
    }

    /// Deletes a file or a whole folder.
    pub(super) fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.0.remove(path).map_err(|cause| explain(path, cause))
    }

    /// The names in a folder, sorted, and what each is.
    pub(super) fn list(&self, path: &str) -> Result<Vec<(String, TreeEntry)>, StoreError> {
        self.0.list(path).map_err(|cause| explain(path, cause))
    }

    /// Every file of that name below a folder, in order.
    pub(super) fn find(&self, below: &str, file_name: &str) -> Result<Vec<String>, StoreError> {
        if !self.exists(below) {
            return Err(StoreError::PathNotFound(shown(below)));
        }
        let mut found = Vec::new();
        self.walk(below, &mut |path, name, entry| {
            if name == file_name && entry != TreeEntry::Folder {
                found.push(path.to_owned());
            }
            true
        });
        Ok(found)
    }

    /// Visits what lies below a folder, each folder before what is in it; `visit` says whether to enter.
    pub(super) fn walk(&self, below: &str, visit: &mut impl FnMut(&str, &str, TreeEntry) -> bool) {
        for (name, entry) in self.list(below).unwrap_or_default() {
            let path = format!("{below}/{name}");
            if visit(&path, &name, entry) && entry == TreeEntry::Folder {
                self.walk(&path, visit);
            }
        }
    }
}

fn explain(path: &str, cause: io::Error) -> StoreError {
    if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        StoreError::PathNotFound(shown(path))
    } else {
        StoreError::Io { path: path.to_owned(), cause }
    }
}
