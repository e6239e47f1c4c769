//! What is left of blobs that nothing names any more: the folder that they lay in was changed when they went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Digest;
use crate::domain::digest::Algorithm;

/// A folder of blobs, `blobs/sha256/<hh>`, that something has left since the last came into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Removal {
    /// What the digests begin with that belong there.
    pub first: u8,
    /// When that was, by storage's own clock.
    pub at: Timestamp,
}

impl Removal {
    /// What the digest begins with, if its data lies in such a folder.
    #[must_use]
    pub fn first(digest: &Digest) -> Option<u8> {
        digest.bytes().first().copied().filter(|_| digest.algorithm() == Algorithm::Sha256)
    }
}
