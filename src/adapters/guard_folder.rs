//! What a guarded garbage collection leaves in a folder of its own: storage's view of before, and its output.
//!
//! ```text
//! <state dir>/guard/<run>/before.snapshot
//! <state dir>/guard/<run>/gc.log
//! <state dir>/guard/<run>/kept/docker/registry/v2/blobs/…      --source storage:…/kept
//! ```

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::files::PrivateFolder;
use super::snapshot;
use crate::domain::digest::Digest;
use crate::domain::layout::{self, Place};
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{CollectionLog, GuardFolder, KeepError};

/// The folder of a guarded run. It is made when something is kept in it.
#[derive(Debug, Clone)]
pub struct RunFolder {
    state: PathBuf,
    run: String,
    path: PathBuf,
}

impl RunFolder {
    /// The folder of this run in a registry's state folder.
    #[must_use]
    pub fn new(state: &Path, run: &str) -> Self {
        Self { state: state.to_owned(), run: run.to_owned(), path: state.join("guard").join(run) }
    }

    /// It, for its owner only; made if need be.
    fn open(&self) -> Result<PrivateFolder, KeepError> {
        let opened = PrivateFolder::make(&self.state).and_then(|top| top.within("guard")?.within(&self.run));
        opened.map_err(failed(format!("use the folder `{}`", self.path.display())))
    }
}

fn failed<E: StdError + Send + Sync + 'static>(what: String) -> impl FnOnce(E) -> KeepError {
    move |source| KeepError { what, source: Box::new(source) }
}

impl GuardFolder for RunFolder {
    fn keep(&self, before: &StorageView) -> Result<String, KeepError> {
        self.open()?;
        let path = self.path.join("before.snapshot");
        snapshot::write(&path, before).map_err(failed("keep what storage held before".into()))?;
        Ok(path.display().to_string())
    }

    fn keep_manifests(&self, manifests: &BTreeMap<Digest, Vec<u8>>) -> Result<(), KeepError> {
        let kept = || self.open()?.within("kept").map_err(failed("keep manifests".into()));
        let root = layout::levels().next().unwrap_or_default();
        for (digest, bytes) in manifests {
            let path = format!("{root}/{}", Place::Data(*digest));
            let (folders, name) = path.rsplit_once('/').unwrap_or_default();
            let folder = folders.split('/').try_fold(kept()?, |folder, name| folder.within(name));
            let written = folder.and_then(|folder| folder.create(name)?.write_all(bytes));
            written.map_err(failed(format!("keep manifest {}", digest.short())))?;
        }
        Ok(())
    }

    fn log(&self) -> Result<CollectionLog, KeepError> {
        let path = self.path.join("gc.log");
        let file = self.open()?.create("gc.log").map_err(failed(format!("write `{}`", path.display())))?;
        Ok(CollectionLog { path: path.display().to_string(), file: Box::new(file) })
    }
}
