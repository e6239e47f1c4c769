//! The served view: what the running daemon answers.
//!
//! Every answer is kept with the exchange that brought it, because an accusation of the daemon has to
//! show what was asked and what it said.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::storage::{HashedBlob, ReadManifest};
use crate::domain::digest::Digest;
use crate::domain::manifest::Manifest;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Evidence, Side, Thing, Unlooked};

/// One request and what came back, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The request; the daemon as a whole where none was sent.
    pub asked: Thing,
    /// Status, error code, sizes.
    pub said: String,
    /// When it was asked.
    pub at: Timestamp,
}

impl Exchange {
    /// This exchange as evidence of the served side.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence { view: Side::Served, asked: self.asked.clone(), said: self.said.clone(), at: self.at }
    }
}

/// An answer together with the exchange that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked<T> {
    /// What the answer means.
    pub answer: T,
    /// The request and the response.
    pub exchange: Exchange,
}

impl Asked<Answer<ServedManifest>> {
    /// The manifest that came, if one did.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Manifest> {
        match self.answer.yes() {
            Some(served) => served.read.manifest(),
            None => None,
        }
    }
}

/// The meaning of an answer to a question about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<T> {
    /// 2xx: the daemon says it is there.
    Yes(T),
    /// 404: the daemon says it is not.
    No(Denial),
    /// 500: the daemon could not answer because of this very thing; the code and message it gave.
    Broken(String),
    /// No answer that means anything: refused, throttled, timed out, not a registry.
    Unknown(String),
}

impl<T> Answer<T> {
    /// What the daemon says is there.
    pub const fn yes(&self) -> Option<&T> {
        match self {
            Self::Yes(thing) => Some(thing),
            Self::No(_) | Self::Broken(_) | Self::Unknown(_) => None,
        }
    }
}

/// What exactly a 404 denies, as far as its error code and detail tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// `BLOB_UNKNOWN`
    Blob,
    /// `MANIFEST_UNKNOWN` about a tag that does not exist.
    Tag,
    /// `MANIFEST_UNKNOWN` about a manifest that does not exist.
    Manifest,
    /// `NAME_UNKNOWN`
    Repository,
    /// A 404 without a code that we know; a HEAD has no body, so most are of this kind.
    Unspecified,
}

/// What the daemon claims of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `Content-Length`, in bytes.
    pub size: Option<u64>,
    /// Whether the claim is a redirect to the object store (307), not followed.
    pub redirected: bool,
}

/// What a one-byte ranged GET delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The byte came: there is something; the blob's size in bytes as `Content-Range` gives it.
    Byte(Option<u64>),
    /// A success status, then not one byte: the mark of a phantom, or of a file that ends before that byte.
    Nothing,
    /// 416, or 200 announced as empty: the daemon itself says that the blob ends before that byte; its size.
    Short(Option<u64>),
}

/// What was asked and answered about one blob in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedBlob {
    /// The HEAD.
    pub claim: Asked<Answer<Claim>>,
    /// The ranged GET, where the HEAD claimed something worth a second question.
    pub delivery: Option<Asked<Answer<Delivery>>>,
}

/// What was asked and answered about one blob where storage cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The size that a manifest gives, in bytes.
    pub described: Option<u64>,
    /// The blob's last byte by that size; its first where no size is given.
    pub last: Asked<Answer<Delivery>>,
    /// Its first byte, asked for where the last did not come.
    pub first: Option<Asked<Answer<Delivery>>>,
}

impl Delivered {
    /// Whether it is not as long as a manifest says.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        match &self.last.answer {
            Answer::Yes(Delivery::Byte(size)) => {
                size.zip(self.described).is_some_and(|(size, said)| size != said)
            }
            Answer::Yes(Delivery::Short(_) | Delivery::Nothing) => true,
            Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => false,
        }
    }
}

/// What the daemon believes of a manifest that storage lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belief {
    /// It believes it has it: a push of that manifest is swallowed.
    Claimed(Exchange),
    /// It knows that it lacks it: a push works.
    Unclaimed(Exchange),
    /// It was not asked, or could not be; the reason.
    Unknown(String),
}

/// A manifest as served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedManifest {
    /// The digest of the bytes that came.
    pub digest: Digest,
    /// How many bytes came.
    pub size: u64,
    /// What they are.
    pub read: ReadManifest,
}

/// A repository and a digest in it: what the daemon is asked about.
pub type Subject = (RepositoryName, Digest);

/// All that the daemon was asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServedView {
    /// The repositories it lists, where the catalog was asked for.
    pub catalog: Option<Vec<RepositoryName>>,
    /// The tags it lists, where they were asked for.
    pub tags: BTreeMap<RepositoryName, Vec<Tag>>,
    /// What tags resolve to.
    pub resolved: Vec<(RepositoryName, Tag, Asked<Answer<ServedManifest>>)>,
    /// Manifests.
    pub manifests: Vec<(Subject, Asked<Answer<ServedManifest>>)>,
    /// Blobs as they were delivered, where only the API can be looked at.
    pub delivered: Vec<(Subject, Delivered)>,
    /// What blobs' bytes hash to, where only the API can be looked at.
    #[serde(default)]
    pub hashed: Vec<(Subject, Asked<Answer<HashedBlob>>)>,
    /// Blobs as they are claimed.
    pub blobs: Vec<(Subject, ServedBlob)>,
    /// What it believes of manifests that storage lacks.
    pub beliefs: Vec<(Subject, Belief)>,
    /// How many requests were sent in all, retries included.
    pub requests: u64,
    /// What could not be asked.
    pub unknown: Vec<Unlooked>,
}
