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
}

/// Record each change, then make it. Blocking.
///
/// # Errors
/// At the first change that cannot be recorded or made; the ones after it are not tried.
pub fn carry_out(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    changes: Vec<Change>,
) -> Result<(), WriteAheadError> {
    for change in changes {
        journal.append(Record::Change { step: step.to_owned(), change: change.clone() })?;
        writer.apply(&change)?;
    }
    Ok(())
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
