//! The one place where what was found becomes a verdict and an exit status.
//!
//! | status | verdict | meaning |
//! |---|---|---|
//! | 0 | coherent | nothing at or above `--fail-on` remains |
//! | 1 | incoherent | findings remain |
//! | 3 | incomplete | something could not be looked at; what was seen is reported |
//! | 4 | refused | refused for safety |
//!
//! Status 2, usage and configuration, never gets as far as a report. "Could not look" outranks
//! findings: a run that did not see everything must not be taken for one that did.

use crate::domain::code::Severity;
use crate::domain::report::{Report, Verdict};

/// Usage or configuration error: what the program returns when there is no report.
pub const USAGE: u8 = 2;

/// What the report's contents amount to.
#[must_use]
pub fn verdict(report: &Report, fail_on: Severity) -> Verdict {
    if report.refusal.is_some() {
        Verdict::Refused
    } else if !report.coverage.unknown.is_empty() {
        Verdict::Incomplete
    } else if report.standing(fail_on).next().is_some() {
        Verdict::Incoherent
    } else {
        Verdict::Coherent
    }
}

/// The exit status of a verdict.
#[must_use]
pub const fn exit_status(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Coherent => 0,
        Verdict::Incoherent => 1,
        Verdict::Incomplete => 3,
        Verdict::Refused => 4,
    }
}

/// Enter verdict and exit status in the report.
pub fn conclude(report: &mut Report, fail_on: Severity) {
    report.verdict = verdict(report, fail_on);
    report.exit_status = exit_status(report.verdict);
}
