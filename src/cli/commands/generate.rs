//! `regfsck completions` and `regfsck man`: what ships beside the program, made from its own arguments.

use anyhow::{Context as _, Result, bail};
use clap::CommandFactory as _;

use crate::cli::args::Arguments;
use crate::cli::args::manual::{CompletionsCommand, ManCommand};
use crate::cli::terminal::Terminal;

/// Print a shell's completions.
pub(in crate::cli) fn completions(command: &CompletionsCommand, terminal: &Terminal) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "regfsck", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Print the man page of the program or of one subcommand.
pub(in crate::cli) fn man(command: &ManCommand, terminal: &Terminal) -> Result<u8> {
    let mut all = Arguments::command();
    all.build();
    let wanted = match &command.subcommand {
        None => all,
        Some(name) => {
            let Some(found) = all.find_subcommand(name) else { bail!("there is no subcommand `{name}`") };
            found.clone().name(format!("regfsck-{name}"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(wanted).render(&mut page).context("cannot make the man page")?;
    terminal.print(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
