//! What can be asked about, or fail to be looked at.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::cache_key::Lookup;
use crate::domain::digest::Digest;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{Image, Reference, RepositoryName};

/// Something that can be asked about. In JSON it is its words, of which nothing is read back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub enum Thing {
    /// A place, told below the storage root.
    Place(Box<Place>),
    /// A place, told with the storage root that it is below.
    Stored(Arc<str>, Box<Place>),
    /// The links of a repository to some content.
    Links(Box<(RepositoryName, Digest)>),
    /// What the daemon believes of a manifest that a repository had.
    Belief(Box<(RepositoryName, Digest)>),
    /// A request to the daemon.
    Request(Box<Request>),
    /// A look into the cache.
    Cached(Box<Lookup>),
    /// A whole side: storage, a daemon or a cache, by its path or URL.
    Side(Box<str>),
    /// A pull for the proof.
    Pull(Box<Pull>),
    /// A step of a repair, in its words.
    Step(Box<str>),
    /// A file of our own, and the line of it that is meant.
    File(Box<PathBuf>, Option<u64>),
    /// Pairs handed in.
    Suspects,
    /// Manifests that are gone and that nothing names.
    Nameless,
    /// Repositories that are gone and that nothing names.
    Departed,
    /// Whether indexes may lack manifests.
    Sparse,
    /// Whatever was not looked at yet.
    Rest,
    /// What somebody else wrote.
    Other(Box<str>),
}

impl Thing {
    /// A whole side, by its path or URL.
    #[must_use]
    pub fn side(location: String) -> Self {
        Self::Side(location.into())
    }

    /// The same, told with the storage root that it is below.
    #[must_use]
    pub fn below(self, root: &Arc<str>) -> Self {
        if let Self::Place(place) = self { Self::Stored(Arc::clone(root), place) } else { self }
    }

    /// The same, at one of several replicas.
    #[must_use]
    pub fn at(self, replica: &str) -> Self {
        match self {
            Self::Request(request) => {
                let shown = format!("{request} at {replica}").into();
                Request { shown, ..*request }.into()
            }
            Self::Side(location) => Self::Side(format!("{location} at {replica}").into()),
            Self::Pull(pull) => Self::Pull(Pull { replica: Some(replica.into()), ..*pull }.into()),
            other @ (Self::Place(_)
            | Self::Stored(..)
            | Self::Links(_)
            | Self::Belief(_)
            | Self::Cached(_)
            | Self::Step(_)
            | Self::File(..)
            | Self::Suspects
            | Self::Nameless
            | Self::Departed
            | Self::Sparse
            | Self::Rest
            | Self::Other(_)) => other,
        }
    }

    /// The content that was asked about by its digest.
    #[must_use]
    pub fn content(&self) -> Option<Digest> {
        match self {
            Self::Place(place) | Self::Stored(_, place) => match &**place {
                Place::Data(digest)
                | Place::Link(_, LinkPlace::Layer(digest) | LinkPlace::Revision(digest)) => Some(*digest),
                Place::Link(_, LinkPlace::Tag(_))
                | Place::Entry(..)
                | Place::Signature(..)
                | Place::Upload(..)
                | Place::Folder(_)
                | Place::Other(_) => None,
            },
            Self::Links(link) | Self::Belief(link) => Some(link.1),
            Self::Request(request) => request.content,
            Self::Cached(lookup) => Some(lookup.digest()),
            Self::Pull(pull) => match &pull.what {
                PullOf::Blob(_, digest)
                | PullOf::Image(Image { reference: Reference::Digest(digest), .. }) => Some(*digest),
                PullOf::Image(Image { reference: Reference::Tag(_), .. }) => None,
            },
            Self::Side(_)
            | Self::Step(_)
            | Self::File(..)
            | Self::Suspects
            | Self::Nameless
            | Self::Departed
            | Self::Sparse
            | Self::Rest
            | Self::Other(_) => None,
        }
    }

    /// Whether who could not look at the other thing could not look at this one.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self.place(), other.place()) {
            (Some(place), Some(other)) => place.is_within(other),
            _ => self == other,
        }
    }

    /// The place in storage that it is.
    const fn place(&self) -> Option<&Place> {
        match self {
            Self::Place(place) | Self::Stored(_, place) => Some(place),
            Self::Links(_)
            | Self::Belief(_)
            | Self::Request(_)
            | Self::Cached(_)
            | Self::Side(_)
            | Self::Pull(_)
            | Self::Step(_)
            | Self::File(..)
            | Self::Suspects
            | Self::Nameless
            | Self::Departed
            | Self::Sparse
            | Self::Rest
            | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => place.fmt(f),
            Self::Stored(root, place) => write!(f, "{root}/{place}"),
            Self::Links(link) => write!(f, "links of {} in repositories/{}", link.1, link.0),
            Self::Belief(belief) => {
                write!(f, "what the daemon believes of manifest {} in {}", belief.1, belief.0)
            }
            Self::Request(request) => request.fmt(f),
            Self::Cached(lookup) => lookup.fmt(f),
            Self::Pull(pull) => pull.fmt(f),
            Self::File(path, None) => path.display().fmt(f),
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::Suspects => f.write_str("suspects"),
            Self::Nameless => f.write_str("manifests that nothing names any more"),
            Self::Departed => f.write_str("repositories that nothing names any more"),
            Self::Sparse => f.write_str("indexes without some of their manifests"),
            Self::Rest => f.write_str("the rest"),
            Self::Side(words) | Self::Step(words) | Self::Other(words) => f.write_str(words),
        }
    }
}

impl Serialize for Thing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<String> for Thing {
    fn from(words: String) -> Self {
        Self::Other(words.into())
    }
}

impl From<Place> for Thing {
    fn from(place: Place) -> Self {
        Self::Place(place.into())
    }
}

impl From<Lookup> for Thing {
    fn from(lookup: Lookup) -> Self {
        Self::Cached(lookup.into())
    }
}

impl From<Request> for Thing {
    fn from(request: Request) -> Self {
        Self::Request(request.into())
    }
}

/// A request to the daemon as it is shown, secrets removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// Method and URL; then what else matters, such as `Range: bytes=0-0`.
    pub shown: Box<str>,
    /// The content that it asks about.
    pub content: Option<Digest>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A pull for the proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pull {
    /// What is pulled.
    pub what: PullOf,
    /// From which replica, where there are several.
    pub replica: Option<Box<str>>,
}

/// What is pulled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PullOf {
    /// The manifests of an image.
    Image(Image),
    /// A blob.
    Blob(RepositoryName, Digest),
}

impl fmt::Display for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            PullOf::Image(image) => write!(f, "pull of {image}")?,
            PullOf::Blob(name, digest) => write!(f, "pull of blob {digest} from {name}")?,
        }
        self.replica.iter().try_for_each(|replica| write!(f, " at {replica}"))
    }
}

impl From<PullOf> for Thing {
    fn from(what: PullOf) -> Self {
        Self::Pull(Pull { what, replica: None }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_looked_at_hides_what_lies_in_it() {
        let at = |path: &str| Thing::from(Place::from(path));
        let unseen = |path: &str| Thing::Stored("/root".into(), Box::new(path.into()));
        let data = format!("blobs/sha256/ab/{}/data", "ab".repeat(32));
        for folder in ["", "blobs", "blobs/sha256/ab", &data] {
            assert!(at(&data).is_within(&unseen(folder)), "{folder}");
        }
        for other in ["blobs/sha256/a", "blobs/sha256/cd", "repositories"] {
            assert!(!at(&data).is_within(&unseen(other)), "{other}");
        }
        assert!(!at(&data).is_within(&Thing::side("blobs".into())));
    }

    #[test]
    fn what_lies_in_storage_is_known_by_its_content() {
        let digest = Digest::sha256([2; 32]);
        let place = Thing::from(Place::Data(digest));
        assert_eq!(place.content(), Some(digest));
        assert_eq!(place.below(&"/root".into()).content(), Some(digest));
        let pulled = Image::untagged("a".parse().unwrap(), digest);
        assert_eq!(Thing::from(PullOf::Image(pulled)).content(), Some(digest));
    }

    #[test]
    fn a_request_at_a_replica_is_still_about_its_content() {
        let digest = Digest::sha256([1; 32]);
        let request = Thing::from(Request { shown: "HEAD http://r/x".into(), content: Some(digest) });
        let at = request.at("10.0.0.1");
        assert_eq!((at.to_string(), at.content()), ("HEAD http://r/x at 10.0.0.1".into(), Some(digest)));
    }
}
