//! A file's place in an opened folder, and the changes that are made there. They are on the disk when they are said
//! to be made; one that fails half-way is taken back.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::Stat;
use rustix::io::Errno;

use super::content::hash_open;
use crate::adapters::files::{Draft, Folder, Unfit, dress, force, is_same};
use crate::domain::digest::Digest;
use crate::domain::journal::Content;
use crate::engine::ports::{StorageWriteError, Unhurried};

/// What a link can say at most and still be kept in the journal; a digest has 71 bytes.
pub(super) const LINK_LIMIT: u64 = 4096;

/// A name in an opened folder, where a file is or may be.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) folder: Folder,
    pub(super) name: OsString,
    /// How it was reached, for people.
    pub(super) path: PathBuf,
}

/// An error that says what was tried, and on what.
pub(super) fn refused(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageWriteError {
    let path = path.to_owned();
    move |source| match Unfit::of(&source) {
        Some(Unfit::Link) => StorageWriteError::Symlink { path },
        Some(Unfit::NotAFile) => StorageWriteError::NotAFile { path },
        Some(Unfit::Owner(_) | Unfit::Writable(_) | Unfit::Names | Unfit::Size(_)) | None => {
            StorageWriteError::Refused { what, path, source }
        }
    }
}

impl Spot {
    /// What is there, if anything.
    pub(super) fn look(&self) -> Result<Option<Stat>, StorageWriteError> {
        self.folder.look(&*self.name).map_err(refused("look at", &self.path))
    }

    /// The regular file that is there, if anything is.
    pub(super) fn file(&self) -> Result<Option<(File, Stat)>, StorageWriteError> {
        self.folder.file(&*self.name).map_err(refused("open", &self.path))
    }

    /// What the file there hashes to, by the algorithm of `digest`.
    pub(super) fn hash(&self, digest: &Digest) -> Result<Option<(Digest, Stat)>, StorageWriteError> {
        let Some((file, stat)) = self.file()? else { return Ok(None) };
        let hashed = hash_open(&file, digest, &Unhurried).map_err(refused("read", &self.path))?;
        Ok(Some((hashed.actual, stat)))
    }

    /// What the link there says; of one that is far too long, its start.
    pub(super) fn link(&self) -> Result<Option<(Content, Stat)>, StorageWriteError> {
        let Some((file, stat)) = self.file()? else { return Ok(None) };
        let mut content = Vec::new();
        file.take(LINK_LIMIT + 1).read_to_end(&mut content).map_err(refused("read", &self.path))?;
        Ok(Some((Content::new(content), stat)))
    }

    /// Move the file that was looked at to where nothing is.
    pub(super) fn move_to(&self, to: &Self, file: &Stat) -> Result<(), StorageWriteError> {
        self.rename(to)?;
        let moved = to.settle(Some(file)).and_then(|()| self.sync());
        moved.map_err(|error| back(error, to.rename(self)))
    }

    fn rename(&self, to: &Self) -> Result<(), StorageWriteError> {
        let places = || (self.path.clone(), to.path.clone());
        self.folder.rename(&*self.name, &to.folder, &*to.name).map_err(|source| {
            let (from, to) = places();
            match Errno::from_io_error(&source) {
                Some(Errno::EXIST) => StorageWriteError::Occupied { from, to },
                Some(Errno::XDEV) => StorageWriteError::OtherFilesystem { from, to },
                _ => StorageWriteError::Refused { what: "move", path: from, source },
            }
        })
    }

    /// Make sure that what came here is what was looked at before, and force it to the disk.
    fn settle(&self, file: Option<&Stat>) -> Result<(), StorageWriteError> {
        let here = self.look()?;
        if file.is_some_and(|file| here.is_none_or(|here| !is_same(file, &here))) {
            return Err(StorageWriteError::ChangedSince { path: self.path.clone() });
        }
        self.sync()
    }

    fn sync(&self) -> Result<(), StorageWriteError> {
        let dir = self.path.parent().unwrap_or(&self.path);
        self.folder.sync().map_err(refused("force to the disk", dir))
    }

    /// Put a small file here, in place of the one that was looked at, if there was one. Owner and mode stay, or are
    /// those of the folder.
    ///
    /// The new one is written in the workshop first: a crash leaves nothing in storage. What it replaces goes there, and
    /// goes away with the draft: the journal has it.
    pub(super) fn replace(
        &self,
        content: &[u8],
        old: Option<&Stat>,
        workshop: &Folder,
    ) -> Result<(), StorageWriteError> {
        let draft = Draft::new(workshop).map_err(refused("write beside", &self.path))?;
        self.fill(&draft, content, old).map_err(refused("write", &self.path))?;
        let Some(old) = old else {
            let placed = workshop.rename(&*draft.name, &self.folder, &*self.name);
            placed.map_err(refused("write", &self.path))?;
            let taken = || self.folder.rename(&*self.name, workshop, &*draft.name);
            return self.settle(None).map_err(|error| back(error, taken()));
        };
        let exchanged = workshop.exchange(&*draft.name, &self.folder, &*self.name);
        let exchanged = exchanged.map_err(refused("write", &self.path))?;
        let replaced = if exchanged { holds(&draft, old, self) } else { Ok(()) };
        replaced.and_then(|()| self.settle(None)).map_err(|error| back(error, restore(&draft, self)))
    }

    fn fill(&self, draft: &Draft<'_>, content: &[u8], old: Option<&Stat>) -> io::Result<()> {
        (&draft.file).write_all(content)?;
        match old {
            Some(old) => dress(&draft.file, old, 0o777)?,
            None => dress(&draft.file, &self.folder.stat()?, 0o666)?,
        }
        force(&draft.file)
    }
}

/// The error of a change that was taken back. Where even that failed, whoever made the change looks at what is there.
fn back<E: std::fmt::Display>(error: StorageWriteError, taken: Result<(), E>) -> StorageWriteError {
    if let Err(also) = taken {
        tracing::warn!(%also, "a change that failed half-way could not be taken back at once");
    }
    error
}

/// Put back what was replaced.
fn restore(draft: &Draft<'_>, spot: &Spot) -> io::Result<()> {
    let restored = draft.folder.exchange(&*draft.name, &spot.folder, &*spot.name);
    if restored.is_err() {
        draft.keep();
    }
    restored.map(|_| ())
}

/// Whether what was replaced is what was looked at before.
fn holds(draft: &Draft<'_>, old: &Stat, spot: &Spot) -> Result<(), StorageWriteError> {
    let held = draft.folder.look(&*draft.name).map_err(refused("look at", &spot.path))?;
    if held.is_some_and(|held| is_same(&held, old)) {
        return Ok(());
    }
    Err(StorageWriteError::ChangedSince { path: spot.path.clone() })
}
