//! Uploads that are under way.

use std::collections::BTreeMap;

use crate::domain::layout::Place;
use crate::domain::observed::Observed;

/// Every upload session by its place, with what tells that it moves.
pub type Sessions = BTreeMap<Place, SessionMark>;

/// What changes in an upload session whenever bytes arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionMark {
    /// The bytes it holds.
    pub size: u64,
    /// When they were last written, in nanoseconds since 1970 by the filesystem's clock.
    pub modified: i128,
}

/// Where upload sessions can be seen. Blocking.
pub trait Uploads: Send + Sync {
    /// All of them, abandoned ones included.
    fn sessions(&self) -> Observed<Sessions>;
}
