//! Why there is no report, with what to do next.

use std::error::Error as StdError;

use anyhow::anyhow;

use crate::cli::settings::container::service_error;
use crate::engine::guard::GuardError;
use crate::engine::ports::{JournalError, LockError};
use crate::engine::session::SessionError;

/// A session that came to no report.
pub(super) fn of_session(error: SessionError) -> anyhow::Error {
    match error {
        SessionError::Lock(LockError::Journal(error)) | SessionError::Journal(error) => of_journal(&error),
        SessionError::Pusher(error) => service_error(&error).context("--source docker-daemon:"),
        other @ (SessionError::Lock(LockError::Storage(_))
        | SessionError::Storage(_)
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

fn of_journal(error: &JournalError) -> anyhow::Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    anyhow!("{text}; {}", error.hint())
}
