//! The arguments as typed: a file a group, a struct a command. Their doc comments are the help text, and what clap is
//! told of defaults is shown there.
//!
//! A command has the groups that it uses and no others, so that no flag is accepted where it does nothing; what depends
//! on another flag is in `idle`.

pub mod bare;
pub mod check;
pub mod connection;
pub mod content;
pub mod demo;
pub mod doctor;
pub mod guard;
mod help;
mod idle;
pub mod manual;
pub mod means;
pub mod merge;
mod named;
pub mod output;
pub mod redis;
pub mod repair;
pub mod snapshot;
pub mod suspects;
pub mod target;
mod tips;
pub(super) mod typed;
pub mod values;
pub mod verify;
pub mod watch;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use self::check::CheckCommand;
use self::demo::DemoCommand;
use self::doctor::DoctorCommand;
use self::guard::GuardCommand;
use self::manual::{CompletionsCommand, ExplainCommand, ManCommand, RepositoriesCommand};
use self::merge::MergeCommand;
use self::output::SpeechArguments;
use self::repair::{PurgeCommand, RepairCommand, RestartCommand, UndoCommand};
use self::snapshot::SnapshotCommand;
use self::verify::VerifyCommand;
use self::watch::WatchCommand;

/// The fsck for container registries
///
/// Compares what a registry (CNCF distribution, `registry:2`, `registry:3`) stores with what its
/// running daemon serves, says what is wrong and proves it. Checking never writes.
///
/// Exit status: 0 coherent, 1 findings remain, 2 usage or configuration error,
/// 3 something could not be looked at, 4 refused for safety.
#[derive(Debug, Parser)]
#[command(
    name = "regfsck",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Examples:
  regfsck check --config /etc/docker/registry/config.yml
  regfsck check --config config.yml --fix --source docker://mirror.example
  regfsck guard --config config.yml -- registry garbage-collect config.yml
  regfsck explain phantom-blob
  regfsck demo"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Subcommand,
    /// How to speak.
    #[command(flatten)]
    pub speech: SpeechArguments,
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
    #[command(aliases = ["scan", "fsck", "audit", "diagnose"])]
    Check(Box<CheckCommand>),
    /// Join the JSON reports of the parts of a check that `--shard` split into one
    Merge(MergeCommand),
    /// Carry out a plan that check --plan saved, and nothing else
    ///
    /// The plan is refused if what it was made for has changed since.
    Repair(Box<RepairCommand>),
    /// Make the daemon forget what storage lacks; upload nothing
    ///
    /// Claims in the daemon's memory are cleared by DELETE over the API, which the registry must
    /// allow (storage.delete.enabled); claims in Redis by deleting exactly the stale keys.
    Purge(Box<PurgeCommand>),
    /// Restart the daemon, wait until it answers, and prove that its false claims are gone
    Restart(Box<RestartCommand>),
    /// Put back what the last repair moved to the quarantine or wrote over
    Undo(Box<UndoCommand>),
    /// Make sure that images can really be pulled: the gate after a push
    ///
    /// From the tag down to the last byte of every blob, for every platform: what a registry with a
    /// stale cache only claims to have is found, although the push ended well.
    Verify(Box<VerifyCommand>),
    /// Show the incident on an embedded registry, in seconds
    ///
    /// Pushes an image, deletes its manifest, collects garbage, pushes again, fails to pull; runs the
    /// same check and the same repair that you would run, and pulls.
    Demo(DemoCommand),
    /// Run garbage collection with a look before and after, so that it loses nothing and leaves no phantoms
    ///
    /// Exit status: 4 the gate refused, 3 something could not be looked at (by the gate or by the check
    /// after it), 5 garbage collection failed (its own status is in the report), 1 findings remain.
    Guard(Box<GuardCommand>),
    /// Check again and again, verify what is pushed, and say at once what is broken
    ///
    /// One check after the other, never two at once; the last report is kept over restarts. What garbage
    /// collection takes is noticed and asked about. Nothing is changed unless --fix is given.
    Watch(Box<WatchCommand>),
    /// Write down what storage holds, so that a later check can tell what disappeared
    Snapshot(Box<SnapshotCommand>),
    /// Look for settings that make phantoms, or that keep them from being repaired
    ///
    /// Exit status: 1 if there is a warning or worse, 3 if something could not be looked at.
    Doctor(Box<DoctorCommand>),
    /// Explain a finding code, or list all of them
    Explain(ExplainCommand),
    /// Print completions for a shell
    Completions(CompletionsCommand),
    /// Print the man page
    Man(ManCommand),
    /// Print the names of the repositories that a line means, for completions
    #[command(hide = true)]
    Repositories(RepositoriesCommand),
}

/// The command line as clap describes it, with all its flags: for manuals and completions.
#[must_use]
pub fn described() -> clap::Command {
    help::whole(Arguments::command())
}

/// Read the arguments, the program's own name first.
///
/// # Errors
/// What clap says of them, or that a flag does nothing beside the others.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut command = help::told(Arguments::command());
    let matches = command.try_get_matches_from_mut(arguments).map_err(tips::add)?;
    idle::refuse(&mut command, &matches)?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    named::settle(&mut arguments.command, &mut command, &matches)?;
    typed::remember(&mut arguments.command, &command, &matches);
    Ok(arguments)
}
