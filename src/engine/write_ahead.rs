//! Changing storage with the journal ahead of every change.

use thiserror::Error;

use super::ports::{Journal, JournalError, StorageWriteError, StorageWriter};
use crate::domain::history::RecordedChange;
use crate::domain::journal::{Change, Record};

/// Why a change was not made, or may not have been.
#[derive(Debug, Error)]
pub enum WriteAheadError {
    /// It could not be recorded, so it was not made.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was recorded, and refused.
    #[error(transparent)]
    Storage(#[from] StorageWriteError),
    /// It failed, and what was made before it could not be taken back.
    #[error("{error}; and what was changed before that could not be taken back: {also}")]
    Stuck {
        /// Why it failed.
        error: Box<Self>,
        /// Why the rest is not as it was.
        also: Box<Self>,
    },
}

/// Record each change, then make it; what was made, so that it can be taken back. Blocking.
///
/// # Errors
/// At the first change that cannot be recorded or made. The ones after it are not tried, and those before it, and
/// what was made of it, are taken back.
pub fn carry_out(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    changes: Vec<Change>,
) -> Result<Vec<RecordedChange>, WriteAheadError> {
    let mut made = Vec::new();
    match make_each(journal, writer, step, changes, &mut made) {
        Ok(()) => Ok(made),
        Err(error) => Err(withdraw(journal, writer, step, &made, error)),
    }
}

fn make_each(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    changes: Vec<Change>,
    made: &mut Vec<RecordedChange>,
) -> Result<(), WriteAheadError> {
    for change in changes {
        let record = Record::Change { step: step.to_owned(), change: change.clone() };
        let sequence = journal.append(record)?;
        let applied = writer.apply(&change);
        // Whatever else went wrong, it was seen before anything was changed.
        if matches!(applied, Ok(()) | Err(StorageWriteError::Refused { .. })) {
            made.push(RecordedChange { sequence, change, undone: false });
        }
        applied?;
    }
    Ok(())
}

/// Take back what a failing step made so far, last change first; what there is to say then.
fn withdraw(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    made: &[RecordedChange],
    error: WriteAheadError,
) -> WriteAheadError {
    let back = |recorded: &RecordedChange| {
        make_each(journal, writer, step, writer.revert(&recorded.change)?, &mut Vec::new())?;
        journal.append(Record::Undone { change: recorded.sequence })?;
        Ok(())
    };
    match made.iter().rev().try_for_each(back) {
        Ok(()) => error,
        Err(also) => WriteAheadError::Stuck { error: Box::new(error), also: Box::new(also) },
    }
}

/// Take a recorded change of storage back, and record that. Blocking.
///
/// # Errors
/// When something else changed the same thing since, and as in [`carry_out`].
pub fn take_back(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    recorded: &RecordedChange,
) -> Result<(), WriteAheadError> {
    carry_out(journal, writer, step, writer.revert(&recorded.change)?)?;
    journal.append(Record::Undone { change: recorded.sequence })?;
    Ok(())
}

/// An error with its causes, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
