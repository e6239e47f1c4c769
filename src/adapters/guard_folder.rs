//! What a guarded garbage collection leaves in a folder of its own: storage's view of before, and its output.
//!
//! ```text
//! <state dir>/guard/<run>/before.snapshot
//! <state dir>/guard/<run>/gc.log
//! <state dir>/guard/<run>/kept/docker/registry/v2/blobs/…      --source storage:…/kept
//! ```
//!
//! The folders of the last runs are kept, so many as are wanted; older ones are taken away when a new one has its view.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::files::PrivateFolder;
use super::journal::is_run;
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
    keep: usize,
}

impl RunFolder {
    /// The folder of this run in a registry's state folder, where those of so many runs are kept, this one's included.
    #[must_use]
    pub fn new(state: &Path, run: &str, keep: usize) -> Self {
        Self { state: state.to_owned(), run: run.to_owned(), path: state.join("guard").join(run), keep }
    }

    /// Take away what earlier runs left, but for the last ones. A folder that no run is called after is not ours.
    fn prune(&self) -> io::Result<()> {
        let top = PrivateFolder::make(&self.state)?.within("guard")?;
        let mut runs: Vec<_> =
            top.names()?.into_iter().filter(|name| is_run(name) && *name != self.run).collect();
        runs.sort_unstable();
        let old = runs.len().saturating_sub(self.keep.saturating_sub(1));
        runs.iter().take(old).try_for_each(|name| top.discard(name))
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
        if let Err(error) = self.prune() {
            tracing::warn!(%error, "what earlier guarded runs left stays in `{}`", self.state.join("guard").display());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(state: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(state.join("guard"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_runs_are_kept_and_nothing_of_others_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let outside = home.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "").unwrap();
        let run = |day: u32| format!("2026010{day}T000000Z-1");
        for day in 1..=4 {
            let folder = RunFolder::new(&state, &run(day), 9);
            folder.log().unwrap();
            folder.keep_manifests(&BTreeMap::from([(Digest::sha256([1; 32]), b"{}".to_vec())])).unwrap();
        }
        std::os::unix::fs::symlink(&outside, state.join("guard").join(run(1)).join("kept/link")).unwrap();
        std::fs::create_dir(state.join("guard/mine")).unwrap();
        let prune = |day, keep| {
            let folder = RunFolder::new(&state, &run(day), keep);
            folder.log().unwrap();
            folder.prune().unwrap();
        };
        prune(5, 2);
        assert_eq!(runs(&state), [run(4), run(5), "mine".into()]);
        assert!(outside.join("file").exists());
        prune(6, 1);
        assert_eq!(runs(&state), [run(6), "mine".into()]);
    }
}
