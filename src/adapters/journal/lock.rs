//! One run at a time on one registry.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::engine::ports::JournalError;

/// The lock on a registry's state folder; it is let go when this is dropped, or the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Take the lock of this state folder, which must exist.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run holds it, and when the file cannot be made.
    pub fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join("lock");
        let open =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|source| refused("open", &path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(JournalError::Locked { path, holder: holder(&mut file) }),
            Err(errno) => return Err(refused("lock", &path, errno.into())),
        }
        sign(&mut file).map_err(|source| refused("write", &path, source))?;
        Ok(Self { _file: file })
    }
}

fn refused(what: &'static str, path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Refused { what, path: path.to_owned(), source }
}

/// Say who holds the lock. Only for the message that another run gives: `flock` is what counts.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    writeln!(file, "process {} since {now}", std::process::id())
}

fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(200).read_to_string(&mut text).ok()?;
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}
