//! An open folder, and looks at what lies in it.
//!
//! Everything is done relative to the open folder, with no path built and, unless it is asked for, no symbolic link followed:
//! that is what makes the walk both fast and safe. Opening never blocks, whatever the thing is.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat};

use super::notes::Notes;
use super::printable::show;
use crate::domain::layout::{self, Place};
use crate::domain::views::storage::{Closed, Owner};

/// Room for one `getdents`: some 370 digest names.
const LISTING_BYTES: usize = 32 << 10;

/// What kind of thing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Folder,
    File,
    Symlink,
    /// A pipe, socket or device.
    Other,
}

impl FileKind {
    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Folder,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Self::Other,
        }
    }
}

/// What a look at one thing sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) kind: FileKind,
    pub(super) size: u64,
    /// Modification time, in seconds since 1970.
    pub(super) modified: i64,
    owner: Owner,
    mode: u32,
}

impl Look {
    pub(super) fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            kind: FileKind::of(FileType::from_raw_mode(stat.st_mode)),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: stat.st_mtime,
            owner: Owner { user: stat.st_uid, group: stat.st_gid },
            mode: stat.st_mode & 0o7777,
        }
    }
}

/// An open folder and its printable path below the storage root.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: String,
    /// Where links below it are followed: it, and the folders that it was reached through.
    follows: Option<Arc<Ancestor>>,
    /// Who has to be able to read what lies below it, where that is of interest.
    reader: Option<Owner>,
}

/// A folder on the way to another one.
#[derive(Debug)]
struct Ancestor {
    /// Device and number.
    id: (u64, u64),
    above: Option<Arc<Self>>,
}

impl Ancestor {
    fn of(fd: &OwnedFd, above: Option<&Arc<Self>>) -> io::Result<Arc<Self>> {
        let stat = fstat(fd)?;
        Ok(Arc::new(Self { id: (stat.st_dev, stat.st_ino), above: above.cloned() }))
    }

    /// Whether a folder was met before on the way to it.
    fn is_circle(&self) -> bool {
        std::iter::successors(self.above.as_deref(), |way| way.above.as_deref()).any(|way| way.id == self.id)
    }
}

impl Folder {
    /// Open the storage root, which may be a symbolic link.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { fd: open(path, flags, Mode::empty())?, path: String::new(), follows: None, reader: None })
    }

    /// The same, with links below it followed as the daemon follows them.
    pub(super) fn following(self) -> io::Result<Self> {
        Ok(Self { follows: Some(Ancestor::of(&self.fd, None)?), ..self })
    }

    /// The same, with what is kept from the daemon's user noted: whoever made the folder of all blobs. Root reads
    /// everything.
    pub(super) fn read_by_its_daemon(self) -> Self {
        let blobs = self.look(layout::BLOBS).ok().map(|look| look.owner);
        Self { reader: blobs.filter(|owner| owner.user != 0), ..self }
    }

    /// Note what lies there if it is kept from the daemon's user.
    fn note_closed(&self, path: impl FnOnce() -> String, look: io::Result<Look>, notes: &mut Notes) {
        let (Some(reader), Ok(Look { kind, owner, mode, .. })) = (self.reader, look) else { return };
        if reader.is_kept_out(owner, mode, kind == FileKind::Folder) {
            notes.closed.push(Closed { place: path().into(), owner, mode, reader });
        }
    }

    /// Whether it is of interest who may read what lies below it.
    pub(super) const fn has_reader(&self) -> bool {
        self.reader.is_some()
    }

    /// Note what lies at `path` below it, and the folders on the way there, if they are kept from the daemon's user. Whoever
    /// has looked at some of these hands that in, what lies deepest first.
    pub(super) fn note_kept(&self, path: &[u8], looks: &[Option<Look>], notes: &mut Notes) {
        if self.reader.is_none() {
            return;
        }
        let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let known = looks.iter().copied().chain(std::iter::repeat(None));
        for (end, known) in std::iter::once(path.len()).chain(ends).zip(known) {
            let part = path.get(..end).unwrap_or_default();
            self.note_closed(|| self.path_of(part), known.map_or_else(|| self.look(part), Ok), notes);
        }
    }

    /// What keeps a link from being followed.
    const fn no_follow(&self) -> OFlags {
        if self.follows.is_some() { OFlags::empty() } else { OFlags::NOFOLLOW }
    }

    /// Its printable path below the storage root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The open folder itself.
    pub(super) const fn handle(&self) -> &OwnedFd {
        &self.fd
    }

    /// The printable path of something in it.
    pub(super) fn path_of(&self, name: impl AsRef<[u8]>) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}{slash}{}", self.path, show(name.as_ref()))
    }

    fn own_look(&self) -> io::Result<Look> {
        Ok(Look::of(&fstat(&self.fd)?))
    }

    /// When it was last changed, in seconds since 1970.
    pub(super) fn modified(&self) -> io::Result<i64> {
        Ok(self.own_look()?.modified)
    }

    /// When it, or what is known about it, was last changed, in seconds since 1970.
    pub(super) fn changed(&self) -> io::Result<i64> {
        Ok(fstat(&self.fd)?.st_ctime)
    }

    /// Open the folder of that name in it.
    pub(super) fn enter(&self, name: impl AsRef<[u8]>) -> io::Result<Self> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | self.no_follow() | OFlags::CLOEXEC;
        match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => {
                let follows =
                    self.follows.as_ref().map(|above| Ancestor::of(&fd, Some(above))).transpose()?;
                if follows.as_ref().is_some_and(|way| way.is_circle()) {
                    return Err(rustix::io::Errno::LOOP.into());
                }
                Ok(Self { fd, path: self.path_of(name), follows, reader: self.reader })
            }
            // For a symbolic link Linux answers "not a directory", which must not pass for absent.
            Err(rustix::io::Errno::NOTDIR) if self.is_symlink(name) => Err(rustix::io::Errno::LOOP.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_symlink(&self, name: &[u8]) -> bool {
        self.look(name).is_ok_and(|look| look.kind == FileKind::Symlink)
    }

    /// Open the folder that lies at the end of these names, one after the other.
    pub(super) fn descend<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> io::Result<Self> {
        let (path, follows) = (self.path.clone(), self.follows.clone());
        let here = Self { fd: self.fd.try_clone()?, path, follows, reader: self.reader };
        names.into_iter().try_fold(here, |folder, name| folder.enter(name))
    }

    /// Open, from the storage root, the folder in which a place lies that the layout knows.
    pub(super) fn around(&self, place: &Place) -> io::Result<Self> {
        let path = place.to_string();
        self.descend(path.rsplit_once('/').iter().flat_map(|(above, _)| above.split('/')))
    }

    /// Open, from the storage root, a folder that the layout knows.
    pub(super) fn at(&self, folder: &layout::FolderPlace) -> io::Result<Self> {
        self.descend(folder.to_string().split('/'))
    }

    /// Open the folder of that name; note why that fails, unless there is none.
    pub(super) fn enter_noting(&self, name: impl AsRef<[u8]>, notes: &mut Notes) -> Option<Self> {
        let name = name.as_ref();
        let entered = self.enter(name).map_err(|error| notes.failed(self.path_of(name), &error)).ok()?;
        if self.reader.is_some() {
            self.note_closed(|| entered.path.clone(), entered.own_look(), notes);
        }
        Some(entered)
    }

    /// Look at what lies at `path` below it.
    pub(super) fn look(&self, path: impl AsRef<[u8]>) -> io::Result<Look> {
        let flags = if self.follows.is_some() { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        Ok(Look::of(&statat(&self.fd, path.as_ref(), flags)?))
    }

    /// Open the file at `path` below it for reading. May give any kind of thing but a symbolic link.
    pub(super) fn file(&self, path: impl AsRef<[u8]>) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | self.no_follow() | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(&self.fd, path.as_ref(), flags, Mode::empty())?)
    }

    /// Open the regular file at `path` below it for reading; anything else is not found.
    pub(super) fn regular_file(&self, path: impl AsRef<[u8]>) -> io::Result<(OwnedFd, Look)> {
        let file = self.file(path).map_err(|error| {
            // What opening a socket gives.
            let is_socket = error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
            if is_socket { io::ErrorKind::NotFound.into() } else { error }
        })?;
        let look = Look::of(&fstat(&file)?);
        if look.kind == FileKind::File { Ok((file, look)) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Visit each entry, in the folder's own order.
    pub(super) fn each(&self, mut visit: impl FnMut(&[u8], FileKind)) -> io::Result<()> {
        let mut room = Vec::with_capacity(LISTING_BYTES);
        // A second handle, because a handle remembers how far it was read.
        let fd = openat(&self.fd, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut listing = rustix::fs::RawDir::new(&fd, room.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let is_link = entry.file_type() == FileType::Symlink && self.follows.is_some();
            if entry.file_type() != FileType::Unknown && !is_link {
                visit(name, FileKind::of(entry.file_type()));
                continue;
            }
            // Some file systems do not tell the kind in a listing.
            match self.look(name) {
                Ok(look) => visit(name, look.kind),
                Err(error) if super::notes::is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Visit each entry that is a folder. Symbolic links are noted as not followed, everything else as
    /// stray for the reason `why`; a failing listing is noted too.
    pub(super) fn each_folder(&self, why: &str, notes: &mut Notes, mut visit: impl FnMut(&[u8], &mut Notes)) {
        let listed = self.each(|name, kind| match kind {
            FileKind::Folder => visit(name, notes),
            FileKind::Symlink => notes.symlink(self.path_of(name)),
            FileKind::File | FileKind::Other => notes.stray(self.path_of(name), why),
        });
        if let Err(error) = listed {
            notes.failed(self.path.clone(), &error);
        }
    }
}
