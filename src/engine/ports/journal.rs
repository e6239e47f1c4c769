//! The journal of what is changed.

use std::path::PathBuf;

use thiserror::Error;

use crate::domain::journal::{Entry, Record};
use crate::domain::observed::Unlooked;

/// The journal of one registry, held by one run that alone may write.
///
/// Blocking: when a record's number is returned, the record is on the disk.
pub trait Journal: Send + Sync {
    /// Where it is, for people.
    fn location(&self) -> String;

    /// The records that were there when this run took it, in order.
    fn earlier(&self) -> &[Entry];

    /// Lines among them that are no records, as something else must have written there.
    fn damage(&self) -> &[Unlooked];

    /// Write records down, all of them or none that can be read; their numbers.
    ///
    /// Forcing something to the disk takes milliseconds, however much it is: what is known together is
    /// better written together. Calls from several threads share the wait.
    ///
    /// # Errors
    /// When they cannot be written or forced to the disk. What they announce must then not be done.
    fn append_all(&self, records: Vec<Record>) -> Result<Vec<u64>, JournalError>;

    /// Write one record down; its number.
    ///
    /// # Errors
    /// As [`Journal::append_all`].
    fn append(&self, record: Record) -> Result<u64, JournalError> {
        self.append_all(vec![record]).map(|numbers| numbers.first().copied().unwrap_or_default())
    }
}

/// Why there is no journal to write to.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another run holds it.
    #[error("another run{} holds `{}`", holder.as_ref().map_or_else(String::new, |holder| format!(" ({holder})")), path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote there: its process and when it began.
        holder: Option<String>,
    },
    /// The operating system refused.
    #[error("cannot {what} `{}`", path.display())]
    Refused {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// There is no place for it.
    #[error("there is no folder for the journal: neither XDG_STATE_HOME nor HOME is set")]
    NoPlace,
}

impl JournalError {
    /// What to do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => {
                "wait until that run has ended; two repairs of one registry would work against each other"
            }
            Self::Refused { .. } => "name a folder that this user may write to with `--state-dir`",
            Self::NoPlace => "name a folder with `--state-dir`",
        }
    }
}
