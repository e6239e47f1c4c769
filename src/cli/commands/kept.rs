//! Where a repair put the bad files: said when it is over, with what takes it back.

use std::path::{Path, PathBuf};

use super::undo;
use crate::adapters::journal::read;
use crate::cli::settings::session::Opening;
use crate::cli::terminal::Terminal;
use crate::domain::history::History;
use crate::domain::journal::Change;
use crate::domain::report::Report;
use crate::report::words::counted;

/// The run whose journal tells.
pub(super) struct PutAway {
    state: PathBuf,
    run: String,
}

impl PutAway {
    pub(super) fn of(opening: &Opening<'_>) -> Self {
        Self { state: opening.state.clone(), run: opening.run.clone() }
    }

    /// Say it, where something was moved away. A journal that cannot be read tells nothing here; undo says why.
    pub(super) fn tell(&self, report: &Report, given: Option<&Path>, terminal: &Terminal) {
        let Ok(contents) = read(&self.state) else { return };
        let history = History::of(&contents.entries);
        let Some(run) = history.runs.iter().find(|run| run.id == self.run) else { return };
        let moved = run.undoable().into_iter().filter_map(|recorded| match &recorded.change {
            Change::FileMoved { to, .. } => Some(to.as_path()),
            Change::LinkWritten { .. }
            | Change::CacheDeleted { .. }
            | Change::ClaimDeleted { .. }
            | Change::Restarted { .. }
            | Change::Returned { .. }
            | Change::Uploaded { .. } => None,
        });
        let moved: Vec<&Path> = moved.collect();
        let own = |path: &&Path| path.file_name().is_some_and(|name| name == self.run.as_str());
        let folder = moved.first().and_then(|path| path.ancestors().find(own));
        let (Some(folder), Some(storage)) = (folder, &report.target.storage) else { return };
        terminal.notify(format_args!(
            "kept in {}: {}, which may be deleted when the images pull. Until then it is put back by:\n  \
             {}",
            folder.display(),
            counted(moved.len() as u64, "bad file"),
            undo::typed(storage, given, &self.run)
        ));
    }
}
