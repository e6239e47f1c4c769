//! An open folder, and looks at what lies in it.
//!
//! Everything is done relative to the open folder, with no path built and no symbolic link followed:
//! that is what makes the walk both fast and safe. Opening never blocks, whatever the thing is.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat};

use super::notes::Notes;
use super::printable::show;
use crate::domain::layout::{self, Place};

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
}

impl Look {
    pub(super) fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            kind: FileKind::of(FileType::from_raw_mode(stat.st_mode)),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: stat.st_mtime,
        }
    }
}

/// An open folder and its printable path below the storage root.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: String,
}

impl Folder {
    /// Open the storage root, which may be a symbolic link.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { fd: open(path, flags, Mode::empty())?, path: String::new() })
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

    /// When it was last changed, in seconds since 1970.
    pub(super) fn modified(&self) -> io::Result<i64> {
        Ok(Look::of(&fstat(&self.fd)?).modified)
    }

    /// When it, or what is known about it, was last changed, in seconds since 1970.
    pub(super) fn changed(&self) -> io::Result<i64> {
        Ok(fstat(&self.fd)?.st_ctime)
    }

    /// Open the folder of that name in it.
    pub(super) fn enter(&self, name: impl AsRef<[u8]>) -> io::Result<Self> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: self.path_of(name) }),
            // For a symbolic link Linux answers "not a directory", which must not pass for absent.
            Err(rustix::io::Errno::NOTDIR) if self.is_symlink(name) => Err(rustix::io::Errno::LOOP.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_symlink(&self, name: &[u8]) -> bool {
        self.look(name).is_ok_and(|look| look.kind == FileKind::Symlink)
    }

    /// Open the folder that lies at the end of these names, one after the other.
    pub(super) fn descend(&self, names: impl IntoIterator<Item: AsRef<[u8]>>) -> io::Result<Self> {
        let here = Self { fd: self.fd.try_clone()?, path: self.path.clone() };
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
        self.enter(name).map_err(|error| notes.failed(self.path_of(name), &error)).ok()
    }

    /// Look at what lies at `path` below it.
    pub(super) fn look(&self, path: impl AsRef<[u8]>) -> io::Result<Look> {
        Ok(Look::of(&statat(&self.fd, path.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Open the file at `path` below it for reading. May give any kind of thing but a symbolic link.
    pub(super) fn file(&self, path: impl AsRef<[u8]>) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
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
            if entry.file_type() != FileType::Unknown {
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
