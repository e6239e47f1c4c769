//! `regfsck undo`.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::repair::{UndoArguments, journal_dir, runtime};
use crate::adapters::journal::{FileJournal, new_run};
use crate::adapters::storage::FilesystemWriter;
use crate::cli::settings::connection::ConnectionArguments;
use crate::cli::settings::target::Target;
use crate::cli::terminal;
use crate::domain::journal::Change;
use crate::domain::report::Verdict;
use crate::domain::verdict::exit_status;
use crate::engine::ports::{JournalError, StorageWriter as _};
use crate::engine::undo::undo;

/// Put quarantined files and links back; the exit status.
pub(in crate::cli) fn take_back(arguments: &UndoArguments) -> Result<u8> {
    let connection = ConnectionArguments::default();
    let mut target_arguments = arguments.target.clone();
    target_arguments.offline = target_arguments.registry.is_none();
    let runtime = runtime()?;
    let target = runtime.block_on(Target::find(&target_arguments, &connection))?;
    let Some(root) = &target.root else {
        bail!("undo needs the storage: use --config FILE or --storage DIR")
    };
    let run = new_run(Timestamp::now());
    let journal = match FileJournal::take(&journal_dir(arguments.state_dir.as_deref(), &target)?, &run) {
        Ok(journal) => journal,
        Err(locked @ JournalError::Locked { .. }) => return refuse(&format!("{locked}; {}", locked.hint())),
        Err(error) => return Err(error.into()),
    };
    let writer = FilesystemWriter::new(root, &run)?;
    let obstacles = writer.obstacles();
    if !obstacles.is_empty() {
        return refuse(&obstacles.join("; "));
    }
    let undone = undo(&journal, &writer, target.named.clone(), arguments.run.as_deref())?;
    let count = undone.taken_back.len();
    let mut text =
        format!("run {}: {count} change{} taken back\n", undone.run, if count == 1 { "" } else { "s" });
    for recorded in &undone.taken_back {
        let _ = writeln!(text, "  {}", told(&recorded.change));
    }
    for (recorded, why) in &undone.left {
        let _ = writeln!(text, "left as it is: {}: {why}", told(&recorded.change));
    }
    terminal::print(&text)?;
    let verdict = if undone.left.is_empty() { Verdict::Coherent } else { Verdict::Incoherent };
    Ok(exit_status(verdict))
}

fn refuse(why: &str) -> Result<u8> {
    terminal::print(&format!("refused: {why}\n"))?;
    Ok(exit_status(Verdict::Refused))
}

/// A change that was made, for people.
pub(in crate::cli) fn told(change: &Change) -> String {
    match change {
        Change::FileMoved { from, to } => format!("`{}` was moved to `{}`", from.display(), to.display()),
        Change::LinkWritten { path, .. } => format!("`{}` was written", path.display()),
        Change::CacheDeleted { keys } => format!("{} keys were deleted from Redis", keys.len()),
        Change::ClaimDeleted { repository, digest, .. } => {
            format!("{} was deleted from {repository} over the API", digest.short())
        }
        Change::Uploaded { repository, digest } => format!("{} was uploaded to {repository}", digest.short()),
    }
}
