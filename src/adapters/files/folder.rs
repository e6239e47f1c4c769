//! An open folder, and what can be done by name in it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid, fchmod, fchown, fstat, fsync, mkdirat,
    open, openat, readlinkat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::path::Arg;

use super::unfit::{Unfit, is_trusted};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Enough to go through a folder that may not be listed.
#[cfg(target_os = "linux")]
const PASSAGE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASSAGE: OFlags = FOLDER;

/// How many links may lead on: what Linux itself follows.
const LINKS: u32 = 40;

/// An open folder: the folder itself, whatever its path leads to by now.
#[derive(Debug)]
pub(in crate::adapters) struct Folder(OwnedFd);

impl Folder {
    /// The folder at an absolute path that holds no symbolic link.
    pub(in crate::adapters) fn open(path: &Path) -> io::Result<Self> {
        let mut names = path.components().filter(|part| *part != Component::RootDir).peekable();
        let top = if names.peek().is_some() { PASSAGE } else { FOLDER };
        let mut here = Self(open("/", top, Mode::empty())?);
        while let Some(Component::Normal(name)) = names.next() {
            here = here.step(name, if names.peek().is_some() { PASSAGE } else { FOLDER })?;
        }
        Ok(here)
    }

    /// The folder at a path that a user gave, made if that is wanted. A link on the way is followed if nobody but us or
    /// root can have put it there; the folder itself must be none.
    pub(in crate::adapters) fn reach(path: &Path, make: bool) -> io::Result<Self> {
        let start = |absolute| open(if absolute { "/" } else { "." }, PASSAGE, Mode::empty()).map(Self);
        let mut here = start(path.is_absolute())?;
        let mut left = names(path);
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            let flags = if left.is_empty() { FOLDER } else { PASSAGE };
            match here.step(&*name, flags) {
                Ok(next) => here = next,
                Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                    here = here.make(&*name)?.0;
                }
                Err(error) if Unfit::of(&error) == Some(Unfit::Link) && !left.is_empty() && links < LINKS => {
                    links += 1;
                    let target = here.target(&name)?;
                    if target.is_absolute() {
                        here = start(true)?;
                    }
                    left = names(&target).into_iter().chain(left).collect();
                }
                Err(error) => return Err(error),
            }
        }
        // Not for passage only.
        here.step(".", FOLDER)
    }

    /// Where a link leads that only we, or root, can have made.
    fn target(&self, name: &OsStr) -> io::Result<PathBuf> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !is_trusted(stat.st_uid) {
            return Err(Unfit::Link.into());
        }
        Ok(OsString::from_vec(readlinkat(&self.0, name, Vec::new())?.into_bytes()).into())
    }

    /// The folder of that name.
    pub(in crate::adapters) fn enter(&self, name: impl Arg + Copy) -> io::Result<Self> {
        self.step(name, FOLDER)
    }

    fn step(&self, name: impl Arg + Copy, flags: OFlags) -> io::Result<Self> {
        match openat(&self.0, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Self(fd)),
            // Systems answer one or the other for a symbolic link, which must not pass for absent.
            Err(Errno::NOTDIR | Errno::LOOP) if self.is_link(name) => Err(Unfit::Link.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_link(&self, name: impl Arg) -> bool {
        statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| kind(&stat) == FileType::Symlink)
    }

    /// Make the folder of that name, if it is not there yet, for its owner only; it, and whether it is new.
    pub(in crate::adapters) fn make(&self, name: impl Arg + Copy) -> io::Result<(Self, bool)> {
        let made = match mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => true,
            // Another step of this run may have made it in the meantime.
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let folder = self.enter(name)?;
        if made {
            // Not by our own handle, which may be for passage only.
            self.step(".", FOLDER)?.sync()?;
        }
        Ok((folder, made))
    }

    /// What there is to say about the folder itself.
    pub(in crate::adapters) fn stat(&self) -> io::Result<Stat> {
        Ok(fstat(&self.0)?)
    }

    /// What lies under that name, a symbolic link itself included.
    pub(in crate::adapters) fn look(&self, name: impl Arg) -> io::Result<Option<Stat>> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The regular file of that name, opened for reading. Opening never waits, whatever the thing is.
    pub(in crate::adapters) fn file(&self, name: impl Arg + Copy) -> io::Result<Option<(File, Stat)>> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// The regular file of that name, opened to be written to; made, for its owner only, where there is none. What is
    /// there is not cut off.
    pub(in crate::adapters) fn writable(&self, name: impl Arg + Copy) -> io::Result<(File, Stat)> {
        loop {
            // Not with CREATE: systems refuse that to whoever does not own what lies in a folder for all.
            if let Some(found) = self.open_file(name, OFlags::RDWR)? {
                return Ok(found);
            }
            match self.create(name) {
                Ok(file) => {
                    self.sync()?;
                    let stat = fstat(&file)?;
                    return Ok((file, stat));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn open_file(&self, name: impl Arg + Copy, mode: OFlags) -> io::Result<Option<(File, Stat)>> {
        let flags = mode | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&self.0, name, flags, Mode::empty()) {
            Ok(fd) => {
                let stat = fstat(&fd)?;
                let is_file = kind(&stat) == FileType::RegularFile;
                if is_file { Ok(Some((fd.into(), stat))) } else { Err(Unfit::NotAFile.into()) }
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(Errno::LOOP) => Err(Unfit::Link.into()),
            // What opening a socket gives, and a folder that is to be written to.
            Err(Errno::NXIO | Errno::ISDIR) => Err(Unfit::NotAFile.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Make the file of that name, where nothing is, for its owner only; to be written.
    pub(in crate::adapters) fn create(&self, name: impl Arg) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// A file without a name, if the filesystem has that: it vanishes with its last handle.
    pub(super) fn unnamed(&self) -> io::Result<Option<File>> {
        #[cfg(target_os = "linux")]
        {
            let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
            match openat(&self.0, ".", flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => Ok(None),
                opened => Ok(Some(opened?.into())),
            }
        }
        #[cfg(not(target_os = "linux"))]
        Ok(None)
    }

    /// Move what lies under that name to where nothing is.
    pub(in crate::adapters) fn rename(
        &self,
        name: impl Arg + Copy,
        to: &Self,
        new: impl Arg + Copy,
    ) -> io::Result<()> {
        match renameat_with(&self.0, name, &to.0, new, RenameFlags::NOREPLACE) {
            // Some network filesystems cannot rename without replacing.
            Err(Errno::INVAL | Errno::NOSYS) => match to.look(new)? {
                Some(_) => Err(Errno::EXIST.into()),
                None => Ok(renameat(&self.0, name, &to.0, new)?),
            },
            renamed => Ok(renamed?),
        }
    }

    /// Put what lies under that name in place of whatever is under another.
    pub(in crate::adapters) fn supersede(&self, name: impl Arg, new: impl Arg) -> io::Result<()> {
        Ok(renameat(&self.0, name, &self.0, new)?)
    }

    /// Exchange what lies under two names. `false` where the filesystem cannot: `new` was replaced then.
    pub(in crate::adapters) fn exchange(
        &self,
        name: impl Arg + Copy,
        to: &Self,
        new: impl Arg + Copy,
    ) -> io::Result<bool> {
        match renameat_with(&self.0, name, &to.0, new, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS) => renameat(&self.0, name, &to.0, new)?,
            exchanged => return Ok(exchanged.map(|()| true)?),
        }
        Ok(false)
    }

    /// Take away a file that is ours.
    pub(in crate::adapters) fn drop_own(&self, name: impl Arg) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Take away a folder in which nothing is.
    pub(in crate::adapters) fn drop_empty(&self, name: impl Arg) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// The names in it, at most so many.
    pub(in crate::adapters) fn names(&self, most: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." && found.len() <= most {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// Force its entries to the disk, where its filesystem can do that.
    pub(in crate::adapters) fn sync(&self) -> io::Result<()> {
        force(&self.0)
    }

    /// Whether a rename can go from one to the other. `false` if that cannot be told.
    pub(in crate::adapters) fn shares_mount(&self, other: &Self) -> bool {
        let device = |folder: &Self| folder.stat().map(|stat| stat.st_dev).ok();
        device(self).is_some() && device(self) == device(other) && self.mount() == other.mount()
    }

    /// The mount's number, where the system tells: two bind mounts of one filesystem have one device number,
    /// and no rename goes between them.
    #[cfg(target_os = "linux")]
    fn mount(&self) -> Option<u64> {
        use rustix::fs::{StatxFlags, statx};
        let answer = statx(&self.0, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        (answer.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(answer.stx_mnt_id)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "other systems do not tell")]
    fn mount(&self) -> Option<u64> {
        None
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The names in a path, one after the other.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

/// What kind of thing it is.
pub(in crate::adapters) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Whether both are of the same thing.
pub(in crate::adapters) const fn is_same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}

/// Give an open file or folder the owner and the mode of another, where they differ.
pub(in crate::adapters) fn dress(thing: impl AsFd, like: &Stat, mask: u32) -> io::Result<()> {
    let own = fstat(&thing)?;
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid) {
        fchown(&thing, Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)))?;
    }
    Ok(fchmod(&thing, Mode::from_raw_mode(like.st_mode & mask))?)
}

/// Force a file or a folder to the disk, where its filesystem can do that.
pub(in crate::adapters) fn force(thing: impl AsFd) -> io::Result<()> {
    static WARNED: AtomicBool = AtomicBool::new(false);
    match fsync(thing) {
        Err(error @ (Errno::INVAL | Errno::NOTSUP | Errno::NOSYS)) => {
            if !WARNED.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "this filesystem forces nothing to the disk: a crash of the machine may undo what is done");
            }
            Ok(())
        }
        forced => Ok(forced?),
    }
}
