//! What a watch needs of the world.

use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::storage::StorageError;
use crate::domain::report::Report;
use crate::domain::views::storage::StorageView;
use crate::domain::watch::{BlobCensus, BrokenPush, PushedImage, WatchMemory};

/// What tells the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Come back then, or later.
    async fn until(&self, at: Timestamp);

    /// A length of time by chance, no longer than this.
    fn chance(&self, longest: SignedDuration) -> SignedDuration;
}

/// What is kept from one check, and one watch, to the next.
pub trait WatchKeeper: Send + Sync {
    /// What was remembered, and the report of the last check. That what lies there cannot be read is said, and costs
    /// what it held.
    fn recall(&self) -> Recalled;

    /// Remember this.
    ///
    /// # Errors
    /// When it cannot be written; the earlier state is as it was.
    fn remember(&self, memory: &WatchMemory) -> Result<(), Unkept>;

    /// Keep the report of the last check.
    ///
    /// # Errors
    /// As [`Self::remember`].
    fn keep_report(&self, report: &Report) -> Result<(), Unkept>;

    /// Keep what storage held.
    ///
    /// # Errors
    /// As [`Self::remember`].
    fn keep_view(&self, view: &StorageView) -> Result<(), Unkept>;

    /// What storage held when that was kept last.
    ///
    /// # Errors
    /// When it cannot be read.
    fn view(&self) -> Result<Option<StorageView>, Unkept>;
}

/// What was kept.
#[derive(Debug, Default)]
pub struct Recalled {
    /// What the watch before remembered.
    pub memory: Option<WatchMemory>,
    /// The report of its last check.
    pub report: Option<Report>,
    /// What could not be read, and why.
    pub damage: Vec<Unkept>,
}

/// Something could not be kept, or read back.
#[derive(Debug, Error)]
#[error("cannot {what}")]
pub struct Unkept {
    /// What was to be done.
    pub what: String,
    /// What was in the way.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// A cheap look at which blobs there are.
pub trait Census: Send + Sync {
    /// Count; what cannot have changed since `before` is taken from there.
    ///
    /// # Errors
    /// When storage cannot be read.
    fn count(&self, before: &BlobCensus) -> Result<BlobCensus, StorageError>;
}

/// Whoever is told how the watch goes on.
pub trait WatchEvents: Send + Sync {
    /// A check ended with this report.
    fn publish(&self, report: &Arc<Report>);

    /// Something that somebody should know.
    fn tell(&self, news: News<'_>);
}

/// Something that somebody should know.
#[derive(Debug)]
pub enum News<'a> {
    /// An image was pushed that cannot be pulled.
    Broken(&'a BrokenPush),
    /// It can be pulled now.
    Mended(&'a PushedImage),
    /// Blobs disappeared.
    Collected(usize),
    /// A check could not look, and why.
    Blind(&'a str),
    /// More was pushed than could be waited for.
    Overrun,
    /// The configuration was read again.
    Reopened,
    /// It could not be, and why; the earlier one counts.
    NotReopened(&'a str),
    /// A repair was not begun: it takes more steps than these, which are left for today.
    Declined {
        /// How many may be taken.
        left: u64,
    },
    /// A repair could not be made, and why.
    NotRepaired(&'a str),
    /// State could not be kept or read.
    Unkept(&'a Unkept),
}
