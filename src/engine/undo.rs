//! Taking back what an earlier run changed in storage: `regfsck undo`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::ports::{Journal, JournalError, StorageWriter};
use super::write_ahead::{take_back, with_causes};
use crate::domain::digest::Digest;
use crate::domain::history::{History, Run, Undone};
use crate::domain::journal::{Change, Purpose, Record};
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::Image;
use crate::domain::report::Target;
use crate::domain::rules::affected;
use crate::domain::views::storage::StorageView;

/// The name of the only step that an undo has in the journal.
const STEP: &str = "undo";

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
    /// The last one was taken back, and nobody asked for an earlier one.
    #[error(
        "run `{run}`, the last that changed storage, was taken back already; an earlier one is by its name: \
         `regfsck undo --list` has them, `--run RUN` takes one"
    )]
    TakenBack {
        /// The run.
        run: String,
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

/// Take back what a run changed in storage, last change first. One that cannot be taken back does not stop the others.
/// What a run changed elsewhere stays. Blocking.
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
    let run = choose(&history, &journal.location(), named)?;
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

/// The run that is named, or else the last that changed anything in storage: going further back takes its name.
///
/// # Errors
/// When there is none, or nothing in it can be taken back.
pub fn choose<'h>(history: &'h History, journal: &str, named: Option<&str>) -> Result<&'h Run, UndoError> {
    let nothing = |run: Option<&Run>| UndoError::Nothing {
        place: named.map_or_else(|| format!("`{journal}`"), |run| format!("run `{run}` of `{journal}`")),
        why: run.map(Run::lasting).unwrap_or_default(),
    };
    let Some(named) = named else {
        let last = history.repairs().find(|run| run.changed_storage());
        let last = last.ok_or_else(|| nothing(history.repairs().next()))?;
        let earlier = history.last_undoable();
        return match earlier {
            Some(run) if run.id == last.id => Ok(last),
            Some(_) => Err(UndoError::TakenBack { run: last.id.clone() }),
            None => Err(nothing(history.repairs().next())),
        };
    };
    let run = history.runs.iter().find(|run| run.id == named);
    let run =
        run.ok_or_else(|| UndoError::NoSuchRun { run: named.to_owned(), journal: journal.to_owned() })?;
    if run.undoable().is_empty() { Err(nothing(Some(run))) } else { Ok(run) }
}

/// The images that will be broken again when this run is taken back: what needs a blob that gets its bad bytes back,
/// or a link that gets its old content back. `roots` are where the paths of the journal begin.
#[must_use]
pub fn broken_again(run: &Run, view: &StorageView, roots: &[PathBuf]) -> BTreeSet<Image> {
    let mut losses: Vec<(Place, Digest)> = Vec::new();
    let mut images = BTreeSet::new();
    for recorded in run.undoable() {
        let (path, is_bad): (_, &dyn Fn(Digest) -> bool) = match &recorded.change {
            Change::FileMoved { from, content, .. } => (from, &move |digest| digest != *content),
            Change::LinkWritten { path, old, .. } => (path, &move |digest| {
                old.as_ref().is_none_or(|old| old.as_bytes() != digest.to_string().as_bytes())
            }),
            Change::CacheDeleted { .. }
            | Change::ClaimDeleted { .. }
            | Change::Restarted { .. }
            | Change::Returned { .. }
            | Change::Uploaded { .. } => continue,
        };
        let below = roots.iter().find_map(|root| path.strip_prefix(root).ok());
        let place = below.and_then(Path::to_str).map(Place::from);
        match place {
            Some(Place::Link(repository, LinkPlace::Tag(tag))) => {
                images.insert(Image::tagged(repository, tag));
            }
            Some(place) => {
                losses.extend(place.digest().filter(|digest| is_bad(*digest)).map(|digest| (place, digest)));
            }
            None => {}
        }
    }
    let affected = affected::find(view, &losses.iter().map(|(_, digest)| *digest).collect());
    for (place, digest) in losses {
        images.extend(affected.needing(digest, place.repository()).cloned());
    }
    images
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
