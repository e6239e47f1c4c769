//! What a watch has done and knows now, to be shown.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::BrokenPush;
use crate::domain::report::{Report, Target};

/// The bounds that verification delays are counted by, in seconds.
pub const DELAYS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// What was counted since the watch began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Checks that ended with a report.
    pub checks: u64,
    /// Checks that could not look at all.
    pub blind_checks: u64,
    /// Pushes and deletions that registries told of.
    pub told: u64,
    /// Of them those that were waited for already.
    pub joined: u64,
    /// Of them those that there was no room for; a check was made instead.
    pub dropped: u64,
    /// Pushed images that were verified and can be pulled.
    pub verified: u64,
    /// Pushed images that were found broken.
    pub failed: u64,
    /// How long it took from the push being told to its verdict.
    pub delays: Delays,
    /// Garbage collections that were seen.
    pub collections: u64,
    /// Steps of repairs.
    pub steps: u64,
    /// Repairs that were not begun, for they were over the limit.
    pub declined: u64,
}

/// Delays, counted by their bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delays {
    /// How many were no longer than the bound in [`DELAYS`] and longer than the one before.
    pub buckets: [u64; DELAYS.len()],
    /// How many there were.
    pub count: u64,
    /// All together, in seconds.
    pub sum: f64,
}

impl Delays {
    /// Count one.
    pub fn note(&mut self, delay: SignedDuration) {
        let seconds = delay.as_secs_f64().max(0.0);
        let bounds = self.buckets.iter_mut().zip(DELAYS);
        if let Some((bucket, _)) = bounds.into_iter().find(|(_, bound)| seconds <= *bound) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// Something that did not go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mishap {
    /// When.
    pub at: Timestamp,
    /// What, and why.
    pub why: String,
}

/// All that can be shown of a watch.
#[derive(Debug, Clone)]
pub struct WatchStatus {
    /// When it began.
    pub started: Timestamp,
    /// What it watches.
    pub target: Target,
    /// The zone that its times are said in.
    pub zone: TimeZone,
    /// When checks are made, in words.
    pub schedule: String,
    /// What was counted.
    pub figures: Figures,
    /// The report of the last check that ended with one.
    pub report: Option<Arc<Report>>,
    /// Why the last check could not look, if it could not.
    pub blind: Option<Mishap>,
    /// Why the configuration could not be read again, if it could not.
    pub stale: Option<Mishap>,
    /// Since when a check is under way.
    pub checking: Option<Timestamp>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
    /// Pushed images that cannot be pulled.
    pub broken: Vec<BrokenPush>,
    /// How many pushes wait to be verified.
    pub waiting: u64,
    /// When the registry told of the one that waits longest.
    pub oldest: Option<Timestamp>,
    /// What checks will ask about beside what storage itself shows.
    pub leads: u64,
    /// Whether it sees garbage collection by itself.
    pub counts: bool,
}
