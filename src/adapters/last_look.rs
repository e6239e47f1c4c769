//! The last look at a registry, beside its journal.
//!
//! ```text
//! <state dir>/last-look.snapshot    storage as it was
//! <state dir>/last-look.json        what came of it
//! ```
//!
//! The second names the first by its time: where a run ended between the two, only what storage held counts.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{PrivateFolder, read_all};
use super::snapshot;
use crate::domain::last_look::{LastLook, LookOutcome};
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{Memory, MemoryError};

const VIEW: &str = "last-look.snapshot";
const OUTCOME: &str = "last-look.json";
/// No outcome of ours takes more.
const LIMIT: u64 = 64 << 20;

/// The last look, in a state folder that need not exist yet.
#[derive(Debug, Clone)]
pub struct LastLookFiles {
    dir: PathBuf,
}

impl LastLookFiles {
    /// The one that is kept in this folder.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn failed<E: Error>(&self, what: &'static str, name: &str) -> impl FnOnce(E) -> MemoryError {
        let path = self.dir.join(name);
        move |error| MemoryError { what, path, why: reasons(&error) }
    }

    fn outcome(&self, folder: &PrivateFolder) -> Result<Option<LookOutcome>, MemoryError> {
        let opened = folder.open(OUTCOME).map_err(self.failed("read", OUTCOME))?;
        let Some((file, _)) = opened else { return Ok(None) };
        let text = read_all(file, LIMIT).map_err(self.failed("read", OUTCOME))?;
        serde_json::from_slice(&text).map(Some).map_err(self.failed("read", OUTCOME))
    }
}

fn reasons(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", reasons(cause)),
        None => error.to_string(),
    }
}

impl Memory for LastLookFiles {
    fn load(&self, now: &StorageView) -> Result<Option<LastLook>, MemoryError> {
        let found = PrivateFolder::find(&self.dir).map_err(self.failed("read", VIEW))?;
        let Some(folder) = found else { return Ok(None) };
        if folder.open(VIEW).map_err(self.failed("read", VIEW))?.is_none() {
            return Ok(None);
        }
        let view = snapshot::read_beside(&self.dir.join(VIEW), now).map_err(self.failed("read", VIEW))?;
        let outcome = self.outcome(&folder)?.filter(|outcome| outcome.collected == view.collected);
        let outcome = outcome.unwrap_or_else(|| LookOutcome {
            collected: view.collected,
            daemons: Vec::new(),
            settled: None,
            open: BTreeSet::new(),
            removals: BTreeSet::new(),
        });
        Ok(Some(LastLook { view: Arc::new(view), outcome }))
    }

    fn save(&self, view: &StorageView, outcome: &LookOutcome) -> Result<(), MemoryError> {
        let folder = PrivateFolder::make(&self.dir).map_err(self.failed("write", VIEW))?;
        let text = serde_json::to_vec(outcome).map_err(self.failed("write", OUTCOME))?;
        snapshot::write(&self.dir.join(VIEW), view).map_err(self.failed("write", VIEW))?;
        folder.replace(OUTCOME, |file| file.write_all(&text)).map_err(self.failed("write", OUTCOME))
    }
}
