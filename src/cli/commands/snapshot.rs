//! `regfsck snapshot`: storage's view in a file.

use anyhow::{Context as _, Result};

use crate::adapters::snapshot;
use crate::cli::args::snapshot::SnapshotCommand;
use crate::cli::settings::target::{self, Target};
use crate::cli::terminal::{Terminal, say};
use crate::domain::observed::Unlooked;
use crate::domain::report::Verdict;
use crate::domain::verdict::exit_status;
use crate::domain::views::storage::ViewPart;
use crate::report::words::counted;

/// Look at storage and write it down; the exit status.
pub(in crate::cli) fn run(command: &SnapshotCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_progress(&command.progress);
    let place = command.into();
    let storage = super::runtime()?
        .block_on(target::stored(&place))?
        .context("a snapshot is of storage: use --storage DIR or --config FILE")?;
    let (scope, progress) = (Target::scope(&place), terminal.progress());
    let storage = storage.reader();
    let (view, size) = match command.shard {
        None => {
            let view = storage.collect(&*scope, &*progress)?;
            let size = snapshot::write(&command.file, &view);
            (view, size)
        }
        Some(shard) => {
            let view = storage.collect_part(shard, &*scope, &*progress)?;
            let part = ViewPart { shard, repositories: place.repo.clone() };
            let size = snapshot::write_part(&command.file, &view, &part);
            (view, size)
        }
    };
    let size = size.context("cannot take it")?;
    terminal.print(&format!(
        "{}: {}, {}, {} in {}\n",
        command.file.display(),
        counted(view.repositories.len() as u64, "repository"),
        counted(view.blobs.len() as u64, "blob"),
        counted(view.manifests.len() as u64, "manifest"),
        counted(size, "byte"),
    ))?;
    // What could not be looked at would later seem to have been absent.
    complain(&view.unknown);
    Ok(exit_status(if view.unknown.is_empty() { Verdict::Coherent } else { Verdict::Incomplete }))
}

fn complain(unknown: &[Unlooked]) {
    for unlooked in unknown.iter().take(10) {
        say(format_args!("warning: could not look at {}: {}", unlooked.what, unlooked.why));
    }
}
