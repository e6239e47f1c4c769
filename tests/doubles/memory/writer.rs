//! Changing a storage in memory, as strictly as a filesystem's is changed.

use std::path::{Component, Path, PathBuf};

use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::journal::{Change, Content};
use regfsck::domain::layout::{LinkPlace, Place};
use regfsck::domain::name::RepositoryName;
use regfsck::engine::ports::{Hasher, StorageWriteError, StorageWriter};

use super::{MemoryStorage, ROOT, inner};
use crate::doubles::disk::{Disk, Node};

/// What a link can say at most and still be kept in the journal.
const LINK_LIMIT: usize = 4096;

/// A storage in memory, to be changed by one run.
#[derive(Debug, Clone)]
pub struct MemoryWriter {
    storage: MemoryStorage,
    driver_root: PathBuf,
    quarantine: PathBuf,
    run: String,
    /// Reasons not to write at all.
    pub obstacles: Vec<String>,
}

type Result<T, E = StorageWriteError> = std::result::Result<T, E>;

fn key(path: &Path) -> String {
    inner(path.to_str().unwrap())
}

/// The node at a path; a refusal says what was tried.
fn look<'a>(disk: &'a Disk, path: &Path) -> Result<Option<&'a Node>> {
    let refused = |source| StorageWriteError::Refused { what: "look at", path: path.to_owned(), source };
    disk.look(&key(path)).map_err(refused)
}

/// The regular file at a path.
fn file<'a>(disk: &'a Disk, path: &Path) -> Result<Option<&'a [u8]>> {
    match look(disk, path)? {
        Some(Node::File(bytes, _)) => Ok(Some(bytes)),
        Some(Node::Folder) => Err(StorageWriteError::NotAFile { path: path.to_owned() }),
        None => Ok(None),
    }
}

/// What a link says; of one that is far too long, its start.
fn link(disk: &Disk, path: &Path) -> Result<Option<Content>> {
    Ok(file(disk, path)?.map(|bytes| Content::new(bytes[..bytes.len().min(LINK_LIMIT + 1)].to_vec())))
}

impl MemoryWriter {
    pub(super) fn new(storage: MemoryStorage, driver_root: &str, run: &str) -> Self {
        Self {
            storage,
            driver_root: driver_root.into(),
            quarantine: format!("{driver_root}.regfsck-quarantine").into(),
            run: run.to_owned(),
            obstacles: Vec::new(),
        }
    }

    fn path(place: &Place) -> PathBuf {
        Path::new(ROOT).join(place.to_string())
    }

    /// Whether a path, which may come from a forged journal, is one that may be touched.
    fn check(&self, path: &Path) -> Result<()> {
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let ours = path.starts_with(ROOT) || path.starts_with(&self.quarantine);
        if plain && ours { Ok(()) } else { Err(StorageWriteError::Outside { path: path.to_owned() }) }
    }

    /// A free place in this run's quarantine for a file of storage.
    fn kept(&self, disk: &Disk, path: &Path) -> Result<PathBuf> {
        let outside = |_| StorageWriteError::Outside { path: path.to_owned() };
        let below = path.strip_prefix(&self.driver_root).map_err(outside)?;
        let first = self.quarantine.join(&self.run).join(below);
        let numbered = (1_u32..).map(|number| PathBuf::from(format!("{}.{number}", first.display())));
        for place in [first.clone()].into_iter().chain(numbered) {
            if look(disk, &place)?.is_none() {
                return Ok(place);
            }
        }
        Ok(first)
    }

    /// The move of a file into the quarantine, but of what is right; nothing if there is none.
    fn put_bad_away(&self, disk: &Disk, path: &Path, right: Option<&Digest>) -> Result<Vec<Change>> {
        let algorithm = right.map_or(Algorithm::Sha256, Digest::algorithm);
        let Some(content) = file(disk, path)?.map(|bytes| Hasher::of(algorithm, bytes)) else {
            return Ok(Vec::new());
        };
        if right == Some(&content) {
            return Ok(Vec::new());
        }
        Ok(vec![Change::FileMoved { from: path.to_owned(), to: self.kept(disk, path)?, content }])
    }

    fn move_file(&self, from: &Path, to: &Path, content: &Digest) -> Result<()> {
        self.check(from)?;
        self.check(to)?;
        let mut disk = self.storage.disk();
        let held = file(&disk, from)?.map(|bytes| Hasher::of(content.algorithm(), bytes));
        let (from_owned, to_owned) = (from.to_owned(), to.to_owned());
        match (held, look(&disk, to)?.is_some()) {
            (None, true) => Ok(()),
            (Some(_), true) => Err(StorageWriteError::Occupied { from: from_owned, to: to_owned }),
            (None, false) => Err(StorageWriteError::Gone { from: from_owned, to: to_owned }),
            (Some(held), false) if held != *content => {
                Err(StorageWriteError::ChangedSince { path: from_owned })
            }
            (Some(_), false) => {
                if let Some(Node::File(bytes, modified)) = disk.remove(&key(from)) {
                    disk.write(&key(to), &bytes, modified);
                }
                Ok(())
            }
        }
    }

    fn write(&self, path: &Path, old: Option<&Content>, new: &Content) -> Result<()> {
        self.check(path)?;
        let mut disk = self.storage.disk();
        let current = link(&disk, path)?;
        if current.as_ref() == Some(new) {
            return Ok(());
        }
        if current.as_ref() != old {
            return Err(StorageWriteError::ChangedSince { path: path.to_owned() });
        }
        disk.write(&key(path), new.as_bytes(), jiff::Timestamp::now().as_second());
        Ok(())
    }

    fn revert_move(&self, from: &Path, to: &Path, content: &Digest) -> Result<Vec<Change>> {
        self.check(from)?;
        self.check(to)?;
        let disk = self.storage.disk();
        let held = |path: &Path| -> Result<Option<Digest>> {
            Ok(file(&disk, path)?.map(|bytes| Hasher::of(content.algorithm(), bytes)))
        };
        match (held(to)?, held(from)?) {
            (None, Some(back)) if back == *content => Ok(Vec::new()),
            (None, _) => Err(StorageWriteError::Gone { from: to.to_owned(), to: from.to_owned() }),
            (Some(kept), _) if kept != *content => {
                Err(StorageWriteError::ChangedSince { path: to.to_owned() })
            }
            (Some(_), _) => {
                let mut changes = self.put_bad_away(&disk, from, None)?;
                let (from, to) = (to.to_owned(), from.to_owned());
                changes.push(Change::FileMoved { from, to, content: *content });
                Ok(changes)
            }
        }
    }

    fn revert_link(&self, path: &Path, old: Option<&Content>, new: &Content) -> Result<Vec<Change>> {
        self.check(path)?;
        let disk = self.storage.disk();
        let current = link(&disk, path)?;
        match (current.as_ref(), old) {
            (current, old) if current == old => Ok(Vec::new()),
            (current, _) if current != Some(new) => {
                Err(StorageWriteError::ChangedSince { path: path.to_owned() })
            }
            (_, None) => self.put_bad_away(&disk, path, None),
            (_, Some(old)) => Ok(vec![Change::LinkWritten {
                path: path.to_owned(),
                old: Some(new.clone()),
                new: old.clone(),
            }]),
        }
    }
}

impl StorageWriter for MemoryWriter {
    fn obstacles(&self) -> Vec<String> {
        self.obstacles.clone()
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>> {
        self.put_bad_away(&self.storage.disk(), &Self::path(&Place::Data(*digest)), Some(digest))
    }

    fn quarantine_link(&self, repository: &RepositoryName, place: &LinkPlace) -> Result<Vec<Change>> {
        let path = Self::path(&Place::Link(repository.clone(), place.clone()));
        self.put_bad_away(&self.storage.disk(), &path, None)
    }

    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>> {
        let path = Self::path(&Place::Link(repository.clone(), place.clone()));
        let new = Content::Text(digest.to_string());
        let disk = self.storage.disk();
        let old = link(&disk, &path)?;
        if old.as_ref() == Some(&new) {
            return Ok(Vec::new());
        }
        // Too much for the journal: the file itself is kept.
        if old.as_ref().is_some_and(|old| old.as_bytes().len() > LINK_LIMIT) {
            let mut changes = self.put_bad_away(&disk, &path, None)?;
            changes.push(Change::LinkWritten { path, old: None, new });
            return Ok(changes);
        }
        Ok(vec![Change::LinkWritten { path, old, new }])
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>> {
        match change {
            Change::FileMoved { from, to, content } => self.revert_move(from, to, content),
            Change::LinkWritten { path, old, new } => self.revert_link(path, old.as_ref(), new),
            _ => Err(StorageWriteError::Elsewhere),
        }
    }

    fn apply(&self, change: &Change) -> Result<()> {
        match change {
            Change::FileMoved { from, to, content } => self.move_file(from, to, content),
            Change::LinkWritten { path, old, new } => self.write(path, old.as_ref(), new),
            _ => Err(StorageWriteError::Elsewhere),
        }
    }
}
