//! `regfsck undo`.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::failure::of_lock;
use crate::adapters::journal::new_run;
use crate::adapters::lock::StateLock;
use crate::cli::args::repair::UndoCommand;
use crate::cli::settings::{state, target};
use crate::cli::terminal::{Terminal, say};
use crate::domain::report::{Target, Verdict};
use crate::domain::verdict::exit_status;
use crate::engine::ports::RegistryLock as _;
use crate::engine::undo::undo;
use crate::report::changes::sentence;

/// Put quarantined files and links back; the exit status.
pub(in crate::cli) fn run(command: &UndoCommand, terminal: &Terminal) -> Result<u8> {
    let storage = super::runtime()?.block_on(target::stored(&command.into()))?;
    let Some(storage) = storage else { bail!("undo needs the storage: use --config FILE or --storage DIR") };
    let named = Target { storage: Some(storage.location()), ..Target::default() };
    let run = new_run(Timestamp::now());
    let folder = state::folder(&command.state, &named)?;
    let lock = StateLock::new(folder, Some(storage), None, run);
    let taken = match lock.take() {
        Ok(taken) => taken,
        Err(error) => match error.refusal() {
            Some(why) => return refuse(&why, terminal),
            None => return Err(of_lock(error)),
        },
    };
    let Some(writer) = taken.storage else { bail!("undo needs the storage") };
    let obstacles = writer.obstacles();
    if !obstacles.is_empty() {
        return refuse(&obstacles.join("; "), terminal);
    }
    for damage in taken.journal.damage() {
        say(format_args!(
            "the journal is damaged, and what it does not tell stays as it is: {}: {}",
            damage.what, damage.why
        ));
    }
    let undone = undo(&*taken.journal, &*writer, named, command.run.as_deref())?;
    let count = undone.taken_back.len();
    let mut text =
        format!("run {}: {count} change{} taken back\n", undone.run, if count == 1 { "" } else { "s" });
    for recorded in &undone.taken_back {
        let _ = writeln!(text, "  {}", sentence(&recorded.change));
    }
    for (recorded, why) in &undone.left {
        let _ = writeln!(text, "left as it is: {}: {why}", sentence(&recorded.change));
    }
    terminal.print(&text)?;
    let verdict = if undone.left.is_empty() { Verdict::Coherent } else { Verdict::Incoherent };
    Ok(exit_status(verdict))
}

fn refuse(why: &str, terminal: &Terminal) -> Result<u8> {
    terminal.print(&format!("refused: {why}\n"))?;
    Ok(exit_status(Verdict::Refused))
}
