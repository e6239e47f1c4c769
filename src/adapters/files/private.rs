//! What we keep for later runs: only we, or root, can change it, and nobody else can read it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, Stat, fchmod};
use rustix::io::Errno;

use super::draft::{DRAFT, Draft};
use super::folder::{Folder, force, kind};
use super::unfit::{Unfit, private};

/// An open folder of ours.
#[derive(Debug, Clone)]
pub struct PrivateFolder {
    folder: Arc<Folder>,
    path: PathBuf,
}

impl PrivateFolder {
    /// The folder at that path; it, and what is missing above it, is made for its owner only.
    ///
    /// # Errors
    /// When it cannot be made, is a symbolic link, belongs to somebody else, or others may write to it.
    pub fn make(path: &Path) -> io::Result<Self> {
        Self::of(Folder::reach(path, true)?, path.to_owned())
    }

    /// The folder at that path, if it is there.
    pub(in crate::adapters) fn find(path: &Path) -> io::Result<Option<Self>> {
        match Folder::reach(path, false) {
            Ok(folder) => Self::of(folder, path.to_owned()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(folder: Folder, path: PathBuf) -> io::Result<Self> {
        private(&folder.stat()?)?;
        Ok(Self { folder: Arc::new(folder), path })
    }

    /// The folder of that name in it; it is made if need be.
    ///
    /// # Errors
    /// As [`PrivateFolder::make`].
    pub fn within(&self, name: &str) -> io::Result<Self> {
        Self::of(self.folder.make(name)?.0, self.path.join(name))
    }

    /// Its path, for people.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of that name, to be read; nothing if there is none.
    pub(in crate::adapters) fn open(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        let Some((file, stat)) = self.folder.file(name)? else { return Ok(None) };
        private(&stat)?;
        Ok(Some((file, size(&stat))))
    }

    /// The file of that name, which may be new, to be written to.
    pub(in crate::adapters) fn writable(&self, name: &str) -> io::Result<File> {
        let (file, stat) = self.folder.writable(name)?;
        private(&stat)?;
        if stat.st_mode & 0o077 != 0 {
            fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        }
        Ok(file)
    }

    /// A new file of that name, to be written.
    ///
    /// # Errors
    /// When there is one, or it cannot be made.
    pub fn create(&self, name: &str) -> io::Result<File> {
        self.folder.create(name)
    }

    /// A file that vanishes with its last handle, in most places even when the process is killed.
    pub(in crate::adapters) fn temporary(&self) -> io::Result<File> {
        if let Some(file) = self.folder.unnamed()? {
            return Ok(file);
        }
        Draft::new(&self.folder)?.file.try_clone()
    }

    /// The names in it.
    pub(in crate::adapters) fn names(&self) -> io::Result<Vec<String>> {
        let names = self.folder.names(usize::MAX)?.into_iter();
        Ok(names.filter_map(|name| String::from_utf8(name).ok()).collect())
    }

    /// Take away a folder of ours in it, with all that we kept there.
    pub(in crate::adapters) fn discard(&self, name: &str) -> io::Result<()> {
        discard(&self.folder, name.as_bytes())
    }

    /// Take away what processes that were killed had begun to write: for whoever alone writes here.
    pub(in crate::adapters) fn sweep(&self) -> io::Result<()> {
        let names = self.names()?.into_iter();
        names.filter(|name| name.starts_with(DRAFT)).try_for_each(|name| self.folder.drop_own(&*name))
    }

    /// Write a file whole: a crash leaves the old one or the new one. What was written is returned.
    pub(in crate::adapters) fn replace<T>(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        replace(&self.folder, name, write)
    }
}

/// A link is taken away itself, wherever it leads.
fn discard(folder: &Folder, name: &[u8]) -> io::Result<()> {
    let is_folder = folder.look(name)?.is_some_and(|stat| kind(&stat) == FileType::Directory);
    if !is_folder {
        return folder.drop_own(name);
    }
    let inner = folder.enter(name)?;
    for entry in inner.names(usize::MAX)? {
        discard(&inner, &entry)?;
    }
    folder.drop_empty(name)
}

fn replace<T>(
    folder: &Folder,
    name: impl rustix::path::Arg,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<T> {
    let mut draft = Draft::new(folder)?;
    let written = write(&mut draft.file)?;
    force(&draft.file)?;
    folder.supersede(&*draft.name, name)?;
    folder.sync()?;
    Ok(written)
}

/// Write a file whole, readable for us only, wherever a user wants to have it.
///
/// # Errors
/// When it cannot be written, or its folder not be reached.
pub fn save<T>(path: &Path, write: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
    let (folder, name) = place(path)?;
    // A terminal, a pipe or a link to one is not to be replaced by a file.
    folder.file(name)?;
    replace(&folder, name, write)
}

/// The regular file at a path that a user gave, and its size: no link, and nothing that makes us wait.
///
/// # Errors
/// When it cannot be opened, or is something else.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let (file, stat) = named(path)?;
    Ok((file, size(&stat)))
}

/// All of a file that tells us what to do: nobody else may be able to change it.
///
/// # Errors
/// When it cannot be read, somebody else can write to it, or it is larger than `limit`.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, stat) = named(path)?;
    private(&stat)?;
    // Its size is known before a byte is read, and may be a hole's.
    if size(&stat) > limit {
        return Err(Unfit::Size(limit).into());
    }
    read_all(file, limit)
}

/// All of what a user named, which may be a link or a pipe, unless that is more than `limit` bytes: it may have no end.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_any(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?, limit)
}

/// All of an open file, unless that is more than so many bytes.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_all(file: impl io::Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(Unfit::Size(limit).into()) } else { Ok(bytes) }
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// The file at a path that a user gave.
fn named(path: &Path) -> io::Result<(File, Stat)> {
    let (folder, name) = place(path)?;
    match folder.file(name) {
        Ok(found) => found.ok_or_else(|| Errno::NOENT.into()),
        // It is where the user wants it, and nothing to move away.
        Err(_) if folder.enter(name).is_ok() => Err(Errno::ISDIR.into()),
        Err(error) => Err(error),
    }
}

/// The folder that a path's last name is in, and that name.
fn place(path: &Path) -> io::Result<(Folder, &std::ffi::OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((Folder::reach(parent, false)?, name))
}
