//! `regfsck repair`, `purge`, `restart` and `undo`: what changes the registry.

use std::path::PathBuf;

use clap::Args;

use super::bare::BareArguments;
use super::check::CheckArguments;
use super::means::{ConsentArguments, RestartArguments, SourceArguments, StateArguments};
use super::output::{ProgressArguments, ResultArguments};
use super::target::{ConfigArguments, StorageArguments};

/// `regfsck repair`
#[derive(Debug, Clone, Args)]
pub struct RepairCommand {
    /// The plan that check --plan saved
    #[arg(long, env = "REGFSCK_PLAN", value_name = "FILE", help_heading = "Repair")]
    pub plan: PathBuf,
    /// The check by which the repair is proved.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Whether it is asked.
    #[command(flatten)]
    pub consent: ConsentArguments,
    /// Where bytes come from.
    #[command(flatten)]
    pub source: SourceArguments,
    /// What restarts the daemon.
    #[command(flatten)]
    pub restart: RestartArguments,
    /// Where state is kept.
    #[command(flatten)]
    pub state: StateArguments,
    /// The report.
    #[command(flatten)]
    pub result: ResultArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}

/// `regfsck purge`
#[derive(Debug, Clone, Args)]
pub struct PurgeCommand {
    /// The check that tells what is purged, and by which that is proved.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Whether it is asked.
    #[command(flatten)]
    pub consent: ConsentArguments,
    /// Where state is kept.
    #[command(flatten)]
    pub state: StateArguments,
    /// The report.
    #[command(flatten)]
    pub result: ResultArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}

/// `regfsck restart`
#[derive(Debug, Clone, Args)]
pub struct RestartCommand {
    /// The check by which the restart is proved.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Whether it is asked.
    #[command(flatten)]
    pub consent: ConsentArguments,
    /// What restarts the daemon.
    #[command(flatten)]
    pub restart: RestartArguments,
    /// Where state is kept.
    #[command(flatten)]
    pub state: StateArguments,
    /// The report.
    #[command(flatten)]
    pub result: ResultArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}

/// `regfsck undo`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck undo --config config.yml --list
  regfsck undo --config config.yml --run RUN")]
pub struct UndoCommand {
    /// The registry by a bare word.
    #[command(flatten)]
    pub bare: BareArguments,
    /// The registry.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Its storage.
    #[command(flatten)]
    pub storage: StorageArguments,
    /// List the runs that changed this registry, and what of them can be taken back
    #[arg(long, conflicts_with_all = ["run", "yes"], help_heading = "Undo")]
    pub list: bool,
    /// Undo this run, not the last one that changed storage
    #[arg(long, value_name = "RUN", help_heading = "Undo")]
    pub run: Option<String>,
    /// Whether it is asked.
    #[command(flatten)]
    pub consent: ConsentArguments,
    /// Where the journal is kept.
    #[command(flatten)]
    pub state: StateArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}
