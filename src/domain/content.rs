//! Content checks that do not hash everything in one run: which part, and how far one has got.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::shard::Shard;

/// Which part of the blobs' content is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentSubset {
    /// This part, from 1.
    pub part: u64,
    /// Of so many.
    pub of: u64,
}

impl ContentSubset {
    /// Whether the blob is in this part: decided by its digest, so that the parts make up the whole.
    #[must_use]
    pub fn includes(&self, digest: &Digest) -> bool {
        digest.head().checked_rem(self.of).is_some_and(|part| part + 1 == self.part)
    }

    /// The part whose turn it is on a day, counted from 1970: `of` days in a row make up the whole.
    #[must_use]
    pub fn of_day(day: u64, of: u64) -> Option<Self> {
        day.checked_rem(of).map(|part| Self { part: part + 1, of })
    }
}

/// How far a content check that may take several runs has got. Blobs are hashed in the order of their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentPass {
    /// The part of the content that it is about.
    pub subset: ContentSubset,
    /// The part of the registry that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The last blob that was hashed; `None` before the first and after the last.
    pub after: Option<Digest>,
    /// The blobs so far whose content was wrong. A run that goes on looks at them again, because the run
    /// that saw them may have ended before it could say so.
    pub wrong: Vec<Digest>,
}

impl ContentPass {
    /// A pass that has not begun.
    #[must_use]
    pub const fn new(subset: ContentSubset, shard: Option<Shard>) -> Self {
        Self { subset, shard, after: None, wrong: Vec::new() }
    }

    /// Whether the other pass is about the same content.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.subset, self.shard) == (other.subset, other.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_days_as_parts_make_up_the_whole() {
        let digest = Digest::sha256([7; 32]);
        for first in [0, 20_000, 20_780] {
            let days = (first..first + 7).filter_map(|day| ContentSubset::of_day(day, 7));
            assert_eq!(days.filter(|subset| subset.includes(&digest)).count(), 1);
        }
        assert_eq!(ContentSubset::of_day(3, 0), None);
    }
}
