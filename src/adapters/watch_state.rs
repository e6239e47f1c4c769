//! What a watch keeps in its registry's state folder.
//!
//! ```text
//! <state dir>/watch/lock               held while somebody watches
//! <state dir>/watch/memory.json        leads, broken pushes, what was repaired today
//! <state dir>/watch/report.json        the last check's
//! <state dir>/watch/before.snapshot    what storage held then
//! ```
//!
//! Each is replaced whole: whoever kills us at any moment leaves the old one or the new one.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files::PrivateFolder;
use super::snapshot::{self, SnapshotError};
use crate::domain::report::{Report, SCHEMA};
use crate::domain::views::storage::StorageView;
use crate::domain::watch::{MEMORY, WatchMemory};
use crate::engine::ports::{Recalled, Unkept, WatchKeeper};

const MEMORY_FILE: &str = "memory.json";
const REPORT_FILE: &str = "report.json";
const VIEW_FILE: &str = "before.snapshot";
/// Reports of registries with a million findings are smaller.
const LIMIT: u64 = 4 << 30;

/// The folder of the one watch that there may be.
#[derive(Debug)]
pub struct WatchFolder {
    folder: PrivateFolder,
    path: PathBuf,
    /// Let go of when the process ends, however it does.
    _lock: File,
}

/// Why there is no folder to keep anything in.
#[derive(Debug, thiserror::Error)]
pub enum WatchFolderError {
    /// Somebody watches already.
    #[error("another regfsck watches this registry: it holds `{}`", path.display())]
    Taken {
        /// The lock.
        path: PathBuf,
    },
    /// It cannot be used.
    #[error("cannot use the folder `{}`", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WatchFolder {
    /// Take the folder in this state folder.
    ///
    /// # Errors
    /// When another watch has it, or it cannot be made.
    pub fn take(state: &Path) -> Result<Self, WatchFolderError> {
        let path = state.join("watch");
        let unusable = |source: io::Error| WatchFolderError::Unusable { path: path.clone(), source };
        let folder = PrivateFolder::make(state).and_then(|top| top.within("watch")).map_err(unusable)?;
        let lock = folder.writable("lock").map_err(unusable)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                folder.sweep().map_err(unusable)?;
                Ok(Self { folder, path, _lock: lock })
            }
            Err(Errno::WOULDBLOCK) => Err(WatchFolderError::Taken { path: path.join("lock") }),
            Err(errno) => Err(unusable(errno.into())),
        }
    }

    fn failed<E>(&self, doing: &str, name: &str) -> impl FnOnce(E) -> Unkept
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let what = format!("{doing} `{}`", self.path.join(name).display());
        move |source| Unkept { what, source: source.into() }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unkept> {
        let found = self.folder.open(name).map_err(self.failed("read", name))?;
        let Some((file, _)) = found else { return Ok(None) };
        let read = serde_json::from_reader(BufReader::new(file.take(LIMIT)));
        read.map(Some).map_err(self.failed("read", name))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), Unkept> {
        let written = self.folder.replace(name, |file| {
            let mut buffer = BufWriter::new(file);
            serde_json::to_writer(&mut buffer, value)?;
            buffer.flush()
        });
        written.map_err(self.failed("write", name))
    }
}

impl WatchKeeper for WatchFolder {
    fn recall(&self) -> Recalled {
        let mut recalled = Recalled::default();
        match self.read::<WatchMemory>(MEMORY_FILE) {
            Ok(memory) => recalled.memory = memory.filter(|memory| memory.version == MEMORY),
            Err(damage) => recalled.damage.push(damage),
        }
        match self.read::<Report>(REPORT_FILE) {
            Ok(report) => recalled.report = report.filter(|report| report.schema == SCHEMA),
            Err(damage) => recalled.damage.push(damage),
        }
        recalled
    }

    fn remember(&self, memory: &WatchMemory) -> Result<(), Unkept> {
        self.write(MEMORY_FILE, memory)
    }

    fn keep_report(&self, report: &Report) -> Result<(), Unkept> {
        self.write(REPORT_FILE, report)
    }

    fn keep_view(&self, view: &StorageView) -> Result<(), Unkept> {
        let written = snapshot::write(&self.path.join(VIEW_FILE), view);
        written.map(drop).map_err(self.failed("write", VIEW_FILE))
    }

    fn view(&self) -> Result<Option<StorageView>, Unkept> {
        match snapshot::read(&self.path.join(VIEW_FILE)) {
            Ok(view) => Ok(Some(view)),
            Err(SnapshotError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", VIEW_FILE)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::domain::report::Target;

    fn report() -> Report {
        Report::empty(Target::default(), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_kept_is_recalled_and_one_watch_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let folder = WatchFolder::take(&state).unwrap();
        let nothing = folder.recall();
        assert!(nothing.memory.is_none() && nothing.report.is_none() && nothing.damage.is_empty());
        assert!(matches!(WatchFolder::take(&state), Err(WatchFolderError::Taken { .. })));
        folder.remember(&WatchMemory { unseen: true, ..WatchMemory::default() }).unwrap();
        folder.keep_report(&report()).unwrap();
        drop(folder);
        let recalled = WatchFolder::take(&state).unwrap().recall();
        assert!(recalled.memory.unwrap().unseen && recalled.report.is_some());
    }

    #[test]
    fn damage_costs_what_it_hit_and_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let folder = WatchFolder::take(dir.path()).unwrap();
        folder.remember(&WatchMemory::default()).unwrap();
        folder.keep_report(&report()).unwrap();
        let path = dir.path().join("watch/memory.json");
        fs::write(&path, "{\"version\":1,").unwrap();
        let recalled = folder.recall();
        assert!(recalled.memory.is_none() && recalled.report.is_some());
        assert_eq!(recalled.damage[0].to_string(), format!("cannot read `{}`", path.display()));
        fs::write(dir.path().join("watch/before.snapshot"), "none").unwrap();
        assert!(folder.view().is_err());
    }
}
