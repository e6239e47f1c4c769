//! `regfsck completions` and `regfsck man`: what ships beside the program, made from its own arguments.

use anyhow::{Context as _, Result, bail};
use clap_complete::Shell;

use crate::cli::{command, terminal};

/// Print a shell's completions.
pub(in crate::cli) fn completions(shell: Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "regfsck", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Print the man page of the program or of one subcommand.
pub(in crate::cli) fn man(subcommand: Option<&str>) -> Result<u8> {
    let mut all = command();
    all.build();
    let wanted = match subcommand {
        None => all,
        Some(name) => {
            let Some(found) = all.find_subcommand(name) else { bail!("there is no subcommand `{name}`") };
            found.clone().name(format!("regfsck-{name}"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(wanted).render(&mut page).context("cannot make the man page")?;
    terminal::print(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
