//! The arguments as typed. Their doc comments are the help text.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, ValueEnum};
use clap_complete::Shell;

use crate::cli::commands::doctor::DoctorArguments;
use crate::cli::commands::guard::GuardArguments;
use crate::cli::commands::merge::ShardArguments;
use crate::cli::commands::repair::{PlanArguments, RepairArguments, UndoArguments};
use crate::cli::commands::snapshot::SnapshotArguments;
use crate::cli::commands::verify::VerifyArguments;
use crate::cli::settings::budget::{BudgetArguments, subset};
use crate::cli::settings::connection::ConnectionArguments;
use crate::cli::settings::redis::RedisArguments;
use crate::cli::settings::suspects::SuspectArguments;
use crate::domain::code::Severity;
use crate::domain::content::ContentSubset;

/// The fsck for container registries
///
/// Compares what a registry (CNCF distribution, `registry:2`, `registry:3`) stores with what its
/// running daemon serves, says what is wrong and proves it. Checking never writes.
///
/// Exit status: 0 coherent, 1 findings remain, 2 usage or configuration error,
/// 3 something could not be looked at, 4 refused for safety.
#[derive(Debug, Parser)]
#[command(name = "regfsck", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Subcommand,
    /// How to show it.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
#[non_exhaustive]
pub enum Subcommand {
    /// Compare what is stored with what is served, and report what is wrong
    ///
    /// Without --config, --storage or --registry the usual places of a registry's
    /// configuration are tried: /etc/docker/registry/config.yml and
    /// /etc/distribution/config.yml.
    ///
    /// With storage and registry both views are compared. Storage alone is an offline check;
    /// a registry alone is checked over its API.
    #[command(after_help = "\
Examples:
  regfsck check --config /etc/docker/registry/config.yml
  regfsck check --storage /var/lib/registry --registry http://127.0.0.1:5000
  regfsck check --storage /backup/registry --content
  regfsck check --config config.yml -o json | jq '.findings[].id'")]
    Check(Box<CheckCommand>),
    /// Join the JSON reports of the parts of a check that `--shard` split into one
    #[command(after_help = "\
Examples:
  regfsck check --config config.yml --shard 0/2 -o json=0.json
  regfsck check --config config.yml --shard 1/2 -o json=1.json
  regfsck merge 0.json 1.json")]
    Merge {
        /// The reports of all parts, in any order
        #[arg(required = true, value_name = "FILE")]
        reports: Vec<PathBuf>,
    },
    /// Carry out a plan that check --plan saved, and nothing else
    ///
    /// The plan is refused if what it was made for has changed since.
    Repair(Box<PlanArguments>),
    /// Make the daemon forget what storage lacks; upload nothing
    ///
    /// Claims in the daemon's memory are cleared by DELETE over the API, which the registry must
    /// allow (storage.delete.enabled); claims in Redis by deleting exactly the stale keys.
    Purge(Box<CheckArguments>),
    /// Restart the daemon, wait until it answers, and prove that its false claims are gone
    Restart(Box<CheckArguments>),
    /// Put back what the last repair moved to the quarantine or wrote over
    Undo(Box<UndoArguments>),
    /// Make sure that images can really be pulled: the gate after a push
    ///
    /// From the tag down to the last byte of every blob, for every platform: what a registry with a
    /// stale cache only claims to have is found, although the push ended well.
    #[command(after_help = "\
Examples:
  regfsck verify registry.example:5000/team/app:1.2
  regfsck verify --registry http://127.0.0.1:5000 team/app:1.2 team/app@sha256:…
  regfsck verify --images images.txt --content --wait 30s")]
    Verify(Box<VerifyArguments>),
    /// Show the incident on an embedded registry, in seconds
    ///
    /// Pushes an image, deletes its manifest, collects garbage, pushes again, fails to pull,
    /// and runs the same check that you would run.
    Demo {
        /// Behave like this generation of the registry
        #[arg(long, value_name = "FLAVOUR", default_value = "v2")]
        flavour: crate::adapters::sandbox::Flavour,
        /// Leave the damaged registry in this folder
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        /// Keep the daemon up until Ctrl-C
        #[arg(long)]
        serve: bool,
    },
    /// Run garbage collection with a look before and after, so that it loses nothing and leaves no phantoms
    Guard(Box<GuardArguments>),
    /// Write down what storage holds, so that a later check can tell what disappeared
    Snapshot(Box<SnapshotArguments>),
    /// Look for settings that make phantoms, or that keep them from being repaired
    Doctor(Box<DoctorArguments>),
    /// Explain a finding code, or list all of them
    Explain {
        /// The code, such as phantom-blob; without one, all are listed
        code: Option<String>,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page
    Man {
        /// The subcommand whose page is wanted
        subcommand: Option<String>,
    },
}

/// How results and progress are shown.
#[derive(Debug, Clone, Args)]
pub struct OutputArguments {
    /// Write the result in this form: table or json, with =FILE into a file; repeatable
    #[arg(
        short = 'o',
        long = "output",
        global = true,
        env = "REGFSCK_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub formats: Vec<OutputFormat>,
    /// Colour the output
    #[arg(
        long,
        global = true,
        env = "REGFSCK_COLOR",
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: When,
    /// Show progress on stderr
    #[arg(
        long,
        global = true,
        env = "REGFSCK_PROGRESS",
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub progress: When,
    /// Show whole digests and every finding
    #[arg(long, global = true, env = "REGFSCK_NO_TRUNC", help_heading = "Output")]
    pub no_trunc: bool,
    /// Show the evidence of each finding; twice, also every request on stderr
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Print nothing but errors; the exit status tells
    #[arg(
        short,
        long,
        global = true,
        env = "REGFSCK_QUIET",
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    pub quiet: bool,
}

/// Whether to do something that depends on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A form of the result, and the file it goes to where it is not stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFormat {
    /// The form.
    pub format: Format,
    /// The file; `None` is stdout.
    pub file: Option<PathBuf>,
}

/// A form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For machines: the contract of `docs/report.schema.json`.
    Json,
}

impl std::str::FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("`{text}` names no file behind the `=`")),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = match name {
            "table" => Format::Table,
            "json" => Format::Json,
            _ => return Err(format!("`{name}` is no output format; there are table and json")),
        };
        Ok(Self { format, file })
    }
}

/// Where the registry is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArguments {
    /// The registry's own config.yml, read with its REGISTRY_* overrides
    #[arg(short, long, env = "REGFSCK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The storage root, such as /var/lib/registry
    #[arg(short, long, env = "REGFSCK_STORAGE", value_name = "DIR")]
    pub storage: Option<PathBuf>,
    /// The running registry, such as <http://127.0.0.1:5000>
    #[arg(short, long, env = "REGFSCK_REGISTRY", value_name = "URL")]
    pub registry: Option<String>,
    /// Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable
    #[arg(long, env = "REGFSCK_REPLICA", value_name = "URL", value_delimiter = ',')]
    pub replica: Vec<String>,
    /// Ask every address that the registry's name has, as replicas
    #[arg(long, env = "REGFSCK_RESOLVE_ALL", conflicts_with = "offline")]
    pub resolve_all: bool,
    /// The container that the registry runs in: its engine tells storage, URL and configuration
    #[arg(long, env = "REGFSCK_CONTAINER", value_name = "NAME", conflicts_with = "config")]
    pub container: Option<String>,
    /// Do not ask the registry that the config names: an offline check
    #[arg(long, env = "REGFSCK_OFFLINE", conflicts_with = "registry")]
    pub offline: bool,
    /// Only repositories of this name; * and ? match anything; repeatable
    #[arg(long, env = "REGFSCK_REPO", value_name = "GLOB", value_delimiter = ',')]
    pub repo: Vec<String>,
    /// The cache.
    #[command(flatten)]
    pub redis: RedisArguments,
}

/// `regfsck check`
#[derive(Debug, Clone, Args)]
pub struct CheckCommand {
    /// What is checked.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Repair what is wrong: show a plan, ask, carry it out, prove it
    #[arg(long, env = "REGFSCK_FIX", help_heading = "Repair")]
    pub fix: bool,
    /// Save the plan of a repair here, and change nothing
    #[arg(long, value_name = "FILE", conflicts_with = "fix", help_heading = "Repair")]
    pub plan: Option<PathBuf>,
}

/// What a check does.
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
    /// Hash the content of every blob
    #[arg(long, env = "REGFSCK_CONTENT", help_heading = "Check")]
    pub content: bool,
    /// Hash part N of T of the blobs; day/T takes another part each day, and all in T days
    #[arg(long, env = "REGFSCK_CONTENT_SUBSET", value_name = "N/T|day/T", value_parser = subset, conflicts_with = "content", help_heading = "Check")]
    pub content_subset: Option<ContentSubset>,
    /// What the daemon is asked about: what can be wrong, or every tag and link
    #[arg(
        long,
        env = "REGFSCK_PROBE",
        value_name = "WHAT",
        default_value = "suspects",
        help_heading = "Check"
    )]
    pub probe: ProbeArgument,
    /// Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file
    #[arg(long, env = "REGFSCK_PROBE_MANIFESTS", help_heading = "Check")]
    pub probe_manifests: bool,
    /// Do not report leftovers that are younger than this: they may be in flight
    #[arg(long, env = "REGFSCK_GRACE", value_name = "DURATION", default_value = "10m", value_parser = duration, help_heading = "Check")]
    pub grace: jiff::SignedDuration,
    /// The repair.
    #[command(flatten)]
    pub repair: RepairArguments,
    /// Exit with 1 if a finding of this severity or a worse one remains
    #[arg(long, env = "REGFSCK_FAIL_ON", value_name = "SEVERITY", default_value = "error", value_parser = severity, help_heading = "Check")]
    pub fail_on: Severity,
    /// The part of the check.
    #[command(flatten)]
    pub shard: ShardArguments,
    /// How much is hashed.
    #[command(flatten)]
    pub budget: BudgetArguments,
}

/// What the daemon is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProbeArgument {
    /// What can be wrong
    Suspects,
    /// Every tag, manifest and layer link
    All,
}

/// A duration such as `30s`, `10m`, `2h 30m`; `0` is none.
pub(in crate::cli) fn duration(text: &str) -> Result<jiff::SignedDuration, String> {
    if text == "0" {
        return Ok(jiff::SignedDuration::ZERO);
    }
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_error| format!("`{text}` is no duration; write it like 30s, 10m or 2h"))?;
    if duration.is_negative() { Err(format!("`{text}` is negative")) } else { Ok(duration) }
}

pub(in crate::cli) fn severity(text: &str) -> Result<Severity, String> {
    let all = [Severity::Error, Severity::Warning, Severity::Note];
    let found = all.into_iter().find(|severity| severity.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is no severity; there are error, warning and note"))
}
