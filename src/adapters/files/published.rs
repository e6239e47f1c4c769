//! Files for others to read: reports.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use tempfile::{Builder, NamedTempFile};

use super::folder::force;

/// A file as others may read it, where their umask allows it.
const READABLE: u32 = 0o666;

/// Where something is to be published.
enum Destination {
    /// A file, which may be new, and its mode.
    File(PathBuf, u32),
    /// A terminal, a pipe, `/dev/null`: it is written to as it is.
    Device,
}

impl Destination {
    fn find(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            // Who made a link wants what it leads to replaced.
            Ok(there) if there.is_file() => {
                Ok(Self::File(path.canonicalize()?, there.permissions().mode() & 0o777))
            }
            Ok(_) => Ok(Self::Device),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::File(path.to_owned(), READABLE))
            }
            Err(error) => Err(error),
        }
    }
}

/// A new file beside the one that it is to replace; gone when it is dropped.
#[expect(clippy::disallowed_methods, reason = "a new file, where the user wants to have it")]
fn draft(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Opened here, so that an error does not speak of the made-up name, which nobody typed.
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    Builder::new().prefix(".regfsck-").make_in(folder, create)
}

/// Whether a file could be written there. Nothing is left behind.
///
/// # Errors
/// Why not.
pub fn probe(path: &Path) -> io::Result<()> {
    match Destination::find(path)? {
        Destination::File(path, mode) => draft(&path, mode).map(drop),
        // Not opened: a pipe would wait for its reader, and the reader of one that is closed again goes away.
        Destination::Device => Ok(access(path, Access::WRITE_OK)?),
    }
}

/// Write a file whole: whoever reads it meanwhile, or after a crash, has the old one or the new one.
///
/// # Errors
/// When it cannot be written, or its folder not be written to.
#[expect(clippy::disallowed_methods, reason = "a device that the user named")]
pub fn publish(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let (path, mode) = match Destination::find(path)? {
        Destination::File(path, mode) => (path, mode),
        Destination::Device => {
            let device = OpenOptions::new().write(true).open(path)?;
            return buffered(&device, write);
        }
    };
    let draft = draft(&path, mode)?;
    buffered(draft.as_file(), write)?;
    force(draft.as_file())?;
    draft.persist(&path).map_err(|error| error.error).map(drop)
}

fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = BufWriter::new(file);
    write(&mut buffer)?;
    buffer.flush()
}
