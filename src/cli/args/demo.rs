//! `regfsck demo`

use std::path::PathBuf;

use clap::Args;

use super::output::{DrawingArguments, ProgressArguments};
use crate::adapters::sandbox::Flavour;

/// `regfsck demo`
#[derive(Debug, Clone, Args)]
pub struct DemoCommand {
    /// Behave like this generation of the registry
    #[arg(long, value_name = "FLAVOUR", default_value = "v2")]
    pub flavour: Flavour,
    /// Leave the damaged registry in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Keep the daemon up until Ctrl-C
    #[arg(long)]
    pub serve: bool,
    /// The reports of its checks.
    #[command(flatten)]
    pub drawing: DrawingArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}
