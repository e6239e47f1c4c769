//! From what was examined to the report.

use std::sync::Arc;

use crate::domain::code::Severity;
use crate::domain::report::{Report, Target, summarise};
use crate::domain::verdict;
use crate::engine::check::{Examination, Options, check};
use crate::engine::ports::{Events, StorageError};
use crate::engine::sides::Sides;

/// A check that only looks.
///
/// # Errors
/// When storage cannot be read at all.
pub async fn look(
    sides: &Sides,
    options: &Options,
    fail_on: Severity,
    events: Arc<dyn Events>,
) -> Result<Report, StorageError> {
    let mut examination = check(sides, options, events).await?;
    give_back(examination.storage.take());
    Ok(conclude(examination, sides.target(), fail_on))
}

/// Let go of what takes long to take apart, with nobody waiting for it; where there is no thread to be had, here.
fn give_back(memory: impl Send + 'static) {
    let _ = std::thread::Builder::new().spawn(move || drop(memory));
}

/// Make a report of what was examined.
#[must_use]
pub fn conclude(examination: Examination, target: Target, fail_on: Severity) -> Report {
    let mut report = Report {
        coverage: examination.coverage,
        refusal: examination.refusal,
        summary: summarise(&examination.findings),
        findings: examination.findings,
        ..Report::empty(target, examination.started, examination.finished)
    };
    verdict::conclude(&mut report, fail_on);
    report
}
