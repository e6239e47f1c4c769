//! A file that one process at a time holds, and that says who.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::getuid;

use super::refused;
use crate::adapters::files::PrivateFolder;
use crate::engine::ports::JournalError;

/// A lock; it is let go when this is dropped, or the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Take the lock of a state folder.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run holds it, and when the file cannot be made.
    pub(super) fn of_state(folder: &PrivateFolder) -> Result<Self, JournalError> {
        let path = folder.path().join("lock");
        let file = folder.writable("lock").map_err(refused("open", &path))?;
        let mut lock = Self::of(file, &path)?;
        lock.sign().map_err(refused("write", &path))?;
        Ok(lock)
    }

    /// Lock this file.
    pub(super) fn of(mut file: File, path: &Path) -> Result<Self, JournalError> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => {
                Err(JournalError::Locked { path: path.to_owned(), holder: holder(&mut file) })
            }
            Err(errno) => Err(refused("lock", path)(errno.into())),
        }
    }

    /// Say who holds it. Only for the message that another run gives: `flock` is what counts.
    pub(super) fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(self.file, "process {} since {now}, {}", std::process::id(), user())
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }
}

/// Whoever runs this: by number, and by the name that the login gave.
fn user() -> String {
    let number = getuid().as_raw();
    let name = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    name.map_or_else(|| format!("user {number}"), |name| format!("user {number} ({name})"))
}

/// What the holder wrote. Anybody may have written that.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(200).read_to_string(&mut text).ok()?;
    let line: String = text.lines().next()?.trim().escape_debug().collect();
    (!line.is_empty()).then_some(line)
}
