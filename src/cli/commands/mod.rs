//! One short file a subcommand: its settings, what the engine makes of them, and where the result goes.

pub(super) mod check;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod explain;
mod failure;
pub(super) mod generate;
pub(super) mod guard;
mod kept;
pub(super) mod merge;
pub(super) mod purge;
pub(super) mod repair;
pub(super) mod restart;
pub(super) mod snapshot;
pub(super) mod undo;
pub(super) mod verify;
pub(super) mod watch;

use anyhow::{Context as _, Result};

/// What a run's questions are asked on.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("cannot start the runtime")
}

/// The same on one thread: what asks many small questions spends less on them than on waking other threads.
fn single_runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.context("cannot start the runtime")
}
