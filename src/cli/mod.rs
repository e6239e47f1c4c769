//! Arguments, settings, the terminal: one short file a subcommand.

pub mod arguments;
pub mod budget;
mod check;
mod explain;
mod generate;
mod progress;
mod scope;
pub mod shard;
mod target;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::report::verdict::USAGE;
use arguments::{Arguments, Subcommand};

/// The command line as clap describes it: for completions, man pages and tests.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Run the program with these arguments, the program's own name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match dispatch(arguments) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            complain(&error);
            ExitCode::from(USAGE)
        }
    }
}

fn dispatch(arguments: Arguments) -> anyhow::Result<u8> {
    let Arguments { command, output } = arguments;
    terminal::set_colour(output.color);
    match command {
        Subcommand::Check(arguments) => check::run(&arguments, &output),
        Subcommand::Merge { reports } => shard::run(&reports, &output),
        Subcommand::Explain { code } => explain::run(code.as_deref()),
        Subcommand::Completions { shell } => generate::completions(shell),
        Subcommand::Man { subcommand } => generate::man(subcommand.as_deref()),
    }
}

/// Say what failed, why, and what to do next, for a person at 3 a.m.
fn complain(error: &anyhow::Error) {
    let mut err = anstream::stderr().lock();
    let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let _ = std::io::Write::write_fmt(&mut err, format_args!("{style}error{style:#}: {error:#}\n"));
}
