//! Changing a filesystem's storage: bad files go into the quarantine, links are written anew.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use rustix::fs::Access;

use super::durable::{look, look_at_file, make_dirs_alike, make_private_dirs, refused, rename, replace};
use super::place::{candidates, choose, is_one_mount};
use crate::domain::digest::Digest;
use crate::domain::journal::{Change, Content};
use crate::domain::layout::{self, LinkPlace, Place};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{StorageWriteError, StorageWriter};

/// What a link can say at most and still be kept in the journal; a digest has 71 bytes.
const LINK_LIMIT: u64 = 4096;

/// A registry's storage on a filesystem, to be changed by one run.
#[derive(Debug, Clone)]
pub struct FilesystemWriter {
    v2: PathBuf,
    driver_root: PathBuf,
    quarantines: Vec<PathBuf>,
    /// The quarantine folder of this run.
    own: PathBuf,
}

impl FilesystemWriter {
    /// The storage whose root is `v2`, a path that ends in `docker/registry/v2`, changed by the run of
    /// that name.
    ///
    /// # Errors
    /// When there is no such folder, or its path ends differently.
    pub fn new(v2: &Path, run: &str) -> Result<Self, StorageWriteError> {
        // Beside the storage root means beside where it really is, not beside a symbolic link to it.
        let v2 = v2.canonicalize().map_err(refused("look at", v2))?;
        let not_a_registry = || StorageWriteError::NotARegistry { path: v2.clone() };
        let driver_root =
            v2.ancestors().nth(3).filter(|_| v2.ends_with(layout::ROOT)).ok_or_else(not_a_registry)?;
        let driver_root = driver_root.to_owned();
        let quarantines = candidates(&driver_root);
        let own = choose(&quarantines, &v2).ok_or_else(not_a_registry)?.join(run);
        Ok(Self { v2, driver_root, quarantines, own })
    }

    fn path(&self, place: &Place) -> PathBuf {
        self.v2.join(place.to_string())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.path(&Place::Data(*digest))
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> PathBuf {
        self.path(&Place::Link(repository.clone(), place.clone()))
    }

    /// A free place in this run's quarantine for a file of storage.
    fn kept(&self, path: &Path) -> Result<PathBuf, StorageWriteError> {
        let outside = || StorageWriteError::Outside { path: path.to_owned() };
        let below = path.strip_prefix(&self.driver_root).ok().ok_or_else(outside)?;
        let first = self.own.join(below);
        let mut place = first.clone();
        for number in 1_u32.. {
            if look(&place)?.is_none() {
                break;
            }
            let mut name = first.clone().into_os_string();
            name.push(format!(".{number}"));
            place = name.into();
        }
        Ok(place)
    }

    /// The move of a file of storage into this run's quarantine.
    fn put_away(&self, path: &Path) -> Result<Change, StorageWriteError> {
        let (from, to) = (path.to_owned(), self.kept(path)?);
        let nearest = to.ancestors().find(|dir| dir.is_dir());
        match (from.parent(), nearest) {
            (Some(one), Some(other)) if is_one_mount(one, other) => Ok(Change::FileMoved { from, to }),
            _ => Err(StorageWriteError::OtherFilesystem { from, to }),
        }
    }

    /// Whether a path, which may come from a damaged or forged journal, is one that we may touch.
    fn check(&self, path: &Path) -> Result<(), StorageWriteError> {
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let ours = path.starts_with(&self.v2) || self.is_quarantined(path);
        if plain && ours { Ok(()) } else { Err(StorageWriteError::Outside { path: path.to_owned() }) }
    }

    fn is_quarantined(&self, path: &Path) -> bool {
        self.quarantines.iter().any(|quarantine| path.starts_with(quarantine))
    }

    fn move_file(&self, from: &Path, to: &Path) -> Result<(), StorageWriteError> {
        self.check(from)?;
        self.check(to)?;
        let places = || (from.to_owned(), to.to_owned());
        match (look_at_file(from)?, look(to)?) {
            (None, Some(_)) => return Ok(()),
            (Some(_), None) => {}
            (Some(_), Some(_)) => {
                let (from, to) = places();
                return Err(StorageWriteError::Occupied { from, to });
            }
            (None, None) => {
                let (from, to) = places();
                return Err(StorageWriteError::Gone { from, to });
            }
        }
        if let Some(dir) = to.parent() {
            if self.is_quarantined(to) { make_private_dirs(dir)? } else { make_dirs_alike(dir)? }
        }
        rename(from, to)
    }

    fn write(&self, path: &Path, old: Option<&Content>, new: &Content) -> Result<(), StorageWriteError> {
        self.check(path)?;
        let current = read_link(path)?;
        if current.as_ref() == Some(new) {
            return Ok(());
        }
        if current.as_ref() != old {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        replace(path, new.as_bytes(), &self.own)
    }

    fn revert_move(&self, from: &Path, to: &Path) -> Result<Vec<Change>, StorageWriteError> {
        let back = Change::FileMoved { from: to.to_owned(), to: from.to_owned() };
        match (look(from)?, look(to)?) {
            (Some(_), None) => Ok(Vec::new()),
            (None, Some(_)) => Ok(vec![back]),
            (Some(_), Some(_)) => Ok(vec![self.put_away(from)?, back]),
            (None, None) => Err(StorageWriteError::Gone { from: to.to_owned(), to: from.to_owned() }),
        }
    }

    fn revert_link(
        &self,
        path: &Path,
        old: Option<&Content>,
        new: &Content,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let current = read_link(path)?;
        if current.as_ref() == old {
            return Ok(Vec::new());
        }
        if current.as_ref() != Some(new) {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        let Some(old) = old else { return Ok(vec![self.put_away(path)?]) };
        Ok(vec![Change::LinkWritten { path: path.to_owned(), old: Some(new.clone()), new: old.clone() }])
    }
}

/// What a link says, if there is one; of one that is far too long, its start.
fn read_link(path: &Path) -> Result<Option<Content>, StorageWriteError> {
    if look_at_file(path)?.is_none() {
        return Ok(None);
    }
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LINK_LIMIT + 1).read_to_end(&mut content));
    read.map_err(refused("read", path))?;
    Ok(Some(Content::new(content)))
}

impl StorageWriter for FilesystemWriter {
    fn quarantine(&self) -> String {
        self.own.display().to_string()
    }

    fn obstacles(&self) -> Vec<String> {
        let registry = self.v2.parent().unwrap_or(&self.v2);
        // GitLab's registry writes this file once it keeps its metadata in a database.
        let lock = registry.join("lockfiles/database-in-use");
        let in_database = match fs::symlink_metadata(&lock) {
            Ok(_) => Some(format!(
                "`{}` says that this registry keeps its metadata in a database, which regfsck does not know; \
                 repair it with the registry's own tools",
                lock.display()
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("cannot look whether `{}` is there: {error}", lock.display())),
        };
        let read_only = rustix::fs::access(&self.v2, Access::WRITE_OK).err().map(|error| {
            format!("`{}` cannot be written to ({error}); run as its owner or root", self.v2.display())
        });
        in_database.into_iter().chain(read_only).collect()
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        let path = self.blob(digest);
        if look_at_file(&path)?.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![self.put_away(&path)?])
    }

    fn quarantine_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let path = self.link(repository, place);
        if look_at_file(&path)?.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![self.put_away(&path)?])
    }

    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let path = self.link(repository, place);
        let new = Content::Text(digest.to_string());
        let old = read_link(&path)?;
        if old.as_ref() == Some(&new) {
            return Ok(Vec::new());
        }
        // Too much for the journal: keep the file itself.
        if old.as_ref().is_some_and(|old| old.as_bytes().len() as u64 > LINK_LIMIT) {
            return Ok(vec![self.put_away(&path)?, Change::LinkWritten { path, old: None, new }]);
        }
        Ok(vec![Change::LinkWritten { path, old, new }])
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        match change {
            Change::FileMoved { from, to } => {
                self.check(from)?;
                self.check(to)?;
                self.revert_move(from, to)
            }
            Change::LinkWritten { path, old, new } => {
                self.check(path)?;
                self.revert_link(path, old.as_ref(), new)
            }
            Change::CacheDeleted { .. } | Change::ClaimDeleted { .. } | Change::Uploaded { .. } => {
                Err(StorageWriteError::Elsewhere)
            }
        }
    }

    fn apply(&self, change: &Change) -> Result<(), StorageWriteError> {
        match change {
            Change::FileMoved { from, to } => self.move_file(from, to),
            Change::LinkWritten { path, old, new } => self.write(path, old.as_ref(), new),
            Change::CacheDeleted { .. } | Change::ClaimDeleted { .. } | Change::Uploaded { .. } => {
                Err(StorageWriteError::Elsewhere)
            }
        }
    }
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
