//! `regfsck snapshot`

use std::path::PathBuf;

use clap::Args;

use super::bare::BareArguments;
use super::output::ProgressArguments;
use super::target::{ConfigArguments, ScopeArguments, StorageArguments, WalkArguments};

/// `regfsck snapshot`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck snapshot --config /etc/docker/registry/config.yml -o before-gc.snapshot
  regfsck check --config /etc/docker/registry/config.yml --since before-gc.snapshot")]
pub struct SnapshotCommand {
    /// The registry by a bare word.
    #[command(flatten)]
    pub bare: BareArguments,
    /// What tells where storage is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Its storage.
    #[command(flatten)]
    pub storage: StorageArguments,
    /// How it is walked.
    #[command(flatten)]
    pub walk: WalkArguments,
    /// Which repositories.
    #[command(flatten)]
    pub scope: ScopeArguments,
    /// Write the snapshot to this file; one that is there is replaced when the new one is whole
    #[arg(short = 'o', long = "output", value_name = "FILE", value_parser = file)]
    pub file: PathBuf,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}

fn file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("it names no file".into()) } else { Ok(PathBuf::from(text)) }
}
