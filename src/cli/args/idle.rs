//! Flags that do something only beside another one: typed without it, they are refused. Variables of the environment
//! are not typed; they stand for all commands of a machine, and who has no use for one passes it by.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command};

use super::connection::SourceConnectionArguments;
use super::means::{ConsentArguments, RestartArguments, SourceArguments};
use super::watch::{FixArguments, ServerArguments};

/// The flags of a group are of use only beside one of `beside`.
struct Need {
    command: &'static str,
    /// What declares them.
    group: fn(Command) -> Command,
    beside: &'static [&'static str],
}

const fn need(command: &'static str, group: fn(Command) -> Command, beside: &'static [&'static str]) -> Need {
    Need { command, group, beside }
}

static NEEDS: [Need; 11] = [
    need("check", ConsentArguments::augment_args, &["fix", "plan"]),
    need("check", SourceArguments::augment_args, &["fix", "plan"]),
    need("check", SourceConnectionArguments::augment_args, &["source"]),
    need("check", RestartArguments::augment_args, &["fix", "plan"]),
    need("repair", SourceConnectionArguments::augment_args, &["source"]),
    need("guard", SourceArguments::augment_args, &["fix"]),
    need("guard", SourceConnectionArguments::augment_args, &["source"]),
    need("watch", SourceArguments::augment_args, &["fix"]),
    need("watch", SourceConnectionArguments::augment_args, &["source"]),
    need("watch", FixArguments::augment_args, &["fix"]),
    need("watch", ServerArguments::augment_args, &["listen"]),
];

/// Refuse the first flag that does nothing.
///
/// # Errors
/// Which one, and beside what it would do something.
pub(super) fn refuse(program: &mut Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let Some(command) = program.find_subcommand_mut(name) else { return Ok(()) };
    for need in NEEDS.iter().filter(|need| need.command == name) {
        let typed = flags(need.group).into_iter().find(|flag| is_typed(matches, flag));
        if let Some(idle) = typed
            && !need.beside.iter().any(|flag| is_given(matches, flag))
        {
            let beside: Vec<_> = need.beside.iter().map(|flag| shown(command, flag)).collect();
            let said = format!("{} does nothing without {}", shown(command, &idle), beside.join(" or "));
            return Err(command.error(ErrorKind::MissingRequiredArgument, said));
        }
    }
    Ok(())
}

pub(super) fn flags(group: fn(Command) -> Command) -> Vec<String> {
    group(Command::new("group")).get_arguments().map(|flag| flag.get_id().to_string()).collect()
}

/// As it is typed: `--fix`.
fn shown(command: &Command, flag: &str) -> String {
    let known = command.get_arguments().find(|known| known.get_id() == flag);
    let long = known.and_then(clap::Arg::get_long);
    format!("--{}", long.unwrap_or(flag))
}

pub(super) fn is_typed(matches: &ArgMatches, flag: &str) -> bool {
    matches.value_source(flag) == Some(ValueSource::CommandLine)
}

/// Whether it is there, wherever it comes from; a switch that is off is not.
pub(super) fn is_given(matches: &ArgMatches, flag: &str) -> bool {
    match matches.try_get_one::<bool>(flag) {
        Ok(switch) => switch.copied().unwrap_or(false),
        Err(_) => matches.value_source(flag).is_some_and(|source| source != ValueSource::DefaultValue),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::args::parse;

    fn refused(line: &str) -> Option<String> {
        let words = std::iter::once("regfsck").chain(line.split(' ')).map(Into::into);
        let error = parse(words).err()?;
        assert_eq!(error.exit_code(), 2);
        error.to_string().lines().next().map(str::to_owned)
    }

    #[test]
    fn a_flag_that_would_do_nothing_is_refused_by_its_name() {
        for (line, said) in [
            ("check --source dir:a", "error: --source does nothing without --fix or --plan"),
            ("check -y", "error: --yes does nothing without --fix or --plan"),
            ("check --drain 0", "error: --drain does nothing without --fix or --plan"),
            ("check --fix --src-creds a:b", "error: --src-creds does nothing without --source"),
            ("guard --gate-only --source dir:a", "error: --source does nothing without --fix"),
            ("watch --source dir:a", "error: --source does nothing without --fix"),
            ("watch --fix-max 3", "error: --fix-max does nothing without --fix"),
            ("watch --fix-only missing-blob", "error: --fix-only does nothing without --fix"),
            ("watch --token-file f", "error: --token-file does nothing without --listen"),
            ("watch --restart exec:a", "error: unexpected argument '--restart' found"),
            ("watch --nagios-exit", "error: unexpected argument '--nagios-exit' found"),
            ("repair --plan p --src-creds a:b", "error: --src-creds does nothing without --source"),
            ("purge --source dir:a", "error: unexpected argument '--source' found"),
            ("purge --restart exec:a", "error: unexpected argument '--restart' found"),
            ("purge --shard 1/2", "error: unexpected argument '--shard' found"),
            ("restart --source dir:a", "error: unexpected argument '--source' found"),
            ("undo --replica a", "error: unexpected argument '--replica' found"),
            ("undo --redis a", "error: unexpected argument '--redis' found"),
            ("snapshot --registry a -o b", "error: unexpected argument '--registry' found"),
            ("doctor --storage a", "error: unexpected argument '--storage' found"),
            ("verify a --repo b", "error: unexpected argument '--repo' found"),
            ("merge a --progress never", "error: unexpected argument '--progress' found"),
            ("explain -o json", "error: unexpected argument '-o' found"),
            ("completions -o json bash", "error: unexpected argument '-o' found"),
            ("man --no-trunc", "error: unexpected argument '--no-trunc' found"),
            ("demo -o json", "error: unexpected argument '-o' found"),
        ] {
            assert_eq!(refused(line).as_deref(), Some(said), "{line}");
        }
    }

    #[test]
    fn beside_what_it_needs_it_is_taken() {
        for line in [
            "check --fix --yes --source dir:a --drain 0 --restart exec:a",
            "check --plan p --source docker://a --src-creds a:b",
            "check --state-dir a --resume --content",
            "repair --plan p --yes --source dir:a",
            "guard --fix --yes --source dir:a -- gc",
            "guard --yes -- gc",
            "watch --fix --source dir:a --fix-only missing-blob,phantom-blob --fix-max 3 --at 03:30",
            "guard --restart exec:a -- gc",
            "-q explain",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }
}
