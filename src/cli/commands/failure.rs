//! Why there is no report, with what to do next.

use anyhow::anyhow;

use crate::cli::settings::container::service_error;
use crate::engine::guard::GuardError;
use crate::engine::ports::{JournalError, LockError};
use crate::engine::session::SessionError;
use crate::engine::write_ahead::with_causes;

/// A session that came to no report.
pub(super) fn of_session(error: SessionError) -> anyhow::Error {
    match error {
        SessionError::Lock(error) => of_lock(error),
        SessionError::Journal(error) => of_journal(&error),
        SessionError::Pusher(error) => service_error(&error).context("--source docker-daemon:"),
        other @ (SessionError::Storage(_)
        | SessionError::Declined(_)
        | SessionError::OtherRegistry { .. }) => other.into(),
    }
}

/// A guarded garbage collection that came to no result.
pub(super) fn of_guard(error: GuardError) -> anyhow::Error {
    match error {
        GuardError::Session(error) => of_session(error),
        other @ (GuardError::NoStorage | GuardError::Keep(_)) => other.into(),
    }
}

/// A registry that cannot be locked.
pub(super) fn of_lock(error: LockError) -> anyhow::Error {
    match error {
        LockError::Journal(error) => of_journal(&error),
        LockError::Storage(error) => error.into(),
    }
}

pub(super) fn of_journal(error: &JournalError) -> anyhow::Error {
    anyhow!("{}; {}", with_causes(error), error.hint())
}
