//! Taking back what an earlier run changed in storage: `regfsck undo`.

use std::collections::BTreeSet;

use thiserror::Error;

use super::ports::{Journal, JournalError, StorageWriter};
use super::write_ahead::{take_back, with_causes};
use crate::domain::history::{History, RecordedChange, Run};
use crate::domain::journal::{Purpose, Record};
use crate::domain::report::Target;

/// The name of the only step that an undo has in the journal.
const STEP: &str = "undo";

/// What came of an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The run whose changes were taken back.
    pub run: String,
    /// Those that are as before now.
    pub taken_back: Vec<RecordedChange>,
    /// Those that are not, and why.
    pub left: Vec<(RecordedChange, String)>,
}

/// Why nothing was undone.
#[derive(Debug, Error)]
pub enum UndoError {
    /// Nothing is left that could be taken back.
    #[error("there is nothing to undo in {}{}", place, because(why))]
    Nothing {
        /// Where: the whole journal, or one run.
        place: String,
        /// Why what was changed there stays.
        why: BTreeSet<&'static str>,
    },
    /// No such run is in this journal.
    #[error("there is no run `{run}` in `{journal}`")]
    NoSuchRun {
        /// The name as given.
        run: String,
        /// Where it was looked for.
        journal: String,
    },
    /// The journal cannot be written to.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Take back what a run changed in storage, last change first; of the newest repair that has any left if
/// no run is named. One that cannot be taken back does not stop the others. What a run changed elsewhere
/// stays, and a run that changed nothing in storage is never chosen. Blocking.
///
/// # Errors
/// When there is nothing to take back, or the journal cannot be written to.
pub fn undo(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    target: Target,
    named: Option<&str>,
) -> Result<Undone, UndoError> {
    let history = History::of(journal.earlier());
    let run = choose(&history, journal, named)?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    journal.append(Record::RunStarted {
        purpose: Purpose::Undo,
        target,
        version,
        pid: std::process::id(),
    })?;
    journal.append(Record::StepStarted { step: STEP.into() })?;
    let mut undone = Undone { run: run.id.clone(), taken_back: Vec::new(), left: Vec::new() };
    for recorded in run.undoable() {
        match take_back(journal, writer, STEP, recorded) {
            Ok(()) => undone.taken_back.push(recorded.clone()),
            Err(error) => undone.left.push((recorded.clone(), with_causes(&error))),
        }
    }
    journal.append(ended(&undone))?;
    journal.append(Record::RunFinished)?;
    Ok(undone)
}

fn choose<'h>(
    history: &'h History,
    journal: &dyn Journal,
    named: Option<&str>,
) -> Result<&'h Run, UndoError> {
    let Some(named) = named else {
        return history.last_undoable().ok_or_else(|| nothing(journal, history.repairs().next(), None));
    };
    let run = history.runs.iter().find(|run| run.id == named);
    let run =
        run.ok_or_else(|| UndoError::NoSuchRun { run: named.to_owned(), journal: journal.location() })?;
    if run.undoable().is_empty() { Err(nothing(journal, Some(run), Some(named))) } else { Ok(run) }
}

fn nothing(journal: &dyn Journal, run: Option<&Run>, named: Option<&str>) -> UndoError {
    let whose = named.map_or_else(String::new, |run| format!("run `{run}` of "));
    UndoError::Nothing {
        place: format!("{whose}`{}`", journal.location()),
        why: run.map(Run::lasting).unwrap_or_default(),
    }
}

fn because(why: &BTreeSet<&'static str>) -> String {
    why.iter().flat_map(|why| ["; ", why]).collect()
}

fn ended(undone: &Undone) -> Record {
    let step = STEP.to_owned();
    if undone.left.is_empty() {
        return Record::StepDone { step };
    }
    let why = undone.left.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; ");
    Record::StepFailed { step, why }
}
