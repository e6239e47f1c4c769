//! What steps are made of: nothing changes before it is written down, and a step that is not taken says why.

use std::sync::Arc;

use super::Repair;
use crate::domain::history::RecordedChange;
use crate::domain::journal::{Change, Record};
use crate::domain::plan::Step;
use crate::engine::blocking::blocking;
use crate::engine::ports::{Daemon, RequestError, StorageWriter};
use crate::engine::write_ahead::{self, with_causes};

/// Why a step was not carried out.
pub(super) enum Trouble {
    /// It was tried.
    Fail(String),
    /// It makes no sense any more.
    Skip(String),
}

pub(super) type Taken = Result<String, Trouble>;

impl From<RequestError> for Trouble {
    fn from(error: RequestError) -> Self {
        Self::Fail(format!("{}: {}", error.asked(), error.reason_and_hint()))
    }
}

pub(super) fn fail(why: impl std::fmt::Display) -> Trouble {
    Trouble::Fail(why.to_string())
}

pub(super) async fn record(repair: &Repair, records: Vec<Record>) -> Result<(), Trouble> {
    let journal = Arc::clone(&repair.journal);
    blocking(move || journal.append_all(records)).await.map(|_| ()).map_err(fail)
}

pub(super) async fn started(repair: &Repair, step: &Step) -> Result<(), Trouble> {
    record(repair, vec![Record::StepStarted { step: step.id.clone() }]).await
}

/// The step begins, and this is the change that it is about to make: one wait for the disk.
pub(super) async fn begun(repair: &Repair, step: &Step, change: Change) -> Result<(), Trouble> {
    let name = || step.id.clone();
    record(repair, vec![Record::StepStarted { step: name() }, Record::Change { step: name(), change }]).await
}

/// Ask storage what to change, write it down, change it; what was changed, so that it can be taken back.
pub(super) async fn change<E: std::error::Error + Send + 'static>(
    repair: &Repair,
    step: &Step,
    changes: impl FnOnce(&dyn StorageWriter) -> Result<Vec<Change>, E> + Send + 'static,
) -> Result<Vec<RecordedChange>, Trouble> {
    let Some(writer) = repair.sides.storage_writer() else {
        return Err(Trouble::Fail("storage cannot be written to; give --storage DIR".into()));
    };
    let (journal, step) = (Arc::clone(&repair.journal), step.id.clone());
    let made = move || {
        let changes = changes(&*writer).map_err(|error| fail(with_causes(&error)))?;
        let made = write_ahead::carry_out(&*journal, &*writer, &step, changes);
        made.map_err(|error| fail(with_causes(&error)))
    };
    blocking(made).await
}

/// Put a bad file back: it is better than none.
pub(super) async fn take_back(
    repair: &Repair,
    step: &Step,
    made: Vec<RecordedChange>,
) -> Result<(), Trouble> {
    let Some(writer) = repair.sides.storage_writer() else { return Ok(()) };
    let (journal, step) = (Arc::clone(&repair.journal), step.id.clone());
    let back = move || {
        let mut latest_first = made.iter().rev();
        latest_first.try_for_each(|change| write_ahead::take_back(&*journal, &*writer, &step, change))
    };
    blocking(back).await.map_err(|error| {
        Trouble::Fail(format!("and the bad file could not be put back: {}", with_causes(&error)))
    })
}

pub(super) fn daemon(repair: &Repair) -> Result<&Daemon, Trouble> {
    repair.sides.daemon().ok_or_else(|| Trouble::Fail("no registry was given; use --registry URL".into()))
}
