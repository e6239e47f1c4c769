//! Changes to files that are on the disk when they are said to be made.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::engine::ports::StorageWriteError;

/// An error that says what was tried, and on what.
pub(super) fn refused(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StorageWriteError {
    let path = path.to_owned();
    move |source| StorageWriteError::Refused { what, path, source }
}

/// What is there, symbolic links not followed.
pub(super) fn look(path: &Path) -> Result<Option<Metadata>, StorageWriteError> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(refused("look at", path)(error)),
    }
}

/// The regular file that is there.
pub(super) fn look_at_file(path: &Path) -> Result<Option<Metadata>, StorageWriteError> {
    match look(path)? {
        Some(metadata) if !metadata.is_file() => Err(StorageWriteError::NotAFile { path: path.to_owned() }),
        seen => Ok(seen),
    }
}

/// Force a folder's entries to the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StorageWriteError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(refused("force to the disk", dir))
}

/// Rename, never over something that is there.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StorageWriteError> {
    let places = || (from.to_owned(), to.to_owned());
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let (from, to) = places();
            return Err(StorageWriteError::Occupied { from, to });
        }
        Err(Errno::XDEV) => {
            let (from, to) = places();
            return Err(StorageWriteError::OtherFilesystem { from, to });
        }
        // Some network filesystems cannot rename without replacing; the caller has looked already.
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to).map_err(refused("move", from))?,
        Err(errno) => return Err(refused("move", from)(errno.into())),
    }
    for dir in [to.parent(), from.parent()].into_iter().flatten() {
        sync_dir(dir)?;
    }
    Ok(())
}

/// Make a folder and what is missing above it, for its owner only.
pub(super) fn make_private_dirs(dir: &Path) -> Result<(), StorageWriteError> {
    make_dirs(dir, &|missing, _| fs::DirBuilder::new().mode(0o700).create(missing))
}

/// Make a folder and what is missing above it, each with the owner and mode of the folder above:
/// the daemon, which may run as another user, has to write there.
pub(super) fn make_dirs_alike(dir: &Path) -> Result<(), StorageWriteError> {
    make_dirs(dir, &|missing, above| {
        fs::create_dir(missing)?;
        dress(&File::open(missing)?, &above.metadata()?, 0o7777)
    })
}

fn make_dirs(
    dir: &Path,
    make: &dyn Fn(&Path, &Path) -> std::io::Result<()>,
) -> Result<(), StorageWriteError> {
    if dir.is_dir() {
        return Ok(());
    }
    let Some(above) = dir.parent() else { return Ok(()) };
    make_dirs(above, make)?;
    match make(dir, above) {
        // Another step of this run may have made it in the meantime.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused("make the folder", dir)(error)),
        _ => sync_dir(above),
    }
}

/// Give a file the owner and the mode of another, where they differ.
fn dress(file: &File, like: &Metadata, mask: u32) -> std::io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & mask))
}

/// Replace a small file's content, or make the file; owner and mode stay, or are those of its folder.
///
/// The new content is written beside the quarantined files first: a crash leaves nothing in storage.
pub(super) fn replace(path: &Path, content: &[u8], workshop: &Path) -> Result<(), StorageWriteError> {
    let old = look_at_file(path)?;
    let dir = path.parent().ok_or_else(|| StorageWriteError::Outside { path: path.to_owned() })?;
    make_dirs_alike(dir)?;
    make_private_dirs(workshop)?;
    let mut file = tempfile::NamedTempFile::new_in(workshop).map_err(refused("write in", workshop))?;
    let like = old.as_ref().map_or_else(|| dir.metadata(), |old| Ok(old.clone()));
    let written = like.and_then(|like| {
        file.write_all(content)?;
        dress(file.as_file(), &like, if old.is_some() { 0o7777 } else { 0o666 })?;
        file.as_file().sync_all()
    });
    written.map_err(refused("write", file.path()))?;
    let placed = if old.is_some() { file.persist(path) } else { file.persist_noclobber(path) };
    placed.map_err(|error| refused("write", path)(error.error))?;
    sync_dir(dir)
}
