//! Upload sessions on a filesystem, and whether they move.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::domain::layout::{self, Place};
use crate::domain::observed::Observed;
use crate::engine::ports::{SessionMark, Sessions, Uploads};

/// The upload sessions below a storage root.
#[derive(Debug, Clone)]
pub struct FilesystemUploads {
    v2: PathBuf,
}

impl FilesystemUploads {
    /// Those below `v2`, a path that ends in `docker/registry/v2`.
    #[must_use]
    pub fn new(v2: &Path) -> Self {
        Self { v2: v2.to_owned() }
    }
}

/// Whether uploads can be in there: links, which are most of a repository, are not walked.
fn leads_to_uploads(entry: &DirEntry) -> bool {
    let others = [layout::LAYERS, layout::MANIFESTS, layout::HASH_STATES];
    entry.file_type().is_dir() && others.iter().all(|name| entry.file_name() != *name)
}

/// What the session's data file says; a session without one is a session all the same.
fn mark(session: &Path) -> SessionMark {
    let modified = |file: &Metadata| i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
    let read = |file: Metadata| SessionMark { size: file.len(), modified: modified(&file) };
    session.join(layout::DATA).symlink_metadata().map_or_else(|_| SessionMark::default(), read)
}

impl Uploads for FilesystemUploads {
    fn sessions(&self) -> Observed<Sessions> {
        let mut sessions = Sessions::new();
        let repositories = self.v2.join(layout::REPOSITORIES);
        for entry in WalkDir::new(repositories).into_iter().filter_entry(leads_to_uploads) {
            match entry {
                Ok(entry) => {
                    let below = entry.path().strip_prefix(&self.v2).unwrap_or(entry.path());
                    let place = Place::from(below.display().to_string());
                    if matches!(place, Place::Upload(_, _, None)) {
                        sessions.insert(place, mark(entry.path()));
                    }
                }
                // A session may end, and a repository go, while we look.
                Err(error)
                    if error.io_error().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) => {}
                Err(error) => return Observed::Unknown(error.to_string().into()),
            }
        }
        Observed::Present(sessions)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_session_is_seen_and_moves_when_it_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let session = dir.path().join("repositories/a/b/_uploads/one");
        fs::create_dir_all(session.join("hashstates/sha256")).unwrap();
        fs::create_dir_all(dir.path().join("repositories/c/_uploads/two")).unwrap();
        fs::create_dir_all(dir.path().join("repositories/c/_layers/_uploads/no")).unwrap();
        fs::write(session.join(layout::DATA), "1").unwrap();
        let uploads = FilesystemUploads::new(dir.path());
        let before = uploads.sessions().present().unwrap().clone();
        let places: Vec<_> = before.keys().map(ToString::to_string).collect();
        assert_eq!(places, ["repositories/a/b/_uploads/one", "repositories/c/_uploads/two"]);
        assert_eq!(uploads.sessions(), Observed::Present(before.clone()));
        fs::write(session.join(layout::DATA), "22").unwrap();
        assert_ne!(uploads.sessions(), Observed::Present(before));
    }

    #[test]
    fn storage_without_repositories_has_no_sessions() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(FilesystemUploads::new(dir.path()).sessions(), Observed::Present(Sessions::new()));
    }
}
