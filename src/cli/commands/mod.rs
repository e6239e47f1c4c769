//! One short file a subcommand.

pub(super) mod check;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod explain;
pub(super) mod generate;
pub(super) mod guard;
pub(super) mod merge;
pub(super) mod repair;
mod session;
pub(super) mod snapshot;
pub(super) mod undo;
pub(super) mod verify;
