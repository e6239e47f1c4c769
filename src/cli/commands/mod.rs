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
