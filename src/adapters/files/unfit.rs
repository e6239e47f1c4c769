//! Why a thing is not used although it is there.

use std::io;

use rustix::fs::{FileType, Stat};
use rustix::process::geteuid;
use thiserror::Error;

/// Why a file or folder is not used as it lies there, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::adapters) enum Unfit {
    /// Following it may lead anywhere.
    #[error("it is a symbolic link, which is not followed here: remove it, or name what it leads to")]
    Link,
    /// A folder, pipe, socket or device.
    #[error("it is no regular file: move it away")]
    NotAFile,
    /// Its owner may change it while we work with it.
    #[error("it belongs to user {0}, who may change it meanwhile: run as that user, or move it away")]
    Owner(u32),
    /// Others may change it.
    #[error("others may write to it (mode {0:03o}): take that from them with `chmod go-w`")]
    Writable(u32),
    /// It may be something else of ours.
    #[error("it has another name too (a hard link), and may be something else: move it away")]
    Names,
    /// It is no work of ours.
    #[error("it is larger than {0} bytes, which nothing of ours is: move it away")]
    Size(u64),
}

impl Unfit {
    /// The same, where it came as an error of the operating system.
    pub(in crate::adapters) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Whether the user is us, or root.
pub(in crate::adapters) fn is_trusted(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

/// Whether only we, or root, can change the thing.
pub(in crate::adapters) fn private(stat: &Stat) -> Result<(), Unfit> {
    let mode = stat.st_mode & 0o7777;
    match stat.st_uid {
        owner if !is_trusted(owner) => Err(Unfit::Owner(owner)),
        _ if mode & 0o022 != 0 => Err(Unfit::Writable(mode)),
        _ => single(stat),
    }
}

/// Whether a file has that one name only.
pub(in crate::adapters) fn single(stat: &Stat) -> Result<(), Unfit> {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if is_file && stat.st_nlink > 1 { Err(Unfit::Names) } else { Ok(()) }
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::new(io::ErrorKind::InvalidInput, unfit)
    }
}
