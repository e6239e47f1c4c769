//! `regfsck completions` and `regfsck man`: what ships beside the program, made from its own arguments.

use anyhow::{Context as _, Result, bail};

use crate::adapters::config::StorageDriver;
use crate::adapters::storage::FilesystemStorage;
use crate::cli::args::manual::{CompletionsCommand, ManCommand, RepositoriesCommand};
use crate::cli::args::{Subcommand, parse};
use crate::cli::completion::script;
use crate::cli::manual::pages;
use crate::cli::settings::place::Place;
use crate::cli::settings::target;
use crate::cli::terminal::Terminal;

/// Print a shell's completions.
pub(in crate::cli) fn completions(command: &CompletionsCommand, terminal: &Terminal) -> Result<u8> {
    terminal.print(&script(command.shell))?;
    Ok(0)
}

/// Print the man page of the program or of one subcommand.
pub(in crate::cli) fn man(command: &ManCommand, terminal: &Terminal) -> Result<u8> {
    let pages = pages().context("cannot make the man page")?;
    let name = command.subcommand.as_ref().map_or("regfsck.1".into(), |name| format!("regfsck-{name}.1"));
    let Some(page) = pages.get(&name) else {
        bail!("there is no subcommand `{}`", command.subcommand.as_deref().unwrap_or_default())
    };
    terminal.print(page)?;
    Ok(0)
}

/// Print the repositories of the storage that a line means, as far as it is written; nothing where it means none.
pub(in crate::cli) fn repositories(command: RepositoriesCommand, terminal: &Terminal) -> Result<u8> {
    let line = command.line.into_iter().take_while(|word| word != "--repo");
    let parsed = parse(std::iter::once("regfsck".into()).chain(line)).ok();
    let names = parsed.and_then(|arguments| place(&arguments.command)).and_then(|place| open(&place));
    let names = names.map(|storage| storage.repositories()).unwrap_or_default();
    terminal.print(&names.iter().flat_map(|name| [name.as_str(), "\n"]).collect::<String>())?;
    Ok(0)
}

fn place(command: &Subcommand) -> Option<Place> {
    Some(match command {
        Subcommand::Check(it) => (&it.check.target).into(),
        Subcommand::Repair(it) => (&it.check.target).into(),
        Subcommand::Purge(it) => (&it.check.target).into(),
        Subcommand::Restart(it) => (&it.check.target).into(),
        Subcommand::Guard(it) => (&it.check.target).into(),
        Subcommand::Watch(it) => (&it.check.target).into(),
        Subcommand::Snapshot(it) => (&**it).into(),
        Subcommand::Merge(_)
        | Subcommand::Undo(_)
        | Subcommand::Verify(_)
        | Subcommand::Demo(_)
        | Subcommand::Doctor(_)
        | Subcommand::Explain(_)
        | Subcommand::Completions(_)
        | Subcommand::Man(_)
        | Subcommand::Repositories(_) => return None,
    })
}

fn open(place: &Place) -> Option<FilesystemStorage> {
    let root = match (&place.storage, target::config(place).ok()?) {
        (Some(root), _) => root.clone(),
        (None, Some(config)) => match config.storage {
            StorageDriver::Filesystem { root } => root,
            StorageDriver::Bucket(_) | StorageDriver::Unsupported { .. } => return None,
        },
        (None, None) => return None,
    };
    FilesystemStorage::open(&root).ok()
}
