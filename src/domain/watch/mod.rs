//! What a watch knows between one check and the next.

mod census;
mod figures;
mod memory;
mod schedule;

pub use census::{BlobCensus, ShardCensus};
pub use figures::{DELAYS, Delays, Figures, Mishap, WatchStatus};
pub use memory::{BrokenPush, Lead, LeadList, MEMORY, Spent, WatchMemory};
pub use schedule::Schedule;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::name::{Image, Reference, RepositoryName, Tag};

/// A manifest that a registry says was pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PushedImage {
    /// Where to.
    pub repository: RepositoryName,
    /// What it is.
    pub digest: Digest,
    /// Under which name, where it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}

impl PushedImage {
    /// It by its digest.
    #[must_use]
    pub fn by_digest(&self) -> Image {
        Image { repository: self.repository.clone(), reference: Reference::Digest(self.digest) }
    }

    /// It by its tag.
    #[must_use]
    pub fn by_tag(&self) -> Option<Image> {
        let reference = Reference::Tag(self.tag.clone()?);
        Some(Image { repository: self.repository.clone(), reference })
    }

    /// As people call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.by_tag().unwrap_or_else(|| self.by_digest()).to_string()
    }
}

/// Something that a registry says was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Where.
    pub repository: RepositoryName,
    /// What of it.
    pub what: Removed,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A manifest or a layer.
    Content(Digest),
    /// A name.
    Tag(Tag),
    /// All that the repository held.
    Everything,
}

impl Deletion {
    /// Whether a pushed image is gone with it.
    #[must_use]
    pub fn takes(&self, image: &PushedImage) -> bool {
        self.repository == image.repository
            && match &self.what {
                Removed::Content(digest) => *digest == image.digest,
                Removed::Tag(tag) => image.tag.as_ref() == Some(tag),
                Removed::Everything => true,
            }
    }
}

/// What a registry told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An image was pushed.
    Pushed(PushedImage),
    /// Something was deleted.
    Removed(Deletion),
}
