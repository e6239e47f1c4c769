//! The one place where what was found becomes a verdict and an exit status.
//!
//! | status | verdict | meaning |
//! |---|---|---|
//! | 0 | coherent | nothing at or above `--fail-on` remains |
//! | 1 | incoherent | findings remain |
//! | 3 | incomplete | something could not be looked at; what was seen is reported |
//! | 4 | refused | refused for safety |
//! | 5 | | guard: the garbage collection itself failed |
//!
//! Status 2, usage and configuration, never gets as far as a report. "Could not look" outranks
//! findings: a run that did not see everything must not be taken for one that did.

use crate::domain::code::Severity;
use crate::domain::doctor::Hint;
use crate::domain::finding::State;
use crate::domain::guard::{Gate, Guarded, Stage};
use crate::domain::observed::Unlooked;
use crate::domain::report::{Images, Report, Verdict};

/// What each exit status means, for whoever looks it up.
pub const STATUSES: [(u8, &str); 6] = [
    (0, "Coherent: nothing at or above --fail-on remains, or it was repaired and that was proved."),
    (1, "Findings remain."),
    (2, "Usage or configuration error."),
    (3, "Something could not be looked at; what was seen is reported."),
    (4, "Refused for safety, or by the person who was asked."),
    (5, "guard: the garbage collection itself failed."),
];

/// Usage or configuration error: what the program returns when there is no report.
pub const USAGE: u8 = 2;

/// The status of a guarded run whose garbage collection failed; its own status is in the result.
const COLLECTION_FAILED: u8 = 5;

/// The status of a run that a second signal ended: what a shell shows of a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// What the report's contents amount to.
#[must_use]
pub fn verdict(report: &Report, fail_on: Severity) -> Verdict {
    if report.refusal.is_some() {
        Verdict::Refused
    } else if !report.coverage.unknown.is_empty() || report.is_any(State::Unknown) {
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

/// What a Nagios plugin returns: its own rules, of which `--nagios-exit` makes the process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// Nothing is wrong.
    Ok,
    /// Something will be.
    Warning,
    /// Images are broken, or pushes lost.
    Critical,
    /// It could not be told.
    Unknown,
}

impl ServiceState {
    /// That of a report. An error that was seen outranks what could not be looked at: somebody has to get up.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        if report.standing(Severity::Error).next().is_some() {
            return Self::Critical;
        }
        let has_warnings = report.standing(Severity::Warning).next().is_some();
        match report.verdict {
            Verdict::Incomplete | Verdict::Refused => Self::Unknown,
            Verdict::Incoherent => Self::Warning,
            Verdict::Coherent if has_warnings => Self::Warning,
            Verdict::Coherent => Self::Ok,
        }
    }

    /// The word that begins the line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The exit status.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// Enter verdict and exit status in the report.
pub fn conclude(report: &mut Report, fail_on: Severity) {
    report.fail_on = fail_on;
    report.verdict = verdict(report, fail_on);
    report.exit_status = exit_status(report.verdict);
    if matches!(report.images, Images::Counted(_)) {
        report.images = Images::Counted(report.count_images());
    }
}

/// What the doctor's hints, and what it could not look at, amount to.
#[must_use]
pub fn of_hints(hints: &[Hint], unknown: &[Unlooked], fail_on: Severity) -> Verdict {
    if !unknown.is_empty() {
        Verdict::Incomplete
    } else if hints.iter().any(|hint| hint.severity <= fail_on) {
        Verdict::Incoherent
    } else {
        Verdict::Coherent
    }
}

/// The exit status of a guarded garbage collection: that of the stage that failed.
#[must_use]
pub fn of_guarded(guarded: &Guarded) -> u8 {
    let of_report = guarded.report.as_ref().map_or(0, |report| report.exit_status);
    match guarded.failed {
        None => exit_status(Verdict::Coherent),
        Some(Stage::Gate) if guarded.refusal.is_some() => exit_status(Verdict::Refused),
        Some(Stage::Gate) => exit_status(of_gate(&guarded.gate)),
        Some(Stage::Collection) => COLLECTION_FAILED,
        Some(Stage::Restart) => of_report.max(exit_status(Verdict::Incoherent)),
        Some(Stage::Check) => of_report,
    }
}

/// What a shut gate amounts to.
fn of_gate(gate: &Gate) -> Verdict {
    if gate.is_refused() { Verdict::Refused } else { Verdict::Incomplete }
}
