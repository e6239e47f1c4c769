//! `regfsck undo`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::failure::{of_journal, of_lock};
use crate::adapters::journal::{Roots, new_run, path, read};
use crate::adapters::lock::StateLock;
use crate::adapters::opened::OpenedStorage;
use crate::cli::args::repair::UndoCommand;
use crate::cli::settings::scope::Globs;
use crate::cli::settings::{state, target};
use crate::cli::terminal::{Terminal, say};
use crate::domain::history::{History, Run};
use crate::domain::journal::StorageChange;
use crate::domain::observed::Unlooked;
use crate::domain::report::{Target, Verdict};
use crate::domain::verdict::exit_status;
use crate::engine::ports::{Declined, RegistryLock as _};
use crate::engine::undo::{broken_again, choose, undo};
use crate::report::undo as drawn;
use crate::report::words::quoted;

/// Put quarantined files and links back, or list what can be; the exit status.
pub(in crate::cli) fn run(command: &UndoCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_progress(&command.progress);
    let storage = super::runtime()?.block_on(target::stored(&command.into()))?;
    let Some(storage) = storage else { bail!("undo needs the storage: use --config FILE or --storage DIR") };
    let named = Target { storage: Some(storage.location()), ..Target::default() };
    let folder = state::folder(&command.state, &named)?;
    if command.list {
        let contents = read(&folder).map_err(|error| of_journal(&error))?;
        announce(&contents.damage);
        let typed = |run: &Run| self::typed(&storage.location(), command.state.state_dir.as_deref(), &run.id);
        terminal.print(&drawn::list(&History::of(&contents.entries), typed, terminal.drawing()))?;
        return Ok(exit_status(Verdict::Coherent));
    }
    // Locked before it is chosen: what is shown is what will be done.
    let run = new_run(Timestamp::now());
    let lock = StateLock::new(folder.clone(), Some(storage.clone()), None, run.clone());
    let taken = match lock.take() {
        Ok(taken) => taken,
        Err(error) => match error.refusal() {
            Some(why) => return refuse(&why, &terminal),
            None => return Err(of_lock(error)),
        },
    };
    let history = history_of(&folder)?;
    let chosen = choose(&history, &path(&folder).display().to_string(), command.run.as_deref())?;
    let roots = Roots::read(&folder);
    let storage = where_changed(storage, chosen, &roots)?;
    if !command.consent.yes
        && let Err(declined) = ask(chosen, &storage, &roots, &terminal)
    {
        return match declined {
            Declined::Refused => refuse(&declined.to_string(), &terminal),
            other @ (Declined::NobodyThere | Declined::NoAnswer(_)) => Err(other.into()),
        };
    }
    let writer = storage.writer(&run, &roots.paths)?;
    let obstacles = writer.obstacles();
    if !obstacles.is_empty() {
        return refuse(&obstacles.join("; "), &terminal);
    }
    announce(taken.journal.damage());
    let undone = undo(&*taken.journal, &*writer, named, Some(&chosen.id))?;
    terminal.print(&drawn::undone(&undone, terminal.drawing()))?;
    let verdict = if undone.left.is_empty() { Verdict::Coherent } else { Verdict::Incoherent };
    Ok(exit_status(verdict))
}

/// What takes a run back.
pub(super) fn typed(storage: &str, state: Option<&Path>, run: &str) -> String {
    let state = state.map(|dir| format!(" --state-dir {}", quoted(&dir.display().to_string())));
    format!("regfsck undo --storage {}{} --run {run}", quoted(storage), state.unwrap_or_default())
}

fn history_of(folder: &Path) -> Result<History> {
    Ok(History::of(&read(folder).map_err(|error| of_journal(&error))?.entries))
}

fn announce(damage: &[Unlooked]) {
    for damage in damage {
        say(format_args!(
            "the journal is damaged, and what it does not tell stays as it is: {}: {}",
            damage.what, damage.why
        ));
    }
}

/// The storage by the path under which the run changed it, where that leads to it here: what lies beside that path is not
/// beside another, and a file cannot be moved from one mount to the other.
fn where_changed(storage: OpenedStorage, run: &Run, roots: &Roots) -> Result<OpenedStorage> {
    let changes = run.undoable();
    let paths: Vec<&Path> = changes
        .iter()
        .filter_map(|recorded| recorded.change.in_storage())
        .flat_map(|change| match change {
            StorageChange::Moved { from, to, .. } => vec![from, to],
            StorageChange::Link { path, .. } => vec![path],
        })
        .collect();
    let Some(own) = storage.folder().and_then(|own| own.canonicalize().ok()) else { return Ok(storage) };
    let is_of = |root: &Path| paths.iter().any(|path| path.starts_with(root));
    match roots.leading_to(&own).find(|root| is_of(root)).filter(|_| !is_of(&own)) {
        Some(root) => Ok(storage.seen_at(root)?),
        None => Ok(storage),
    }
}

/// Show what would be taken back and what that breaks, and ask.
fn ask(chosen: &Run, storage: &OpenedStorage, roots: &Roots, terminal: &Terminal) -> Result<(), Declined> {
    let view = storage.reader().collect(&Globs::default(), &*terminal.progress()).ok();
    let broken = view.map(|view| {
        let known: Vec<_> = roots.paths.iter().cloned().chain([PathBuf::from(&view.root)]).collect();
        broken_again(chosen, &view, &known)
    });
    Terminal::confirm(&drawn::proposal(chosen, broken.as_ref(), terminal.drawing()), "Take it back?")
}

fn refuse(why: &str, terminal: &Terminal) -> Result<u8> {
    terminal.print(&format!("refused: {why}\n"))?;
    Ok(exit_status(Verdict::Refused))
}
