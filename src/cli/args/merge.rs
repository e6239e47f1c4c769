//! `regfsck merge`

use std::path::PathBuf;

use clap::Args;

use super::output::ResultArguments;

/// `regfsck merge`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck check --config config.yml --shard 0/2 -o json=0.json
  regfsck check --config config.yml --shard 1/2 -o json=1.json
  regfsck merge 0.json 1.json")]
pub struct MergeCommand {
    /// The reports of all parts, in any order
    #[arg(required = true, value_name = "FILE")]
    pub reports: Vec<PathBuf>,
    /// The report.
    #[command(flatten)]
    pub result: ResultArguments,
}
