//! `regfsck guard`

use std::sync::Arc;

use anyhow::{Result, bail};

use super::failure::of_guard;
use crate::adapters::gc::GcCommand;
use crate::adapters::guard_folder::RunFolder;
use crate::cli::args::guard::GuardCommand;
use crate::cli::settings::session::Opening;
use crate::cli::terminal::Terminal;
use crate::domain::guard::Guarded;
use crate::engine::guard::{Behind, Guard, Wishes, guard};
use crate::engine::ports::GarbageCollection;

/// Guard a garbage collection; the exit status.
pub(in crate::cli) fn run(command: &GuardCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let collection = GcCommand::new(&command.command);
    if collection.is_none() && !command.gate_only {
        bail!("which garbage collection? give its command after `--`, or --gate-only");
    }
    let guarded = super::runtime()?.block_on(guarded(command, collection.as_ref(), &terminal))?;
    terminal.write_guarded(&guarded)
}

async fn guarded(
    command: &GuardCommand,
    collection: Option<&GcCommand>,
    terminal: &Terminal,
) -> Result<Guarded> {
    let opening = Opening::new(&command.check, &command.state, terminal).await?;
    let mut opening = opening.with_restarts(&command.restart)?.agreed(command.consent.yes);
    if command.fix {
        opening = opening.with_sources(&command.source).await?;
    }
    let folder = Arc::new(RunFolder::new(&opening.state, &opening.run, command.keep.into()));
    let collection = collection.map(|collection| collection as &dyn GarbageCollection);
    let (session, wishes) = (opening.session(), wishes(command));
    guard(Guard { session, collection, onlooker: terminal, folder, wishes }).await.map_err(of_guard)
}

fn wishes(command: &GuardCommand) -> Wishes {
    let restart = !command.restart.restart.is_empty();
    Wishes {
        flavour: command.gc_version,
        delete_untagged: command.delete_untagged,
        fix: command.fix,
        accept_loss: command.accept_loss,
        behind: match (command.gate_only, command.report_only) {
            (true, _) => Behind::Nothing,
            (false, true) => Behind::Report,
            (false, false) => Behind::Settle { restart },
        },
    }
}
