//! What looking at one thing said: there, not there, or we could not look.

mod thing;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::counted::counted;
use super::digest::Digest;
use super::layout;
use super::name::RepositoryName;
use super::start::Unsettled;

pub use self::thing::{Pull, PullOf, Request, Thing};

/// The answer to one look at one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It is there, and this is it.
    Present(T),
    /// We looked, and it is not there.
    Absent,
    /// We could not look, and this is why. Never to be taken for absent.
    Unknown(Reason),
}

impl<T> Observed<T> {
    /// The thing, where it was seen.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
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

/// Why a thing could not be looked at, and the words for it.
#[derive(Debug, Clone, PartialEq, Eq, Error, Deserialize)]
#[serde(from = "String")]
pub enum Reason {
    /// A symbolic link.
    #[error(
        "it is a symbolic link, and those below the storage root are not followed (--follow-symlinks reads them)"
    )]
    Symlink,
    /// Whoever runs this may not look at it.
    #[error("permission denied")]
    Forbidden,
    /// A name that no session has.
    #[error("it is no upload session's name")]
    NoSession,
    /// A path that leaves storage.
    #[error("it is no path below the storage root")]
    OutsideStorage,
    /// Only parts of a snapshot are at hand, and they do not show it.
    #[error("the parts of a snapshot do not tell; give --storage with the storage itself, too")]
    OnlyParts,
    /// The cache was not given.
    #[error("Redis is not at hand")]
    NoCache,
    /// The registry does not tell its repositories.
    #[error("there is no catalog; name the repositories with --repo")]
    NoCatalog,
    /// More pairs were handed in than are asked about.
    #[error("{asked} of {pairs} pairs were asked about; hand in fewer, as REPOSITORY@DIGEST")]
    TooManySuspects {
        /// About how many.
        asked: usize,
        /// How many there are.
        pairs: usize,
    },
    /// More links would have to be read one by one than that many requests are allowed for.
    #[error(
        "the bucket tells no MD5 sums of {} there: they would have to be read one by one, and --max-requests allows {allowed}; \
         give more",
        counted(*.unread, "link")
    )]
    TooManyRequests {
        /// How many links were not read.
        unread: u64,
        /// How many were allowed to be.
        allowed: u64,
    },
    /// The repositories that had it are gone, and nothing tells which they were.
    #[error(
        "no repository that is left has {}, and the daemon may claim such where they were; a restart makes sure",
        counted(*.blobs, "known blob")
    )]
    NoRepository {
        /// How many blobs.
        blobs: u64,
    },
    /// A repository is gone, and nothing tells its name.
    #[error(
        "a repository was removed from {}, last at {last:.0}, and nothing tells its name: the daemon may claim there still what it held, and a push there skips that; a restart makes sure",
        around(*.folders, .example)
    )]
    Departed {
        /// From how many folders.
        folders: usize,
        /// The path of one of these below `repositories/`; empty for that itself.
        example: Box<str>,
        /// When that last happened.
        last: Timestamp,
    },
    /// A repository is gone that had it before those that have it now.
    #[error(
        "a repository that is gone had {} before any that is left, and the daemon may claim such there still; a restart makes sure",
        counted(*.blobs, "blob")
    )]
    Bereft {
        /// How many blobs.
        blobs: u64,
    },
    /// The manifests that held it are gone, and nothing tells which they were.
    #[error(
        "gone from {}: {} that no known manifest held; the daemon may remember those that did, and swallow a push of them; a restart makes sure",
        among(*.repositories, .example),
        counted(*.blobs, "blob")
    )]
    NoName {
        /// How many blobs.
        blobs: u64,
        /// Of how many repositories.
        repositories: usize,
        /// One of these.
        example: Box<RepositoryName>,
    },
    /// Something went that nothing names.
    #[error(
        "something was removed from {places} of the 256 folders of blobs, last at {last:.0}, and nothing tells what it was: the daemon may remember it, and swallow a push of it; a restart makes sure"
    )]
    Removed {
        /// From how many.
        places: usize,
        /// When that last happened.
        last: Timestamp,
    },
    /// Whatever went before is not known: storage keeps no trace of it.
    #[error(
        "a bucket keeps no trace of what garbage collection took, and nothing tells what was there before the daemon started: it may remember what is gone, and swallow a push of it; a restart makes sure, after which a check knows"
    )]
    NoTraces,
    /// A pull-through cache without a look at its storage.
    #[error(
        "it is a pull-through cache, which fetches what it is asked for: only its storage can be checked (--storage)"
    )]
    AsksRemote,
    /// Nothing tells whether the daemon reads what the configuration says.
    #[error(
        "`validation` in the configuration allows that on 3.x and does nothing on 2.x, and nothing tells which the daemon is; give --registry URL, or --sparse-indexes if it is 3.x"
    )]
    MayBeOf2,
    /// What a pull-through cache remembers cannot be asked: it would fetch.
    #[error(
        "{blobs} blobs that it fetched are gone, and whether it remembers them cannot be asked: it would fetch them ({start}); a restart makes sure"
    )]
    Fetches {
        /// How many blobs.
        blobs: u64,
        /// What is known of its start.
        start: Box<str>,
    },
    /// Nothing tells when it went.
    #[error("this kind of storage does not tell when something went")]
    NoTimes,
    /// What the daemon believes is not known.
    #[error("{0}")]
    Unsettled(Box<Unsettled>),
    /// What came in a pull hashes to this instead.
    #[error("it came as {0}")]
    WrongBytes(Box<Digest>),
    /// Somebody ended the run.
    #[error("interrupted before everything was looked at")]
    Interrupted,
    /// A line of a journal that cannot be read.
    #[error("this line is no record: {0}")]
    NoRecord(Box<str>),
    /// What the system, the daemon or Redis said, in its words.
    #[error("{0}")]
    Said(Box<str>),
}

/// So many repositories, in words.
fn among(repositories: usize, example: &RepositoryName) -> String {
    match repositories {
        0 | 1 => example.to_string(),
        more => format!("{more} repositories, such as {example},"),
    }
}

/// So many folders of repositories, in words.
fn around(folders: usize, example: &str) -> String {
    let slash = if example.is_empty() { "" } else { "/" };
    let example = format!("`{}{slash}{example}`", layout::REPOSITORIES);
    match folders {
        0 | 1 => example,
        more => format!("{more} folders, such as {example},"),
    }
}

impl From<String> for Reason {
    fn from(said: String) -> Self {
        Self::Said(said.into())
    }
}

impl From<&str> for Reason {
    fn from(said: &str) -> Self {
        Self::Said(said.into())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    #[cfg_attr(test, schemars(with = "String"))]
    pub asked: Thing,
    /// The answer, in a few words.
    pub said: String,
    /// When it was asked.
    #[cfg_attr(test, schemars(with = "super::schema::Time"))]
    pub at: Timestamp,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unlooked {
    /// The thing: a path or a URL.
    #[cfg_attr(test, schemars(with = "String"))]
    pub what: Thing,
    /// Why not.
    #[cfg_attr(test, schemars(with = "String"))]
    pub why: Reason,
}

impl Unlooked {
    /// That thing, for that reason.
    #[must_use]
    pub fn new(what: impl Into<Thing>, why: impl Into<Reason>) -> Self {
        Self { what: what.into(), why: why.into() }
    }

    /// Put them in the order of their words, each once.
    pub fn sort(all: &mut Vec<Self>) {
        all.sort_by_cached_key(|unlooked| (unlooked.what.to_string(), unlooked.why.to_string()));
        all.dedup();
    }
}
