//! `regfsck guard`.

use anyhow::Result;
use clap::Args;

use super::arguments::{ConnectionArguments, OutputArguments, TargetArguments};

/// What the guard looks at.
#[derive(Debug, Clone, Args)]
pub struct GuardArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub(super) fn run(_arguments: &GuardArguments, _output: &OutputArguments) -> Result<u8> {
    Ok(0)
}
