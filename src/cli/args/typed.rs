//! What was given, as flags that can be typed again: by the commands of a report, and by a plan that was saved.
//!
//! A variable of the environment counts as given. Secrets are left out, and so is what stdin was read for.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args as _, Command};

use super::Subcommand;
use super::bare::{Bare, BareArguments, PART};
use super::check::CheckArguments;
use super::idle::{self, is_given, is_typed};
use super::means::{RestartArguments, SourceArguments, StateArguments};
use super::target::{ConfigArguments, DaemonArguments, StorageArguments};
use super::values::Secret;
use crate::adapters::bucket_settings::BucketSettings;
use crate::adapters::source::SourceSpec;

/// The bare words, and the flags that they outdo where those are of the environment.
const TARGET: &str = "target";
const BARE: [&str; 3] = ["config", "storage", "registry"];
/// The flags that take a user, and a password behind it.
const LOGINS: [&str; 2] = ["creds", "src_creds"];

/// How paths are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paths {
    AsTyped,
    Absolute,
}

/// Remember what was typed where a command will say it.
pub(super) fn remember(subcommand: &mut Subcommand, program: &Command, matches: &ArgMatches) {
    let Some((name, matches)) = matches.subcommand() else { return };
    let Some(command) = program.find_subcommand(name) else { return };
    let typed = || words(command, matches, known, Paths::AsTyped);
    match subcommand {
        Subcommand::Check(check) => {
            check.saved = words(command, matches, planned, Paths::Absolute);
            check.check.typed = typed();
        }
        Subcommand::Repair(repair) => repair.check.typed = typed(),
        Subcommand::Purge(purge) => purge.check.typed = typed(),
        Subcommand::Restart(restart) => restart.check.typed = typed(),
        Subcommand::Guard(guard) => guard.check.typed = typed(),
        Subcommand::Watch(watch) => watch.check.typed = typed(),
        Subcommand::Merge(_)
        | Subcommand::Verify(_)
        | Subcommand::Demo(_)
        | Subcommand::Explain(_)
        | Subcommand::Completions(_)
        | Subcommand::Man(_)
        | Subcommand::Repositories(_)
        | Subcommand::Undo(_)
        | Subcommand::Snapshot(_)
        | Subcommand::Doctor(_) => {}
    }
}

/// The flags that all commands have that check.
fn known(group: Command) -> Command {
    StateArguments::augment_args(CheckArguments::augment_args(group))
}

/// The flags that a plan may have.
fn planned(group: Command) -> Command {
    RestartArguments::augment_args(SourceArguments::augment_args(known(group)))
}

/// What was given of these flags, in their order.
fn words(
    command: &Command,
    matches: &ArgMatches,
    group: fn(Command) -> Command,
    paths: Paths,
) -> Vec<String> {
    let group = idle::flags(group);
    let has_bare = matches.try_contains_id(TARGET).unwrap_or(false);
    let is_outdone = |flag: &String| has_bare && BARE.contains(&flag.as_str()) && !is_typed(matches, flag);
    let given = group.iter().filter(|flag| is_said(matches, flag) && !is_outdone(flag));
    let given = given.filter_map(|flag| command.get_arguments().find(|arg| arg.get_id() == flag.as_str()));
    given.flat_map(|arg| written(arg, matches, paths)).collect()
}

/// Whether it was given; `--tls-verify=false` was, and a switch that is off was not.
fn is_said(matches: &ArgMatches, flag: &str) -> bool {
    is_given(matches, flag) || is_typed(matches, flag)
}

fn written(arg: &Arg, matches: &ArgMatches, paths: Paths) -> Vec<String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg.get_long().map(|long| format!("--{long}")).into_iter().collect();
    }
    let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    let values = raw.filter_map(|value| shown(arg, &value.to_string_lossy(), paths));
    let Some(long) = arg.get_long() else { return values.collect() };
    if arg.is_require_equals_set() {
        values.map(|value| format!("--{long}={value}")).collect()
    } else {
        values.flat_map(|value| [format!("--{long}"), value]).collect()
    }
}

/// The value without what nobody else may read; nothing where nothing is left.
fn shown(arg: &Arg, value: &str, paths: Paths) -> Option<String> {
    let kind = arg.get_value_parser().type_id();
    let is_absolute = paths == Paths::Absolute;
    if kind == TypeId::of::<Secret>() {
        // The password is asked for again; of a token nothing may be said.
        let has_user = LOGINS.contains(&arg.get_id().as_str());
        return value.split(':').next().filter(|_| has_user).map(str::to_owned);
    }
    // Neither what stdin was read for, nor parts of a snapshot: a command that repairs takes none.
    if value == "-" || value.starts_with(PART) {
        return None;
    }
    if kind == TypeId::of::<String>() {
        return Some(without_user(value));
    }
    if kind == TypeId::of::<Bare>() {
        return match value.parse() {
            Ok(Bare::Registry(url)) => Some(without_user(&url)),
            Ok(Bare::Config(path) | Bare::Storage(path)) if is_absolute => {
                Some(absolute(&path).display().to_string())
            }
            Ok(Bare::Config(_) | Bare::Storage(_)) => Some(value.to_owned()),
        };
    }
    if kind == TypeId::of::<PathBuf>() && is_absolute {
        return Some(absolute(Path::new(value)).display().to_string());
    }
    let source =
        value.parse::<SourceSpec>().ok().filter(|_| kind == TypeId::of::<SourceSpec>() && is_absolute);
    Some(source.map_or_else(|| value.to_owned(), |source| source.map_path(absolute).to_string()))
}

/// An address without user and password, however it is written.
fn without_user(address: &str) -> String {
    let (address, asked) = address.split_once('?').unwrap_or((address, ""));
    let asked = asked.split('&').filter(|setting| !setting.is_empty() && !is_secret(setting));
    let asked = asked.collect::<Vec<_>>().join("&");
    let address = without_credentials(address);
    if asked.is_empty() { address } else { format!("{address}?{asked}") }
}

/// Whether `NAME=VALUE` says what nobody else may read.
fn is_secret(setting: &str) -> bool {
    let name = setting.split('=').next().unwrap_or_default().to_ascii_lowercase();
    ["password", "secret", "token", "credential", "signature"].iter().any(|word| name.contains(word))
}

fn without_credentials(address: &str) -> String {
    let Some((user, host)) = address.rsplit_once('@') else { return address.to_owned() };
    let scheme = user.split_once("//").map(|(scheme, _)| format!("{scheme}//"));
    format!("{}{host}", scheme.unwrap_or_default())
}

fn absolute(path: &Path) -> PathBuf {
    if path.to_str().is_some_and(BucketSettings::is_url) {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_error| path.to_owned())
}

/// The line as it would be with these flags of a plan: what was typed counts, and a registry that was named is named
/// alone.
///
/// # Errors
/// When a flag is none that a plan may have.
pub(in crate::cli) fn with_plan(typed: &[OsString], flags: &[String]) -> Result<Vec<OsString>, clap::Error> {
    let mut program = super::described();
    let matches = program.try_get_matches_from_mut(typed)?;
    let matches = matches.subcommand().map(|(_, matches)| matches);
    // The plan says what it says, whatever the environment does.
    let plan = planned(Command::new("plan")).mut_args(|arg| arg.env(None::<&str>)).no_binary_name(true);
    let saved = plan.clone().try_get_matches_from(flags)?;
    let target = idle::flags(target);
    let was_typed = |flag: &String| matches.is_some_and(|matches| is_typed(matches, flag));
    let is_named = target.iter().any(was_typed);
    let mut line = typed.to_vec();
    for arg in plan.get_arguments().filter(|arg| is_typed(&saved, arg.get_id().as_str())) {
        let flag = arg.get_id().to_string();
        let is_outdone = was_typed(&flag) || (is_named && target.contains(&flag));
        if !is_outdone {
            line.extend(written(arg, &saved, Paths::AsTyped).into_iter().map(OsString::from));
        }
    }
    Ok(line)
}

/// The flags that name a registry.
fn target(group: Command) -> Command {
    let group = BareArguments::augment_args(group);
    DaemonArguments::augment_args(StorageArguments::augment_args(ConfigArguments::augment_args(group)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::parse;

    fn command(line: &str) -> Subcommand {
        parse(line.split(' ').map(Into::into)).unwrap().command
    }

    fn again(typed: &str, plan: &str) -> String {
        let typed: Vec<_> = typed.split(' ').map(Into::into).collect();
        let flags: Vec<_> = plan.split(' ').map(Into::into).collect();
        match with_plan(&typed, &flags) {
            Ok(line) => line.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn what_was_typed_can_be_typed_again_without_secrets() {
        let line = "regfsck check --registry http://bob:hunter2@h:5000 --creds bob:hunter2 --storage s \
                    --src-creds eve:hunter2 --tls-verify=false --content --suspects - --suspects gc.log --fail-on note \
                    --redis redis://:hunter2@r:6379/1 --jobs 4 --no-trunc --fix --source dir:d --restart exec:a --yes";
        let Subcommand::Check(check) =
            command(&line.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" "))
        else {
            panic!("a check")
        };
        let typed = "--storage s --registry http://h:5000 --redis redis://r:6379/1 --creds bob --tls-verify=false \
                     --jobs 4 --suspects gc.log --content --fail-on note";
        let typed = typed.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>();
        assert_eq!(check.check.typed, typed);
        let folder = std::env::current_dir().unwrap();
        let saved = check.saved.join(" ");
        for flag in
            [format!("--storage {}/s ", folder.display()), format!("--source dir:{}/d", folder.display())]
        {
            assert!(saved.contains(&flag), "{saved}");
        }
        assert!(
            saved.contains("--restart exec:a") && !saved.contains("hunter2") && !saved.contains("--yes"),
            "{saved}"
        );
    }

    #[test]
    fn an_address_loses_its_user_however_it_is_written() {
        for (address, shown) in [
            ("http://bob:p@ss@h:1/x", "http://h:1/x"),
            ("bob:pass@h:1", "h:1"),
            ("http:/bob:PASS@host", "host"),
            ("http://h:1", "http://h:1"),
            ("redis+sentinel://h:1/main/0?sentinel_password=s3cret", "redis+sentinel://h:1/main/0"),
            ("redis://:p@h:1?a=1&Password=x&b=2", "redis://h:1?a=1&b=2"),
            ("s3://b/root?endpoint=http://h:9000", "s3://b/root?endpoint=http://h:9000"),
        ] {
            assert_eq!(without_user(address), shown);
        }
    }

    #[test]
    fn a_bucket_is_where_it_is_from_any_folder() {
        for url in ["s3://b/r", "gs://b", "az://c?account=a"] {
            assert_eq!(absolute(Path::new(url)), Path::new(url));
        }
    }

    #[test]
    fn a_plan_fills_in_what_was_not_typed_and_nothing_else() {
        let plan = "--config /c --ca-file /a --source dir:/d --restart exec:r";
        assert_eq!(
            again("regfsck repair --plan p", plan),
            "regfsck repair --plan p --config /c --ca-file /a --source dir:/d --restart exec:r"
        );
        assert_eq!(
            again("regfsck repair --plan p --storage s --source dir:e", plan),
            "regfsck repair --plan p --storage s --source dir:e --ca-file /a --restart exec:r"
        );
        assert_eq!(again("regfsck repair --plan p", "--yes"), "error: unexpected argument '--yes' found");
    }
}
