//! Finding the storage root from what the user gave: any folder of `…/docker/registry/v2`.

use std::io;
use std::path::{Path, PathBuf};

use super::place::INSIDE;
use crate::domain::layout;
use crate::engine::ports::StorageError;

/// Where the storage root is, and whether it is there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// The folder that holds `blobs` and `repositories`.
    pub(super) path: PathBuf,
    /// Whether the folder need not exist: nothing was ever pushed to the registry.
    pub(super) may_be_absent: bool,
}

/// Find the storage root. A folder that a registry's configuration names (`configured`) may still be empty.
pub(super) fn find(given: &Path, configured: bool) -> Result<Root, StorageError> {
    let entries = list(given)?;
    for path in layout::levels().map(|level| given.join(level)) {
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Ok(Root { path, may_be_absent: false }),
            // Must not pass for "no registry here".
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(StorageError::Unreadable { path, source });
            }
            Ok(_) | Err(_) => {}
        }
    }
    let has = |name: &str| entries.iter().any(|entry| entry == name);
    if has("oci-layout") {
        return Err(refuse(given, "it is an OCI image layout"));
    }
    let is_named_so = given.ends_with(layout::ROOT);
    if is_named_so || given.join(layout::BLOBS).is_dir() || given.join(layout::REPOSITORIES).is_dir() {
        return Ok(Root { path: given.to_owned(), may_be_absent: false });
    }
    // What a run of ours leaves when it is killed counts no more than what lies there by itself.
    let aside = ["lost+found", "scheduler-state.json", layout::LOCK, INSIDE];
    let is_empty = entries.iter().all(|entry| aside.iter().any(|name| entry == name));
    if is_empty && configured {
        return Ok(Root { path: given.join(layout::ROOT), may_be_absent: true });
    }
    let why = if is_empty {
        "it is empty"
    } else {
        "neither `docker/registry/v2` nor `blobs` and `repositories` are in it"
    };
    Err(refuse(given, why))
}

fn refuse(path: &Path, why: &str) -> StorageError {
    StorageError::NotARegistry { path: path.to_owned(), why: why.to_owned() }
}

fn list(given: &Path) -> Result<Vec<std::ffi::OsString>, StorageError> {
    let unreadable = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            StorageError::NoSuchPath { path: given.to_owned() }
        } else if source.kind() == io::ErrorKind::NotADirectory {
            refuse(given, "it is not a folder")
        } else {
            StorageError::Unreadable { path: given.to_owned(), source }
        }
    };
    let entries = std::fs::read_dir(given).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>().map_err(unreadable)
}
