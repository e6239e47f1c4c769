//! What a guarded garbage collection leaves in a folder of its own: storage's view of before, and its output.
//!
//! ```text
//! <state dir>/guard/<run>/before.snapshot
//! <state dir>/guard/<run>/gc.log
//! ```

use std::error::Error as StdError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::snapshot;
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{GcLog, GuardFolder, KeepError};

/// The folder of a guarded run. It is made when something is kept in it.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder of this run in a registry's state folder.
    #[must_use]
    pub fn new(state: &Path, run: &str) -> Self {
        Self { path: state.join("guard").join(run) }
    }
}

fn failed<E: StdError + Send + Sync + 'static>(what: String) -> impl FnOnce(E) -> KeepError {
    move |source| KeepError { what, source: Box::new(source) }
}

impl GuardFolder for RunFolder {
    fn keep(&self, before: &StorageView) -> Result<String, KeepError> {
        fs::create_dir_all(&self.path).map_err(failed(format!("make `{}`", self.path.display())))?;
        let path = self.path.join("before.snapshot");
        snapshot::write(&path, before).map_err(failed("keep what storage held before".into()))?;
        Ok(path.display().to_string())
    }

    fn log(&self) -> Result<GcLog, KeepError> {
        let path = self.path.join("gc.log");
        let file = File::create(&path).map_err(failed(format!("write `{}`", path.display())))?;
        Ok(GcLog { path: path.display().to_string(), file: Box::new(file) })
    }
}
