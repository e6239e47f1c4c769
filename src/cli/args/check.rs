//! `regfsck check`, and what every other command that checks is told, too.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::connection::ConnectionArguments;
use super::content::{ContentArguments, PartArguments};
use super::means::{ConsentArguments, RestartArguments, SourceArguments, StateArguments};
use super::output::{ProgressArguments, ResultArguments};
use super::suspects::SuspectArguments;
use super::target::TargetArguments;
use super::values::{duration, moment, severity};
use crate::domain::code::Severity;

/// `regfsck check`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck check --config /etc/docker/registry/config.yml
  regfsck check --storage /var/lib/registry --registry http://127.0.0.1:5000
  regfsck check --storage /backup/registry --content
  regfsck check --config config.yml -o json | jq '.findings[].id'")]
pub struct CheckCommand {
    /// What is checked, and how.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file
    #[arg(long, env = "REGFSCK_PROBE_MANIFESTS", help_heading = "Check")]
    pub probe_manifests: bool,
    /// Which part of it.
    #[command(flatten)]
    pub part: PartArguments,
    /// Repair what is wrong: show a plan, ask, carry it out, prove it
    #[arg(long, env = "REGFSCK_FIX", help_heading = "Repair")]
    pub fix: bool,
    /// Save the plan of a repair here, and change nothing
    #[arg(long, value_name = "FILE", conflicts_with = "fix", help_heading = "Repair")]
    pub plan: Option<PathBuf>,
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
    /// What a plan that is saved needs to be carried out, as it was typed.
    #[arg(skip)]
    pub(in crate::cli) saved: Vec<String>,
}

/// What every check is told.
#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// What is suspect beforehand.
    #[command(flatten)]
    pub suspects: SuspectArguments,
    /// What is hashed.
    #[command(flatten)]
    pub content: ContentArguments,
    /// What the daemon is asked about: what can be wrong, or every tag and link
    #[arg(
        long,
        env = "REGFSCK_PROBE",
        value_name = "WHAT",
        default_value = "suspects",
        help_heading = "Check"
    )]
    pub probe: ProbeArgument,
    /// The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`
    ///
    /// What it believes of manifests that were gone before need not be asked. Mostly that is seen: by the process that
    /// listens on its port, by what --restart names, by http.debug.addr with prometheus, by our own journal.
    #[arg(long, env = "REGFSCK_STARTED", value_name = "TIME", value_parser = moment, help_heading = "Check")]
    pub started: Option<Timestamp>,
    /// Do not report leftovers that are younger than this: they may be in flight
    #[arg(long, env = "REGFSCK_GRACE", value_name = "DURATION", default_value = "10m", value_parser = duration, help_heading = "Check")]
    pub grace: SignedDuration,
    /// Exit with 1 if a finding of this severity or a worse one remains
    #[arg(long, env = "REGFSCK_FAIL_ON", value_name = "SEVERITY", default_value = "error", value_parser = severity(), help_heading = "Check")]
    pub fail_on: Severity,
    /// All of this that was given, to be typed again.
    #[arg(skip)]
    pub(in crate::cli) typed: Vec<String>,
}

/// What the daemon is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProbeArgument {
    /// What can be wrong
    Suspects,
    /// Every tag, manifest and layer link
    All,
}
