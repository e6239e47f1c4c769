//! What `-h` shows: the dozen flags that people use. `--help` shows all; the man page also the variables.

use clap::{Arg, Command};

/// So many flags of a command are shown by `-h` whatever they are.
const FEW: usize = 12;

/// The flags that people use, of whichever command.
const COMMON: [&str; 22] = [
    "config",
    "storage",
    "registry",
    "repo",
    "creds",
    "insecure",
    "content",
    "fix",
    "source",
    "restart",
    "plan",
    "yes",
    "gate_only",
    "accept_loss",
    "formats",
    "verbose",
    "file",
    "list",
    "run",
    "images",
    "platform",
    "wait",
];

/// All of it, for manuals and completions. What the environment says is never shown: passwords may be in it.
pub(super) fn whole(command: Command) -> Command {
    command.mut_args(|flag| flag.hide_env(true).hide_env_values(true)).mut_subcommands(whole)
}

/// The same, as the program tells it.
pub(super) fn told(program: Command) -> Command {
    whole(program)
        .mut_args(|flag| if flag.get_id() == "color" { flag.hide_short_help(true) } else { flag })
        .mut_subcommands(short)
}

fn short(command: Command) -> Command {
    let is_flag = |flag: &&Arg| !flag.is_hide_set() && !flag.is_positional();
    let has_many = command.get_arguments().filter(is_flag).count() > FEW;
    command.mut_args(|flag| {
        let is_common = flag.is_positional() || COMMON.contains(&flag.get_id().as_str());
        let flag = if has_many && !is_common { flag.hide_short_help(true) } else { flag };
        in_a_line(flag)
    })
}

/// Its values stand in `--help` alone, so that `-h` has a line a flag.
fn in_a_line(flag: Arg) -> Arg {
    let values: Vec<_> = flag.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let help = flag.get_long_help().or_else(|| flag.get_help()).map(ToString::to_string);
    match (values.is_empty(), help) {
        (false, Some(help)) if flag.get_id() == "formats" => {
            flag.hide_possible_values(true).long_help(format!("{help}\n\nForms: {}", values.join(", ")))
        }
        _ => flag,
    }
}
