//! The storage view: what is on the disk or in the bucket, reduced to what the rules need.
//!
//! ```text
//! <root>/docker/registry/v2/
//!   blobs/<alg>/<hh>/<hex>/data                                   StoredBlob
//!   repositories/<name>/_layers/<alg>/<hex>/link                  Repository::layers; without `link`, Repository::traces
//!   repositories/<name>/_manifests/revisions/<alg>/<hex>/link     Repository::revisions; the same
//!   repositories/<name>/_manifests/tags/<tag>/current/link        StoredTag::current
//!   repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>/link
//!   repositories/<name>/_uploads/<uuid>/{data,startedat,hashstates/…}
//! ```
//!
//! Its size is what bounds regfsck's memory: 49 bytes a blob, 33 bytes a link, 48 bytes a trace, and no paths.

mod closed;
mod departures;
mod links;
mod manifests;
mod parts;
mod removals;
mod search;
mod traces;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::domain::layout::Place;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Unlooked;
use search::search;

pub use closed::{Closed, Owner};
pub use departures::{Bereft, Departure, Departures};
pub use links::{Link, Links};
pub use manifests::{ReadManifest, StoredManifests};
pub use parts::{JoinError, ViewPart};
pub use removals::Removal;
pub use traces::{Trace, Traces};

/// All that storage was seen to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StorageView {
    /// Where it is: a path or a URL, for people.
    pub root: String,
    /// When looking at it began.
    pub collected: Timestamp,
    /// When a repository was last made or removed, in seconds since 1970, or later, where that can be told.
    #[serde(default)]
    pub changed: Option<i64>,
    /// Every blob, sorted by digest, each once.
    pub blobs: Vec<StoredBlob>,
    /// Every repository, sorted by name.
    pub repositories: Vec<Repository>,
    /// Each manifest that a revision link or a tag names or an index below one lists, once, however many repositories
    /// hold it.
    /// What could not be read as a manifest says why; what is not stored is not in here.
    pub manifests: StoredManifests,
    /// Upload sessions.
    pub uploads: Vec<StoredUpload>,
    /// Files that the layout does not know.
    pub stray: Vec<StrayFile>,
    /// What the daemon's user may not read, sorted by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Closed>,
    /// What could not be looked at.
    pub unknown: Vec<Unlooked>,
}

impl StorageView {
    /// Nothing yet, of that place and time.
    #[must_use]
    pub const fn empty(root: String, collected: Timestamp) -> Self {
        Self {
            root,
            collected,
            changed: None,
            blobs: Vec::new(),
            repositories: Vec::new(),
            manifests: StoredManifests::new(),
            uploads: Vec::new(),
            stray: Vec::new(),
            closed: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

/// One `data` file. Kept without alignment, because a check holds one for each blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(Rust, packed)]
pub struct StoredBlob {
    /// The digest that its folder names.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size: u64,
    /// The file's modification time, in seconds since 1970.
    pub modified: i64,
}

/// One repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repository {
    /// Its name.
    pub name: RepositoryName,
    /// Its layer links, sorted by digest.
    pub layers: Links,
    /// Its revision links, sorted by digest.
    pub revisions: Links,
    /// Its tags, sorted.
    pub tags: Vec<StoredTag>,
    /// Whether it has a `_layers` folder (what makes a 2.x daemon list it and collect it).
    pub has_layers: bool,
    /// Whether it has a `_manifests` folder (the same for 3.x).
    pub has_manifests: bool,
    /// Whether it has a `_manifests/tags` folder.
    pub has_tags: bool,
    /// The empty folders of links that are gone.
    #[serde(default, skip_serializing_if = "Traces::is_empty")]
    pub traces: Traces,
}

/// What a link file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The digest of its folder, as it should.
    Same,
    /// Another digest: right for a SHA-512 alias, wrong otherwise.
    Other(Box<Digest>),
    /// No digest at all; the start of what it says, printable.
    Invalid(Box<str>),
    /// The folder is there but holds no `link` file.
    Missing,
    /// It could not be read (which [`StorageView::unknown`] says too).
    Unknown,
}

/// A tag's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTag {
    /// The tag.
    pub tag: Tag,
    /// What `current/link` says.
    pub current: TagTarget,
}

/// What a tag's `current/link` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TagTarget {
    /// This digest.
    Digest(Digest),
    /// No digest at all; the start of what it says, printable.
    Invalid(Box<str>),
    /// There is no such file.
    Missing,
    /// It could not be read.
    Unknown,
}

/// An upload session's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredUpload {
    /// The repository it belongs to.
    pub repository: RepositoryName,
    /// Its name: a UUID.
    pub id: String,
    /// When it began, in seconds since 1970: what `startedat` says, else the newest file's time.
    pub started: i64,
    /// The newest modification inside it, in seconds since 1970.
    pub modified: i64,
    /// The bytes it holds.
    pub size: u64,
    /// Whether `startedat` is there; without it the daemon never purges the session.
    pub has_start: bool,
}

/// A file or folder that the layout does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StrayFile {
    /// Where it is.
    #[serde(rename = "path")]
    pub place: Place,
    /// Why it does not belong there, and what that does.
    pub why: String,
}

impl StorageView {
    /// The blob's place in [`StorageView::blobs`].
    #[must_use]
    pub fn position(&self, digest: &Digest) -> Option<usize> {
        search(&self.blobs, digest, |blob| &blob.digest)
    }

    /// The blob of that digest, if it is stored.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> Option<&StoredBlob> {
        self.position(digest).and_then(|at| self.blobs.get(at))
    }

    /// Whether it is no manifest, as far as is known, and the repository has no link to it.
    #[must_use]
    pub fn is_unlinked_layer(&self, name: &RepositoryName, digest: &Digest) -> bool {
        let is_linked = |repository: &Repository| {
            let links = [&repository.layers, &repository.revisions];
            links.iter().any(|links| links.find(digest).is_some_and(|link| *link.target != Target::Missing))
                || repository.traces.revision(digest).is_some()
        };
        !self.manifests.contains_key(digest) && !self.repository(name).is_some_and(is_linked)
    }

    /// The repository of that name.
    #[must_use]
    pub fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        let at = self.repositories.binary_search_by(|repository| repository.name.cmp(name)).ok()?;
        self.repositories.get(at)
    }
}

/// A blob's file as a single look sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobFile {
    /// Bytes.
    pub size: u64,
    /// Modification time, in seconds since 1970.
    pub modified: i64,
}

/// What a content check of one blob saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedBlob {
    /// The digest that its folder names.
    pub digest: Digest,
    /// The digest of its bytes, under the same algorithm.
    pub actual: Digest,
    /// How many bytes were read.
    pub size: u64,
}

/// The result of a content check.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContentView {
    /// How many blobs were hashed.
    pub blobs: u64,
    /// How many bytes were hashed.
    pub bytes: u64,
    /// Those whose bytes are not what their digest says.
    pub wrong: Vec<HashedBlob>,
    /// Those that could not be read to their end.
    pub unknown: Vec<Unlooked>,
}
