//! One writer a registry, whoever it is and wherever it keeps its state.
//!
//! ```text
//! <rootdirectory>/regfsck.lock           where storage is given; the registry looks at nothing beside `docker/`
//! /run/lock/regfsck-<registry>.lock      by the registry's address, where all users of the machine share that;
//! /tmp/regfsck-<registry>.lock           else here
//! ```
//!
//! In storage, because that is the one place that every run on it shares: with any `HOME`, in any container, and on a
//! network filesystem on any machine. `/run/lock` or `/tmp` depends on the machine alone, not on who asks. Whoever has
//! an address and no storage is known by that only, so a run with both takes both. A link or a bind mount can show
//! `docker/registry/v2` below another driver root: that folder's own number is an address too.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, Stat, fchmod, fstat};

use super::lock::Lock;
use super::refused;
use crate::adapters::files::{Folder, Unfit, dress, is_same, is_trusted, single};
use crate::domain::journal::folder_name;
use crate::domain::layout::{LOCK, ROOT};
use crate::engine::ports::{Held, JournalError};

/// Where all users of a machine may make files, and nobody take away those of others.
const SHARED: [&str; 2] = ["/run/lock", "/tmp"];
/// Who takes the lock may find it gone, because who had it took it away: another look settles that.
const TRIES: usize = 100;

/// The lock of one registry.
#[derive(Debug, Clone)]
pub struct FileLock {
    driver_root: Option<PathBuf>,
    addresses: Vec<String>,
}

impl FileLock {
    /// That of the registry with this storage root (a path that ends in `docker/registry/v2`) and this address.
    #[must_use]
    pub fn new(v2: Option<&Path>, address: Option<&str>) -> Self {
        let real = v2.and_then(|v2| v2.canonicalize().ok());
        let named = [real.as_deref(), v2].into_iter().flatten().find(|v2| v2.ends_with(ROOT));
        let driver_root = named.and_then(|v2| v2.ancestors().nth(3)?.canonicalize().ok());
        let number = v2.and_then(|v2| v2.metadata().ok()).map(|it| format!("root-{}-{}", it.dev(), it.ino()));
        Self { driver_root, addresses: Vec::new() }.and_at(address).and_at(number.as_deref())
    }

    /// The same, and that of this address: of a bucket, which holds no lock.
    #[must_use]
    pub fn and_at(mut self, address: Option<&str>) -> Self {
        self.addresses.extend(address.map(|address| {
            let plain = address.split_once("://").map_or(address, |(_, rest)| rest);
            plain.trim_end_matches('/').to_lowercase()
        }));
        self
    }

    /// Take it. Blocking, but not waiting for anybody.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run has it, and when there is no way to tell.
    pub fn take(&self) -> Result<Held, JournalError> {
        let in_storage = self.driver_root.as_deref().map(in_storage).transpose();
        if let Err(locked @ JournalError::Locked { .. }) = in_storage {
            return Err(locked);
        }
        let by_address: Vec<_> =
            self.addresses.iter().map(|address| by_address(address)).collect::<Result<_, _>>()?;
        let by_address: Vec<_> = by_address.into_iter().flatten().collect();
        let in_storage = match in_storage {
            // Who cannot write there changes nothing but what the address leads to, and that is held.
            Err(JournalError::Refused { source, .. }) if !by_address.is_empty() && is_read_only(&source) => {
                None
            }
            held => held?,
        };
        Ok(Held::new((in_storage, by_address)))
    }
}

fn is_read_only(error: &io::Error) -> bool {
    Unfit::of(error).is_none()
        && matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn in_storage(driver_root: &Path) -> Result<Placed, JournalError> {
    let path = driver_root.join(LOCK);
    let folder = Folder::open(driver_root).map_err(refused("open", driver_root))?;
    let above = folder.stat().map_err(refused("look at", driver_root))?;
    // Whoever may write to storage is to be able to take it, so it is as the folder that it is in.
    let is_fit = |file: &Stat| {
        let is_known = is_trusted(file.st_uid) || file.st_uid == above.st_uid;
        if is_known { single(file) } else { Err(Unfit::Owner(file.st_uid)) }
    };
    take(folder, LOCK.to_owned(), &path, is_fit, |lock| dress(lock.file(), &above, 0o666))
}

fn by_address(address: &str) -> Result<Option<Placed>, JournalError> {
    let name = format!("regfsck-{}.lock", folder_name(address));
    let shared = SHARED.iter().find_map(|path| Some((shared(Path::new(path))?, Path::new(path).join(&name))));
    // Where users have no folder in common, nobody else is there.
    let Some((folder, path)) = shared else { return Ok(None) };
    let for_all = Mode::from_raw_mode(0o666);
    let placed = take(folder, name, &path, single, |lock| Ok(fchmod(lock.file(), for_all)?));
    placed.map(Some)
}

/// The folder, if it is root's, anybody may write there, and nobody can take away what is another's.
fn shared(path: &Path) -> Option<Folder> {
    let folder = Folder::open(&path.canonicalize().ok()?).ok()?;
    let stat = folder.stat().ok()?;
    (stat.st_uid == 0 && stat.st_mode & 0o1777 == 0o1777).then_some(folder)
}

/// A lock and where it lies. It goes away when it is let go, so that nothing of ours is left in storage.
struct Placed {
    lock: Lock,
    folder: Folder,
    name: String,
}

fn take(
    folder: Folder,
    name: String,
    path: &Path,
    is_fit: impl Fn(&Stat) -> Result<(), Unfit>,
    open_up: impl Fn(&Lock) -> std::io::Result<()>,
) -> Result<Placed, JournalError> {
    for _ in 0..TRIES {
        let (file, stat) = folder.writable(&*name).map_err(refused("open", path))?;
        is_fit(&stat).map_err(|unfit| refused("use", path)(unfit.into()))?;
        let lock = Lock::of(file, path)?;
        let now = folder.look(&*name).map_err(refused("look at", path))?;
        if now.is_some_and(|now| is_same(&now, &stat)) {
            let mut placed = Placed { lock, folder, name };
            // A file of another user is open to all already, and a full disk is no reason not to repair.
            let _ = open_up(&placed.lock);
            let _ = placed.lock.sign();
            return Ok(placed);
        }
    }
    Err(refused("take", path)(std::io::Error::other("it is taken away again and again")))
}

impl Drop for Placed {
    fn drop(&mut self) {
        // It is held still, and who waits for it looks again whether it is there.
        let own = fstat(self.lock.file()).ok();
        let there = self.folder.look(&*self.name).ok().flatten();
        if own.zip(there).is_some_and(|(own, there)| is_same(&own, &there)) {
            let _ = self.folder.drop_own(&*self.name);
        }
    }
}

#[cfg(test)]
#[path = "registry_lock_tests.rs"]
mod tests;
