//! What is left of links: their folders without them. A DELETE over the API leaves that of the revision, garbage
//! collection of 3.x that of each layer that it unlinks, on a filesystem.

use serde::{Deserialize, Serialize};

use super::Digest;
use super::search::search;

/// The folder of a link without the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trace {
    /// The digest that the folder names.
    pub digest: Digest,
    /// When it was last changed, in seconds since 1970: since then there is no link.
    pub made: i64,
}

/// What is left in one repository, each digest once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// Of layer links, sorted by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Trace>,
    /// Of revision links, sorted by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Trace>,
}

impl Traces {
    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.layers.is_empty() && self.revisions.is_empty()
    }

    /// What is left of that layer's link.
    #[must_use]
    pub fn layer(&self, digest: &Digest) -> Option<&Trace> {
        find(&self.layers, digest)
    }

    /// What is left of that revision's link.
    #[must_use]
    pub fn revision(&self, digest: &Digest) -> Option<&Trace> {
        find(&self.revisions, digest)
    }
}

fn find<'t>(traces: &'t [Trace], digest: &Digest) -> Option<&'t Trace> {
    search(traces, digest, |trace| &trace.digest).and_then(|at| traces.get(at))
}

impl Trace {
    /// Whether a daemon that began at this time, in seconds since 1970, can remember what was there: it learned of it
    /// through the link. Where its beginning is not known it can.
    #[must_use]
    pub fn is_remembered(&self, began: Option<i64>) -> bool {
        began.is_none_or(|began| self.made >= began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_daemon_is_not_remembered() {
        let trace = Trace { digest: Digest::sha256([1; 32]), made: 100 };
        let began = [None, Some(99), Some(100), Some(101)];
        assert_eq!(began.map(|began| trace.is_remembered(began)), [true, true, true, false]);
    }
}
