//! What repairs change in storage itself, and nothing else does.

use std::path::PathBuf;

use thiserror::Error;

use crate::domain::digest::Digest;
use crate::domain::journal::Change;
use crate::domain::layout::LinkPlace;
use crate::domain::name::RepositoryName;

/// The registry's storage, to be changed. Blocking.
///
/// Saying what will change and changing it are two calls, because the journal comes between them:
/// every [`Change`] that a method here returns is to be recorded, then given to [`StorageWriter::apply`],
/// one by one and in order. A change that was made before may be made again: that does nothing.
pub trait StorageWriter: Send + Sync {
    /// Reasons not to write at all, each with the remedy that would work; none in the good case.
    fn obstacles(&self) -> Vec<String>;

    /// What moves a blob's bad file out of the way. Nothing if there is no such file.
    ///
    /// # Errors
    /// When the file cannot be looked at, or cannot be moved without being copied.
    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError>;

    /// What moves away whatever keeps a blob's data from being stored anew: on object stores, keys that extend its own. It is
    /// no file of the blob, so that nothing of it is lost.
    ///
    /// # Errors
    /// As [`StorageWriter::quarantine_blob`].
    fn unblock(&self, _digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        Ok(Vec::new())
    }

    /// What moves a link file out of the way that an upload left and nothing needs. Nothing if there is none.
    ///
    /// # Errors
    /// As [`StorageWriter::quarantine_blob`].
    fn quarantine_link(
        &self,
        _repository: &RepositoryName,
        _place: &LinkPlace,
    ) -> Result<Vec<Change>, StorageWriteError> {
        Ok(Vec::new())
    }

    /// What makes a link say `digest`. Nothing if it does already.
    ///
    /// # Errors
    /// When the link cannot be looked at.
    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError>;

    /// Take away what a daemon left of an upload session that we began and gave up, if that is no more than states of its
    /// hash: neither content nor anything that a push waits for.
    ///
    /// # Errors
    /// When it cannot be taken away.
    fn clear_upload(&self, _repository: &RepositoryName, _id: &str) -> Result<(), StorageWriteError> {
        Ok(())
    }

    /// What takes a recorded change back, whether it was made or not. Nothing if it was not.
    ///
    /// A good file that took the place of a bad one in the meantime goes into the quarantine.
    ///
    /// # Errors
    /// When something else changed the same thing since, or the file is gone from the quarantine.
    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError>;

    /// Make a change. It is on the disk when this returns.
    ///
    /// # Errors
    /// When what is there is not what the change was made for; nothing is then changed.
    fn apply(&self, change: &Change) -> Result<(), StorageWriteError>;
}

/// Why storage was not changed.
#[derive(Debug, Error)]
pub enum StorageWriteError {
    /// The path is no registry's.
    #[error("`{}` is no storage root: it does not end in `docker/registry/v2`; give the registry's root directory, which holds `docker`", path.display())]
    NotARegistry {
        /// The path.
        path: PathBuf,
    },
    /// Nothing outside of the registry's storage and its quarantine is ever touched.
    #[error("`{}` lies neither in the registry's storage nor in its quarantine", path.display())]
    Outside {
        /// The path.
        path: PathBuf,
    },
    /// Nothing is ever overwritten.
    #[error("cannot move `{}`: there is something at `{}`", from.display(), to.display())]
    Occupied {
        /// The file.
        from: PathBuf,
        /// Where it should go.
        to: PathBuf,
    },
    /// It is neither where it was nor where it should go.
    #[error("`{}` is gone, and is not at `{}` either", from.display(), to.display())]
    Gone {
        /// Where it was.
        from: PathBuf,
        /// Where it should go.
        to: PathBuf,
    },
    /// The run that moved it saw the same storage by another path, and put it where this run does not look.
    #[error("`{}` is not seen from here, where the storage has another path; run undo where it is seen, as on the host of a container, to have `{}` again", to.display(), from.display())]
    OutOfSight {
        /// Where it was.
        from: PathBuf,
        /// Where it is.
        to: PathBuf,
    },
    /// It does not say any more what it said when the change was prepared or recorded.
    #[error("`{}` was changed by something else since", path.display())]
    ChangedSince {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder or something stranger.
    #[error("`{}` is no regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// It, or a folder on the way to it.
    #[error("`{}` is a symbolic link, and nothing is changed through one", path.display())]
    Symlink {
        /// The path.
        path: PathBuf,
    },
    /// A move would be a copy.
    #[error("cannot move `{}` to `{}`: they are on different filesystems or mounts", from.display(), to.display())]
    OtherFilesystem {
        /// The file.
        from: PathBuf,
        /// Where it should go.
        to: PathBuf,
    },
    /// The change is none of storage.
    #[error("this change was not made in storage")]
    Elsewhere,
    /// The operating system refused.
    #[error("cannot {what} `{}`", path.display())]
    Refused {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}
