//! `--state-dir`: where a run keeps what outlasts it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::adapters::files::PrivateFolder;
use crate::adapters::journal::state_dir;
use crate::cli::args::means::StateArguments;
use crate::domain::journal::identity;
use crate::domain::report;

/// The folder of this registry's state: the one given, or the one that is its own.
///
/// # Errors
/// When none was given and there is no place for one.
pub(in crate::cli) fn folder(given: &StateArguments, target: &report::Target) -> Result<PathBuf> {
    if let Some(dir) = &given.state_dir {
        return Ok(dir.clone());
    }
    let identity = identity(target).ok_or_else(|| anyhow!("no registry was given"))?;
    state_dir(identity, |name| std::env::var_os(name)).context("give --state-dir DIR")
}

/// The folder in it for bytes on their way; it is made.
///
/// # Errors
/// When it cannot be made.
pub(in crate::cli) fn spool(folder: &Path) -> Result<PrivateFolder> {
    let unusable = |path: &Path| format!("--state-dir: cannot use the folder `{}`", path.display());
    let top = PrivateFolder::make(folder).with_context(|| unusable(folder))?;
    top.within("spool").with_context(|| unusable(&folder.join("spool")))
}
