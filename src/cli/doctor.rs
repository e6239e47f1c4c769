//! `regfsck doctor`.

use anyhow::Result;
use clap::Args;

use super::arguments::{ConnectionArguments, OutputArguments, TargetArguments};

/// What the doctor looks at.
#[derive(Debug, Clone, Args)]
pub struct DoctorArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub(super) fn run(_arguments: &DoctorArguments, _output: &OutputArguments) -> Result<u8> {
    Ok(0)
}
