//! What looking at one thing said: there, not there, or we could not look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer to one look at one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It is there, and this is it.
    Present(T),
    /// We looked, and it is not there.
    Absent,
    /// We could not look, and this is why. Never to be taken for absent.
    Unknown(String),
}

impl<T> Observed<T> {
    /// The thing, where it was seen.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Whether we looked and saw that it is not there.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The same answer about something made of the thing.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Present(thing) => Observed::Present(make(thing)),
            Self::Absent => Observed::Absent,
            Self::Unknown(why) => Observed::Unknown(why),
        }
    }
}

/// The side that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What is on the disk or in the bucket.
    Storage,
    /// What the running daemon answers.
    Served,
    /// The daemon's blob-descriptor cache, read directly.
    Cache,
}

/// One question and its answer, as it is shown to whoever doubts a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The side that was asked.
    pub view: Side,
    /// The question: a path, or method and URL without secrets.
    pub asked: String,
    /// The answer, in a few words.
    pub said: String,
    /// When it was asked.
    #[cfg_attr(test, schemars(with = "super::schema::Time"))]
    pub at: Timestamp,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unlooked {
    /// The thing: a path or a URL.
    pub what: String,
    /// Why not.
    pub why: String,
}
