//! Where distribution keeps what: a place of the storage tree to its path below the storage root, and back.
//!
//! ```text
//! <rootdirectory>/docker/registry/v2/                                       ROOT
//!   blobs/<alg>/<hh>/<hex>/data                                             Data
//!   repositories/<name>/_layers/<alg>/<hex>/link                            Link, Layer
//!   repositories/<name>/_manifests/revisions/<alg>/<hex>/link               Link, Revision
//!   repositories/<name>/_manifests/revisions/<alg>/<hex>/signatures/<alg>/<hex>/link   Signature
//!   repositories/<name>/_manifests/tags/<tag>/current/link                  Link, Tag
//!   repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>/link        Entry
//!   repositories/<name>/_uploads/<id>/{data,startedat,hashstates/<alg>/<n>} Upload
//! ```
//!
//! Nothing else spells such a path or reads one back. The names are public for those who walk the tree folder by
//! folder, and so build no paths.

mod read;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::{Algorithm, Digest};
use super::name::{RepositoryName, Tag};

/// The storage root, below the `rootdirectory` of the driver.
pub const ROOT: &str = "docker/registry/v2";
/// The file beside `docker` that a run of regfsck locks.
pub const LOCK: &str = "regfsck.lock";
/// The folder of all blobs.
pub const BLOBS: &str = "blobs";
/// The folder of all repositories.
pub const REPOSITORIES: &str = "repositories";
/// A repository's links to configs and layers.
pub const LAYERS: &str = "_layers";
/// A repository's manifests and tags.
pub const MANIFESTS: &str = "_manifests";
/// A repository's upload sessions.
pub const UPLOADS: &str = "_uploads";
/// The links to manifests, in [`MANIFESTS`].
pub const REVISIONS: &str = "revisions";
/// The tags, in [`MANIFESTS`].
pub const TAGS: &str = "tags";
/// What a tag names, in its folder.
pub const CURRENT: &str = "current";
/// What a tag named before, in its folder.
pub const INDEX: &str = "index";
/// Where the signatures of schema 1 manifests were kept, in the folder of a revision.
pub const SIGNATURES: &str = "signatures";
/// The file with a blob's or an upload's bytes.
pub const DATA: &str = "data";
/// The file with a digest in it.
pub const LINK: &str = "link";
/// The file with the time at which an upload began.
pub const STARTED_AT: &str = "startedat";
/// The states of an upload's hash, in the folder of its session.
pub const HASH_STATES: &str = "hashstates";

/// The ways from a folder at or above [`ROOT`] down to it, the longest first; the root itself is not among them.
pub fn levels() -> impl Iterator<Item = &'static str> {
    std::iter::successors(Some(ROOT), |path| path.split_once('/').map(|(_, below)| below))
}

/// A place below the storage root.
///
/// Any text is the path of exactly one place, and a place shows as the very text that it was read from. Places are
/// ordered as their paths are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Place {
    /// The bytes of a blob.
    Data(Digest),
    /// A link.
    Link(RepositoryName, LinkPlace),
    /// An entry in the history of a tag.
    Entry(RepositoryName, Tag, Digest),
    /// A signature of the first, a manifest of schema 1.
    Signature(RepositoryName, Digest, Digest),
    /// An upload session of that name, or a part of it.
    Upload(RepositoryName, Box<str>, Option<UploadPart>),
    /// A folder for one of these.
    Folder(FolderPlace),
    /// Nothing that the layout knows.
    Other(Unknown),
}

/// Which link file is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LinkPlace {
    /// `_layers/<alg>/<hex>/link`
    Layer(Digest),
    /// `_manifests/revisions/<alg>/<hex>/link`
    Revision(Digest),
    /// `_manifests/tags/<tag>/current/link`
    Tag(Tag),
}

/// A part of an upload session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadPart {
    /// What has come so far.
    Data,
    /// When it began.
    StartedAt,
    /// The folder of the hash's states.
    HashStates,
    /// The state of the hash after so many bytes.
    HashState(Algorithm, u64),
}

/// A folder that the layout knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FolderPlace {
    /// That of all blobs.
    Blobs,
    /// That of all repositories.
    Repositories,
    /// That of a blob's data.
    Blob(Digest),
    /// A repository's own, which is not told from a folder on the way to one.
    Repository(RepositoryName),
    /// A part of a repository.
    Part(RepositoryName, Part),
    /// That of a tag.
    Tag(RepositoryName, Tag),
    /// That of a link.
    Link(RepositoryName, LinkPlace),
    /// That of an entry in the history of a tag.
    Entry(RepositoryName, Tag, Digest),
}

/// A part of a repository, by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `_layers`
    Layers,
    /// `_manifests`
    Manifests,
    /// `_manifests/revisions`
    Revisions,
    /// `_manifests/tags`
    Tags,
    /// `_uploads`
    Uploads,
}

/// A path that the layout does not know: only reading one makes it, so that it is no other place's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unknown(Box<str>);

impl Place {
    /// What lies in it under that name.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        format!("{self}/{name}").into()
    }

    /// Whether it is the other place, or lies anywhere in it.
    #[must_use]
    pub fn is_within(&self, folder: &Self) -> bool {
        let (path, folder) = (self.to_string(), folder.to_string());
        let rest = path.strip_prefix(&folder);
        folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it is a `data` among the blobs that no digest names: if it is a file, garbage collection gives up.
    #[must_use]
    pub fn is_nameless_data(&self) -> bool {
        let Self::Other(Unknown(path)) = self else { return false };
        let mut names = path.split('/');
        names.next() == Some(BLOBS) && names.next_back() == Some(DATA)
    }

    /// The repository that it belongs to.
    #[must_use]
    pub const fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Link(name, _)
            | Self::Entry(name, ..)
            | Self::Signature(name, ..)
            | Self::Upload(name, ..)
            | Self::Folder(
                FolderPlace::Repository(name)
                | FolderPlace::Part(name, _)
                | FolderPlace::Tag(name, _)
                | FolderPlace::Link(name, _)
                | FolderPlace::Entry(name, ..),
            ) => Some(name),
            Self::Data(_)
            | Self::Folder(FolderPlace::Blobs | FolderPlace::Repositories | FolderPlace::Blob(_))
            | Self::Other(_) => None,
        }
    }

    /// The content that it is named after.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::Data(digest)
            | Self::Entry(.., digest)
            | Self::Signature(_, digest, _)
            | Self::Link(_, LinkPlace::Layer(digest) | LinkPlace::Revision(digest))
            | Self::Folder(
                FolderPlace::Blob(digest)
                | FolderPlace::Entry(.., digest)
                | FolderPlace::Link(_, LinkPlace::Layer(digest) | LinkPlace::Revision(digest)),
            ) => Some(*digest),
            Self::Link(_, LinkPlace::Tag(_)) | Self::Upload(..) | Self::Folder(_) | Self::Other(_) => None,
        }
    }
}

/// A digest as the folders that it is named by.
struct Named<'a>(&'a Digest);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.algorithm().as_str(), self.0.hex())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(digest) => write!(f, "{}/{DATA}", FolderPlace::Blob(*digest)),
            Self::Link(name, place) => write!(f, "{REPOSITORIES}/{name}/{place}/{LINK}"),
            Self::Entry(name, tag, digest) => {
                write!(f, "{REPOSITORIES}/{name}/{}/{tag}/{INDEX}/{}/{LINK}", Part::Tags, Named(digest))
            }
            Self::Signature(name, digest, signature) => {
                let revision = LinkPlace::Revision(*digest);
                write!(f, "{REPOSITORIES}/{name}/{revision}/{SIGNATURES}/{}/{LINK}", Named(signature))
            }
            Self::Upload(name, id, None) => write!(f, "{REPOSITORIES}/{name}/{UPLOADS}/{id}"),
            Self::Upload(name, id, Some(part)) => write!(f, "{REPOSITORIES}/{name}/{UPLOADS}/{id}/{part}"),
            Self::Folder(folder) => folder.fmt(f),
            Self::Other(Unknown(path)) => f.write_str(path),
        }
    }
}

/// The path of its folder below that of the repository.
impl fmt::Display for LinkPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer(digest) => write!(f, "{LAYERS}/{}", Named(digest)),
            Self::Revision(digest) => write!(f, "{}/{}", Part::Revisions, Named(digest)),
            Self::Tag(tag) => write!(f, "{}/{tag}/{CURRENT}", Part::Tags),
        }
    }
}

impl fmt::Display for UploadPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str(DATA),
            Self::StartedAt => f.write_str(STARTED_AT),
            Self::HashStates => f.write_str(HASH_STATES),
            Self::HashState(algorithm, at) => write!(f, "{HASH_STATES}/{}/{at}", algorithm.as_str()),
        }
    }
}

impl fmt::Display for FolderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blobs => f.write_str(BLOBS),
            Self::Repositories => f.write_str(REPOSITORIES),
            Self::Blob(digest) => {
                let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
                write!(f, "{BLOBS}/{algorithm}/{}/{hex}", hex.get(..2).unwrap_or_default())
            }
            Self::Repository(name) => write!(f, "{REPOSITORIES}/{name}"),
            Self::Part(name, part) => write!(f, "{REPOSITORIES}/{name}/{part}"),
            Self::Tag(name, tag) => write!(f, "{REPOSITORIES}/{name}/{}/{tag}", Part::Tags),
            Self::Link(name, place) => write!(f, "{REPOSITORIES}/{name}/{place}"),
            Self::Entry(name, tag, digest) => {
                write!(f, "{REPOSITORIES}/{name}/{}/{tag}/{INDEX}/{}", Part::Tags, Named(digest))
            }
        }
    }
}

/// Its path below the folder of the repository.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layers => f.write_str(LAYERS),
            Self::Manifests => f.write_str(MANIFESTS),
            Self::Revisions => write!(f, "{MANIFESTS}/{REVISIONS}"),
            Self::Tags => write!(f, "{MANIFESTS}/{TAGS}"),
            Self::Uploads => f.write_str(UPLOADS),
        }
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        read::place(path).unwrap_or_else(|| Self::Other(Unknown(path.into())))
    }
}

impl From<String> for Place {
    fn from(path: String) -> Self {
        read::place(&path).unwrap_or_else(|| Self::Other(Unknown(path.into())))
    }
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Ok(path.into())
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Other(one), Self::Other(other)) => one.0.cmp(&other.0),
            (one, other) if one == other => Ordering::Equal,
            (one, other) => one.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
