//! Changing a registry's storage in a bucket: bad objects are copied away, checked there, and then deleted here.
//!
//! ```text
//! s3://BUCKET/[ROOT/]docker/registry/v2/…                              or gs://, az://
//! s3://BUCKET/[ROOT/]regfsck-quarantine/<run>/docker/registry/v2/…     nothing of the registry walks there
//! ```
//!
//! Never beside the data: a key that extends `…/data` makes the driver take the blob for a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::BucketStorage;
use super::answers::{KeyPage, Object};
use super::fault::StoreFault;
use super::misplaced::{Misplaced, judge};
use super::runtime::wait;
use crate::adapters::storage::uploads::is_uuid;
use crate::domain::digest::Digest;
use crate::domain::journal::{Change, Content, StorageChange};
use crate::domain::layout::{LinkPlace, Place, ROOT, UploadPart};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{StorageWriteError, StorageWriter, Unhurried};

/// The folder of quarantined objects, beside `docker`.
const QUARANTINE: &str = "regfsck-quarantine";
/// By what a link's own bytes are told from others.
const SHA256: Digest = Digest::sha256([0; 32]);
/// Longer than any link; what is longer is kept whole, not in the journal.
const LINK_LIMIT: u64 = 500;

/// A registry's storage in a bucket, to be changed by one run.
#[derive(Debug)]
pub struct BucketWriter {
    storage: BucketStorage,
    /// What stands before every path of the bucket.
    bucket: String,
    /// The driver's root, with a slash where it is not empty.
    root: String,
    /// The quarantine of this run, with a slash.
    own: String,
}

impl BucketWriter {
    /// That storage, changed by the run of that name.
    #[must_use]
    pub fn new(storage: BucketStorage, run: &str) -> Self {
        let root = storage.prefix.strip_suffix(&format!("{ROOT}/")).unwrap_or_default().to_owned();
        let bucket = format!("{}/", storage.store.name);
        Self { bucket, own: format!("{root}{QUARANTINE}/{run}/"), root, storage }
    }

    fn path(&self, key: &str) -> PathBuf {
        format!("{}{key}", self.bucket).into()
    }

    /// The key of a path, which may come from a damaged or forged journal: nothing but a file of the layout or of a
    /// quarantine.
    fn key(&self, path: &Path) -> Result<String, StorageWriteError> {
        let key = path.to_str().and_then(|path| path.strip_prefix(&self.bucket)).filter(|key| {
            let below = key.strip_prefix(&*self.root).unwrap_or(key);
            let is_plain = below.split('/').all(|name| !matches!(name, "" | "." | ".."));
            let place = key.strip_prefix(&self.storage.prefix).map(Place::from);
            let is_file = matches!(place, Some(Place::Data(_) | Place::Link(..)))
                || key.strip_prefix(&self.storage.prefix).is_some_and(extends_data);
            is_plain && (is_file || key.starts_with(&format!("{}{QUARANTINE}/", self.root)))
        });
        key.map(str::to_owned).ok_or_else(|| StorageWriteError::Outside { path: path.to_owned() })
    }

    fn refused(&self, what: &'static str, key: &str) -> impl FnOnce(StoreFault) -> StorageWriteError {
        let path = self.path(key);
        move |fault| match fault {
            StoreFault::Changed => StorageWriteError::ChangedSince { path },
            other @ (StoreFault::Absent
            | StoreFault::OutOfRange
            | StoreFault::NotOffered { .. }
            | StoreFault::Passing { .. }
            | StoreFault::Refused { .. }) => StorageWriteError::Refused {
                what,
                path,
                source: io::Error::other(other.reason().to_string()),
            },
        }
    }

    /// What an object holds, by the algorithm of that digest; nothing if there is none.
    fn held(&self, key: &str, by: &Digest) -> Result<Option<(Digest, Object)>, StorageWriteError> {
        match self.storage.hash_object(key, by, &Unhurried) {
            Ok((hashed, object)) => Ok(Some((hashed.actual, object))),
            Err(StoreFault::Absent) => Ok(None),
            Err(fault) => Err(self.refused("read", key)(fault)),
        }
    }

    fn is_there(&self, key: &str) -> Result<bool, StorageWriteError> {
        match self.storage.head(key.to_owned()) {
            Ok(_) => Ok(true),
            Err(StoreFault::Absent) => Ok(false),
            Err(fault) => Err(self.refused("look at", key)(fault)),
        }
    }

    /// What a link says and how long it is; nothing if there is none.
    fn link(&self, key: &str) -> Result<Option<Vec<u8>>, StorageWriteError> {
        match self.storage.read_link(key.to_owned()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreFault::Absent) => Ok(None),
            Err(fault) => Err(self.refused("read", key)(fault)),
        }
    }

    /// A free place in this run's quarantine.
    fn kept(&self, key: &str) -> Result<String, StorageWriteError> {
        let below = key.strip_prefix(&self.root).unwrap_or(key);
        let first = format!("{}{below}", self.own);
        let mut place = first.clone();
        for number in 1_u32.. {
            if !self.is_there(&place)? {
                break;
            }
            place = format!("{first}.{number}");
        }
        Ok(place)
    }

    fn put_bad_away(&self, key: &str, right: Option<&Digest>) -> Result<Vec<Change>, StorageWriteError> {
        match self.held(key, right.unwrap_or(&SHA256))? {
            Some((content, _)) if right != Some(&content) => {
                let to = self.path(&self.kept(key)?);
                Ok(vec![Change::FileMoved { from: self.path(key), to, content }])
            }
            Some(_) | None => Ok(Vec::new()),
        }
    }

    fn move_object(&self, from: &Path, to: &Path, content: &Digest) -> Result<(), StorageWriteError> {
        let (source, target) = (self.key(from)?, self.key(to)?);
        let held = self.held(&source, content)?;
        let kept = if held.is_some() { self.held(&target, content)? } else { None };
        let is_kept = match (&held, &kept) {
            (Some(_), Some((kept, _))) => kept == content,
            (Some(_), None) => false,
            (None, _) => self.is_there(&target)?,
        };
        let gone = || StorageWriteError::Gone { from: from.to_owned(), to: to.to_owned() };
        let occupied = || StorageWriteError::Occupied { from: from.to_owned(), to: to.to_owned() };
        match held {
            None if is_kept => Ok(()),
            None => Err(gone()),
            Some((held, _)) if held != *content && kept.is_some() => Err(occupied()),
            Some((held, _)) if held != *content => {
                Err(StorageWriteError::ChangedSince { path: from.to_owned() })
            }
            // A run that ended in between has copied it already.
            Some((_, object)) if is_kept => self.delete(&source, &object),
            Some(_) if kept.is_some() => Err(occupied()),
            Some((_, object)) => {
                self.copy(&source, &target, &object)?;
                match self.held(&target, content)? {
                    Some((copied, _)) if copied == *content => self.delete(&source, &object),
                    Some(_) | None => Err(StorageWriteError::ChangedSince { path: to.to_owned() }),
                }
            }
        }
    }

    fn copy(&self, from: &str, to: &str, object: &Object) -> Result<(), StorageWriteError> {
        let refused = self.refused("copy", from);
        let store = Arc::clone(&self.storage.store);
        let (from, to, object) = (from.to_owned(), to.to_owned(), object.clone());
        wait(async move { store.copy(&from, &to, &object).await }).map_err(refused)
    }

    /// Delete an object that is still the one that was looked at.
    fn delete(&self, key: &str, object: &Object) -> Result<(), StorageWriteError> {
        let now = self.storage.head(key.to_owned()).map_err(self.refused("look at", key))?;
        if now.tag != object.tag || now.size != object.size {
            return Err(StorageWriteError::ChangedSince { path: self.path(key) });
        }
        self.take_away(key, &object.tag).map_err(self.refused("delete", key))
    }

    fn take_away(&self, key: &str, tag: &str) -> Result<(), StoreFault> {
        let (store, key, tag) = (Arc::clone(&self.storage.store), key.to_owned(), tag.to_owned());
        wait(async move { store.delete(&key, &tag).await })
    }

    fn write(&self, path: &Path, old: Option<&Content>, new: &Content) -> Result<(), StorageWriteError> {
        let key = self.key(path)?;
        let current = self.link(&key)?.map(Content::new);
        if current.as_ref() == Some(new) {
            return Ok(());
        }
        if current.as_ref() != old {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        let (store, body) = (Arc::clone(&self.storage.store), Bytes::copy_from_slice(new.as_bytes()));
        let at = key.clone();
        wait(async move { store.put(&at, body).await }).map_err(self.refused("write", &key))
    }

    fn revert_move(
        &self,
        from: &Path,
        to: &Path,
        content: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let (source, target) = (self.key(from)?, self.key(to)?);
        match self.held(&target, content)? {
            None if self.held(&source, content)?.is_some_and(|(held, _)| held == *content) => Ok(Vec::new()),
            None => Err(StorageWriteError::Gone { from: to.to_owned(), to: from.to_owned() }),
            Some((kept, _)) if kept != *content => {
                Err(StorageWriteError::ChangedSince { path: to.to_owned() })
            }
            Some(_) => {
                let mut changes = self.put_bad_away(&source, None)?;
                changes.push(Change::FileMoved {
                    from: to.to_owned(),
                    to: from.to_owned(),
                    content: *content,
                });
                Ok(changes)
            }
        }
    }

    fn revert_link(
        &self,
        path: &Path,
        old: Option<&Content>,
        new: &Content,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let key = self.key(path)?;
        let current = self.link(&key)?.map(Content::new);
        if current.as_ref() == old {
            return Ok(Vec::new());
        }
        if current.as_ref() != Some(new) {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        let Some(old) = old else { return self.put_bad_away(&key, None) };
        Ok(vec![Change::LinkWritten { path: path.to_owned(), old: Some(new.clone()), new: old.clone() }])
    }

    /// The first page of what begins with that.
    fn first_below(&self, key: &str) -> Result<KeyPage, StorageWriteError> {
        let (store, prefix) = (Arc::clone(&self.storage.store), key.to_owned());
        let page = wait(async move { store.first_page(&prefix, false).await });
        page.map_err(self.refused("list", key))
    }

    fn link_key(&self, repository: &RepositoryName, place: &LinkPlace) -> String {
        self.storage.key(&Place::Link(repository.clone(), place.clone()))
    }
}

/// Whether a path extends that of a blob's data.
fn extends_data(path: &str) -> bool {
    matches!(judge(&path.split('/').collect::<Vec<_>>()), Misplaced::BesideData(_, true))
}

impl StorageWriter for BucketWriter {
    fn obstacles(&self) -> Vec<String> {
        // GitLab's registry writes this once it keeps its metadata in a database.
        let lock = format!("{}docker/registry/lockfiles/database-in-use", self.root);
        match self.storage.head(lock.clone()) {
            Ok(_) => vec![format!(
                "`{}` says that this registry keeps its metadata in a database, which regfsck does not know; repair it \
                 with the registry's own tools",
                self.path(&lock).display()
            )],
            Err(StoreFault::Absent) => Vec::new(),
            Err(fault) => {
                vec![format!(
                    "cannot look whether `{}` is there: {}",
                    self.path(&lock).display(),
                    fault.reason()
                )]
            }
        }
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        self.put_bad_away(&self.storage.key(&Place::Data(*digest)), Some(digest))
    }

    fn unblock(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        let key = self.storage.key(&Place::Data(*digest));
        let mut changes = Vec::new();
        for entry in self.first_below(&key)?.entries {
            let blocking = String::from_utf8(entry.key).ok().filter(|blocking| *blocking != key);
            if let Some(blocking) = blocking {
                changes.extend(self.put_bad_away(&blocking, None)?);
            }
        }
        Ok(changes)
    }

    fn quarantine_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
    ) -> Result<Vec<Change>, StorageWriteError> {
        self.put_bad_away(&self.link_key(repository, place), None)
    }

    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let key = self.link_key(repository, place);
        let old = self.link(&key)?.map(Content::new);
        Change::of_link(self.path(&key), old, digest, LINK_LIMIT, || self.put_bad_away(&key, None))
    }

    fn clear_upload(&self, repository: &RepositoryName, id: &str) -> Result<(), StorageWriteError> {
        if !is_uuid(id.as_bytes()) {
            return Ok(());
        }
        let folder = format!("{}/", self.storage.key(&Place::Upload(repository.clone(), id.into(), None)));
        let page = self.first_below(&folder)?;
        let keys: Option<Vec<_>> =
            page.entries.iter().map(|entry| String::from_utf8(entry.key.clone()).ok()).collect();
        let is_state = |key: &String| {
            let place = key.strip_prefix(&self.storage.prefix).map(Place::from);
            matches!(place, Some(Place::Upload(_, _, Some(UploadPart::HashState(..)))))
        };
        for key in keys.filter(|keys| page.is_last && keys.iter().all(is_state)).unwrap_or_default() {
            self.take_away(&key, "").map_err(self.refused("delete", &key))?;
        }
        Ok(())
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        match change.in_storage().ok_or(StorageWriteError::Elsewhere)? {
            StorageChange::Moved { from, to, content } => self.revert_move(from, to, content),
            StorageChange::Link { path, old, new } => self.revert_link(path, old, new),
        }
    }

    fn apply(&self, change: &Change) -> Result<(), StorageWriteError> {
        match change.in_storage().ok_or(StorageWriteError::Elsewhere)? {
            StorageChange::Moved { from, to, content } => self.move_object(from, to, content),
            StorageChange::Link { path, old, new } => self.write(path, old, new),
        }
    }
}
