//! The program: arguments as typed, the settings made of them, a short file a subcommand, the terminal.

pub mod args;
mod commands;
pub mod completion;
pub mod manual;
mod settings;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use self::args::{Arguments, Subcommand};
use self::commands::{
    check, demo, doctor, explain, generate, guard, merge, purge, repair, restart, snapshot, undo, verify,
    watch,
};
use self::terminal::{Reader, Terminal, complain};
use crate::adapters::tls::install_crypto;
use crate::domain::discreet::without_passwords;
use crate::domain::report::Verdict;
use crate::domain::verdict::{ServiceState, USAGE, exit_status};
use crate::report::nagios;

/// The command line as clap describes it: for completions, man pages and tests.
#[must_use]
pub fn command() -> clap::Command {
    args::described()
}

/// Run the program with these arguments, the program's own name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let reader = Reader::of(&typed);
    let arguments = match args::parse(typed.clone()) {
        Ok(arguments) => arguments,
        Err(error) => {
            terminal::show(&error);
            let status = u8::try_from(error.exit_code()).unwrap_or(USAGE);
            let line = || without_passwords(error.to_string().lines().next().unwrap_or_default());
            return ExitCode::from(if error.use_stderr() { reader.excuse(status, line) } else { status });
        }
    };
    ExitCode::from(conclude(reader, || dispatch(arguments, &typed)))
}

impl Reader {
    /// Whoever it is must be told so, too, when the arguments cannot be read.
    fn of(arguments: &[OsString]) -> Self {
        let is_off = |value: OsString| {
            let value = value.to_string_lossy().to_ascii_lowercase();
            ["", "0", "f", "false", "n", "no", "off"].contains(&&*value)
        };
        let is_set = std::env::var_os("REGFSCK_NAGIOS_EXIT").is_some_and(|value| !is_off(value));
        let is_typed = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--nagios-exit");
        if is_set || is_typed { Self::Nagios } else { Self::Anyone }
    }

    /// The exit status where there is no report.
    fn excuse(self, status: u8, why: impl FnOnce() -> String) -> u8 {
        match self {
            Self::Anyone => status,
            Self::Nagios => {
                terminal::plugin_line(&nagios::unknown(&why()));
                ServiceState::Unknown.exit_status()
            }
        }
    }
}

/// The exit status of what was done; a fault of our own proves nothing, and says so.
fn conclude(reader: Reader, work: impl FnOnce() -> anyhow::Result<u8>) -> u8 {
    std::panic::set_hook(Box::new(terminal::confess));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            complain(&error);
            reader.excuse(USAGE, || format!("{error:#}"))
        }
        Err(_) => reader.excuse(exit_status(Verdict::Incomplete), || "regfsck itself failed".to_owned()),
    }
}

fn dispatch(arguments: Arguments, typed: &[OsString]) -> anyhow::Result<u8> {
    let Arguments { command, speech } = arguments;
    let terminal = Terminal::open(&speech);
    install_crypto();
    match command {
        Subcommand::Check(check) => check::run(&check, terminal),
        Subcommand::Merge(merge) => merge::run(&merge, terminal),
        Subcommand::Repair(repair) => repair::run(&repair, typed, terminal),
        Subcommand::Purge(purge) => purge::run(&purge, terminal),
        Subcommand::Restart(restart) => restart::run(&restart, terminal),
        Subcommand::Undo(undo) => undo::run(&undo, terminal),
        Subcommand::Verify(verify) => verify::run(&verify, terminal),
        Subcommand::Watch(watch) => watch::run(watch, terminal),
        Subcommand::Demo(demo) => demo::run(demo, terminal),
        Subcommand::Guard(guard) => guard::run(&guard, terminal),
        Subcommand::Snapshot(snapshot) => snapshot::run(&snapshot, terminal),
        Subcommand::Doctor(doctor) => doctor::run(&doctor, terminal),
        Subcommand::Explain(explain) => explain::run(&explain, &terminal),
        Subcommand::Completions(completions) => generate::completions(&completions, &terminal),
        Subcommand::Man(man) => generate::man(&man, &terminal),
        Subcommand::Repositories(repositories) => Ok(generate::repositories(repositories, &terminal)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_our_own_is_never_called_coherent() {
        let conclude = |work: fn() -> anyhow::Result<u8>| conclude(Reader::Anyone, work);
        assert_eq!(conclude(|| Ok(0)), 0);
        assert_eq!(conclude(|| Err(anyhow::anyhow!("bad input"))), USAGE);
        assert_eq!(conclude(|| panic!("a fault")), 3);
        let deep =
            || tokio::runtime::Builder::new_current_thread().build()?.block_on(async { panic!("within") });
        assert_eq!(conclude(deep), 3);
    }
}
