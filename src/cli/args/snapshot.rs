//! `regfsck snapshot`

use std::path::PathBuf;

use clap::Args;

use super::bare::BareArguments;
use super::output::ProgressArguments;
use super::target::{ConfigArguments, ScopeArguments, StorageArguments, WalkArguments};
use super::values::shard;
use crate::domain::shard::Shard;

/// `regfsck snapshot`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck snapshot --config /etc/docker/registry/config.yml -o before-gc.snapshot
  regfsck check --config /etc/docker/registry/config.yml --since before-gc.snapshot
  regfsck snapshot --storage /var/lib/registry --shard 0/4 -o parts/0      # on one of four machines
  regfsck check --storage snapshot:parts --storage /var/lib/registry")]
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
    /// Take part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`
    ///
    /// So many machines each look at a share of storage: the blobs of some folders and some of the repositories.
    /// `regfsck check --storage snapshot:FILE`, given for every part, judges them together.
    #[arg(long, env = "REGFSCK_SHARD", value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
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
