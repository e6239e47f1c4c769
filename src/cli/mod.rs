//! The program: arguments as typed, the settings made of them, a short file a subcommand, the terminal.

pub mod args;
mod commands;
pub mod settings;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::adapters::registry::install_crypto;
use crate::domain::plan::Goal;
use crate::domain::verdict::USAGE;
use args::{Arguments, Subcommand};
use commands::{check, demo, doctor, explain, generate, guard, merge, repair, snapshot, undo, verify};

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
    terminal::log(&output);
    install_crypto();
    match command {
        Subcommand::Check(arguments) => match &arguments.plan {
            _ if arguments.fix => repair::run(&arguments.check, Goal::Fix, &output),
            Some(path) => repair::save_plan(&arguments.check, path, &output),
            None => check::run(&arguments.check, &output),
        },
        Subcommand::Merge { reports } => merge::run(&reports, &output),
        Subcommand::Repair(arguments) => repair::carry_out(&arguments, &output),
        Subcommand::Purge(arguments) => repair::run(&arguments, Goal::Purge, &output),
        Subcommand::Restart(arguments) => repair::run(&arguments, Goal::Restart, &output),
        Subcommand::Undo(arguments) => undo::take_back(&arguments),
        Subcommand::Verify(arguments) => verify::run(&arguments, &output),
        Subcommand::Demo { flavour, keep, serve } => {
            check::demo(demo::Options { flavour, keep, serve }, &output)
        }
        Subcommand::Guard(arguments) => guard::run(&arguments, &output),
        Subcommand::Snapshot(arguments) => snapshot::run(&arguments, &output),
        Subcommand::Doctor(arguments) => doctor::run(&arguments, &output),
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
