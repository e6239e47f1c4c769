//! Changing a filesystem's storage: bad files go into the quarantine, links are written anew.

use std::iter::once;
use std::path::{Path, PathBuf};

use super::ground::{Ground, Missing};
use super::place::candidates;
use super::remains;
use super::spot::{LINK_LIMIT, Spot, refused};
use crate::domain::digest::Digest;
use crate::domain::journal::{Change, Content, StorageChange};
use crate::domain::layout::{FolderPlace, LinkPlace, Part, Place, ROOT};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{StorageWriteError, StorageWriter};

/// By what a link's own bytes are told from others.
const SHA256: Digest = Digest::sha256([0; 32]);

/// A registry's storage on a filesystem, to be changed by one run.
#[derive(Debug)]
pub struct FilesystemWriter {
    v2: PathBuf,
    /// What lies beside the storage root as the daemon goes there.
    beside: PathBuf,
    ground: Ground,
    /// The quarantine folder of this run.
    own: PathBuf,
    /// Other paths of the storage root, which earlier runs may have written down.
    others: Vec<PathBuf>,
}

impl FilesystemWriter {
    /// The storage whose root is `v2`, a path that ends in `docker/registry/v2` or leads to one that does, changed by
    /// the run of that name.
    ///
    /// # Errors
    /// When there is no such folder, or its path ends differently.
    pub fn new(v2: &Path, run: &str) -> Result<Self, StorageWriteError> {
        // The quarantine is beside where the storage root really is, not beside a symbolic link to it.
        let (given, v2) = (v2, v2.canonicalize().map_err(refused("look at", v2))?);
        let named = [given, v2.as_path()].into_iter().find(|v2| v2.ends_with(ROOT));
        let not_a_registry = || StorageWriteError::NotARegistry { path: given.to_owned() };
        let beside = named.and_then(Path::parent).ok_or_else(not_a_registry)?.to_owned();
        let ground = Ground::open(&v2)?;
        let own = ground.quarantine().ok_or_else(not_a_registry)?.path.join(run);
        Ok(Self { v2, beside, ground, own, others: Vec::new() })
    }

    /// The same, of which earlier runs wrote down other paths too, without links.
    #[must_use]
    pub fn once_at(self, roots: &[PathBuf]) -> Self {
        let others = roots.iter().filter(|root| **root != self.v2).cloned().collect();
        Self { others, ..self }
    }

    /// Where a path that an earlier run wrote down is here.
    fn here(&self, path: &Path) -> PathBuf {
        let own = || once(self.v2.clone()).chain(candidates(&self.v2));
        let is_own = own().any(|own| path.starts_with(own));
        let mut moved = self.others.iter().filter(|_| !is_own).flat_map(|other| {
            once(other.clone())
                .chain(candidates(other))
                .zip(own())
                .filter_map(|(other, own)| path.strip_prefix(other).ok().map(|below| own.join(below)))
        });
        moved.next().unwrap_or_else(|| path.to_owned())
    }

    fn path(&self, place: &Place) -> PathBuf {
        self.v2.join(place.to_string())
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> PathBuf {
        self.path(&Place::Link(repository.clone(), place.clone()))
    }

    fn spot(&self, path: &Path) -> Result<Option<Spot>, StorageWriteError> {
        self.ground.spot(path, Missing::Leave)
    }

    /// The place of that path, the folders on the way made where they are missing.
    fn made(&self, path: &Path) -> Result<Spot, StorageWriteError> {
        let outside = || StorageWriteError::Outside { path: path.to_owned() };
        self.ground.spot(path, Missing::Make)?.ok_or_else(outside)
    }

    fn read_link(&self, path: &Path) -> Result<Option<Content>, StorageWriteError> {
        let link = self.spot(path)?.map(|spot| spot.link()).transpose()?;
        Ok(link.flatten().map(|(content, _)| content))
    }

    fn is_there(&self, path: &Path) -> Result<bool, StorageWriteError> {
        Ok(self.spot(path)?.map(|spot| spot.look()).transpose()?.flatten().is_some())
    }

    /// A free place in this run's quarantine for a file of storage.
    fn kept(&self, path: &Path) -> Result<PathBuf, StorageWriteError> {
        let outside = || StorageWriteError::Outside { path: path.to_owned() };
        let below = path.strip_prefix(&self.v2).ok().ok_or_else(outside)?;
        let first = self.own.join(ROOT).join(below);
        let mut place = first.clone();
        for number in 1_u32.. {
            if !self.is_there(&place)? {
                break;
            }
            let mut name = first.clone().into_os_string();
            name.push(format!(".{number}"));
            place = name.into();
        }
        Ok(place)
    }

    /// The move of a file of storage, which holds that, into this run's quarantine.
    fn put_away(&self, spot: &Spot, content: Digest) -> Result<Change, StorageWriteError> {
        let (from, to) = (spot.path.clone(), self.kept(&spot.path)?);
        let quarantine = self.ground.quarantine();
        if quarantine.is_some_and(|quarantine| quarantine.takes_from(&spot.folder)) {
            return Ok(Change::FileMoved { from, to, content });
        }
        Err(StorageWriteError::OtherFilesystem { from, to })
    }

    /// The move of the file at that path into this run's quarantine, but of what is right; nothing if there is none.
    fn put_bad_away(&self, path: &Path, right: Option<&Digest>) -> Result<Vec<Change>, StorageWriteError> {
        let Some(spot) = self.spot(path)? else { return Ok(Vec::new()) };
        match spot.hash(right.unwrap_or(&SHA256))? {
            Some((content, _)) if right != Some(&content) => Ok(vec![self.put_away(&spot, content)?]),
            Some(_) | None => Ok(Vec::new()),
        }
    }

    fn move_file(&self, from: &Path, to: &Path, content: &Digest) -> Result<(), StorageWriteError> {
        let source = self.spot(from)?;
        let held = source.as_ref().map(|source| source.hash(content)).transpose()?.flatten();
        match (source.zip(held), self.is_there(to)?) {
            (None, true) => Ok(()),
            (Some((source, (held, file))), false) if held == *content => {
                source.move_to(&self.made(to)?, &file)
            }
            (Some(_), false) => Err(StorageWriteError::ChangedSince { path: from.to_owned() }),
            (Some(_), true) => Err(StorageWriteError::Occupied { from: from.to_owned(), to: to.to_owned() }),
            (None, false) => Err(StorageWriteError::Gone { from: from.to_owned(), to: to.to_owned() }),
        }
    }

    fn write(&self, path: &Path, old: Option<&Content>, new: &Content) -> Result<(), StorageWriteError> {
        let current = self.read_link(path)?;
        if current.as_ref() == Some(new) {
            return Ok(());
        }
        let changed = || StorageWriteError::ChangedSince { path: path.to_owned() };
        if current.as_ref() != old {
            return Err(changed());
        }
        let spot = self.made(path)?;
        let replaced = spot.link()?;
        if replaced.as_ref().map(|(content, _)| content) != old {
            return Err(changed());
        }
        let workshop = self.ground.own(&self.own)?;
        spot.replace(new.as_bytes(), replaced.as_ref().map(|(_, file)| file), &workshop)
    }

    /// What the file at that path hashes to, if there is one.
    fn held(&self, path: &Path, by: &Digest) -> Result<Option<Digest>, StorageWriteError> {
        let hashed = self.spot(path)?.map(|spot| spot.hash(by)).transpose()?.flatten();
        Ok(hashed.map(|(digest, _)| digest))
    }

    /// What is not what was moved away stays where it is.
    fn revert_move(
        &self,
        from: &Path,
        to: &Path,
        content: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        match self.held(to, content)? {
            None if self.held(from, content)?.is_some_and(|held| held == *content) => Ok(Vec::new()),
            None => Err(StorageWriteError::Gone { from: to.to_owned(), to: from.to_owned() }),
            Some(kept) if kept != *content => Err(StorageWriteError::ChangedSince { path: to.to_owned() }),
            Some(_) => {
                let mut changes = self.put_bad_away(from, None)?;
                let (from, to) = (to.to_owned(), from.to_owned());
                changes.push(Change::FileMoved { from, to, content: *content });
                Ok(changes)
            }
        }
    }

    /// What lies beside the root is not seen through a bind mount of the root alone.
    fn out_of_sight(&self, error: StorageWriteError, from: &Path, to: &Path) -> StorageWriteError {
        if matches!(error, StorageWriteError::Gone { .. }) && self.here(to) != to {
            return StorageWriteError::OutOfSight { from: from.to_owned(), to: to.to_owned() };
        }
        error
    }

    fn revert_link(
        &self,
        path: &Path,
        old: Option<&Content>,
        new: &Content,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let current = self.read_link(path)?;
        if current.as_ref() == old {
            return Ok(Vec::new());
        }
        if current.as_ref() != Some(new) {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        let Some(old) = old else { return self.put_bad_away(path, None) };
        Ok(vec![Change::LinkWritten { path: path.to_owned(), old: Some(new.clone()), new: old.clone() }])
    }
}

impl StorageWriter for FilesystemWriter {
    fn obstacles(&self) -> Vec<String> {
        // GitLab's registry writes this file once it keeps its metadata in a database.
        let lock = self.beside.join("lockfiles/database-in-use");
        let in_database = match lock.symlink_metadata() {
            Ok(_) => Some(format!(
                "`{}` says that this registry keeps its metadata in a database, which regfsck does not know; \
                 repair it with the registry's own tools",
                lock.display()
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("cannot look whether `{}` is there: {error}", lock.display())),
        };
        let read_only = self.ground.writable().err().map(|error| {
            format!("`{}` cannot be written to ({error}); run as its owner or root", self.v2.display())
        });
        in_database.into_iter().chain(read_only).collect()
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        self.put_bad_away(&self.path(&Place::Data(*digest)), Some(digest))
    }

    fn quarantine_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
    ) -> Result<Vec<Change>, StorageWriteError> {
        self.put_bad_away(&self.link(repository, place), None)
    }

    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let path = self.link(repository, place);
        let keep = || self.put_bad_away(&path, None);
        Change::of_link(path.clone(), self.read_link(&path)?, digest, LINK_LIMIT, keep)
    }

    fn clear_upload(&self, repository: &RepositoryName, id: &str) -> Result<(), StorageWriteError> {
        let uploads = Place::Folder(FolderPlace::Part(repository.clone(), Part::Uploads));
        if let Some(folder) = self.ground.folder(&uploads)? {
            remains::clear(&folder, id).map_err(refused("clear", &self.path(&uploads).join(id)))?;
        }
        Ok(())
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        match change.in_storage().ok_or(StorageWriteError::Elsewhere)? {
            StorageChange::Moved { from, to, content } => {
                let reverted = self.revert_move(&self.here(from), &self.here(to), content);
                reverted.map_err(|error| self.out_of_sight(error, from, to))
            }
            StorageChange::Link { path, old, new } => self.revert_link(&self.here(path), old, new),
        }
    }

    fn apply(&self, change: &Change) -> Result<(), StorageWriteError> {
        match change.in_storage().ok_or(StorageWriteError::Elsewhere)? {
            StorageChange::Moved { from, to, content } => self.move_file(from, to, content),
            StorageChange::Link { path, old, new } => self.write(path, old, new),
        }
    }
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
