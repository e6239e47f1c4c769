//! `regfsck guard`

use std::ffi::OsString;

use clap::Args;

use super::check::CheckArguments;
use super::means::{ConsentArguments, RestartArguments, SourceArguments, StateArguments};
use super::output::{ProgressArguments, ResultArguments};
use super::values::flavour;
use crate::domain::gc::Release;

/// `regfsck guard`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck guard --config config.yml -- docker-registry garbage-collect -m config.yml
  regfsck guard --config config.yml --restart docker:registry -- \\
      docker exec registry registry garbage-collect /etc/distribution/config.yml
  regfsck guard --config config.yml --gate-only --delete-untagged")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag, not a state")]
pub struct GuardCommand {
    /// The check.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Only say whether garbage collection may run
    #[arg(long, env = "REGFSCK_GATE_ONLY", help_heading = "Guard")]
    pub gate_only: bool,
    /// Reckon with garbage collection that deletes untagged manifests (-m); told from the command where there is one
    #[arg(long, env = "REGFSCK_DELETE_UNTAGGED", help_heading = "Guard")]
    pub delete_untagged: bool,
    /// Whose garbage collector it is; without it, the command is asked for its version, or both are reckoned with
    #[arg(long, env = "REGFSCK_GC_VERSION", value_name = "2|3", value_parser = flavour, help_heading = "Guard")]
    pub gc_version: Option<Release>,
    /// Where the gate refuses, repair first and look again
    #[arg(long, env = "REGFSCK_FIX", help_heading = "Guard")]
    pub fix: bool,
    /// Let garbage collection take what broken images would need to be repaired
    #[arg(long, env = "REGFSCK_ACCEPT_LOSS", help_heading = "Guard")]
    pub accept_loss: bool,
    /// After garbage collection only report; clear no claims, restart nothing
    #[arg(long, env = "REGFSCK_REPORT_ONLY", help_heading = "Guard")]
    pub report_only: bool,
    /// Keep what the last N guarded runs left: storage's view of before, the collection's log
    #[arg(long, env = "REGFSCK_KEEP", value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Guard")]
    pub keep: u16,
    /// Whether it asks: before --fix; what makes the daemon truthful after garbage collection is what it is run for.
    #[command(flatten)]
    pub consent: ConsentArguments,
    /// Where --fix takes bytes from.
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
    /// The garbage-collection command
    #[arg(last = true, value_name = "GC-COMMAND")]
    pub command: Vec<OsString>,
}
