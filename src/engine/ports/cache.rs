//! The daemon's blob-descriptor cache in Redis.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::Events;
use crate::domain::digest::Digest;
use crate::domain::journal::DeletedKey;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Observed;
use crate::domain::views::cache::{CacheInfo, CacheView, CachedBlob, Membership, StaleKeys};

/// The daemon's blob-descriptor cache in Redis. Only [`Cache::purge`] writes.
#[async_trait]
pub trait Cache: Send + Sync {
    /// Its URL, without its password.
    fn location(&self) -> String;

    /// Read all of it, without blocking its other users: SCAN on every node that owns keys.
    ///
    /// Collect it before storage: then whatever a push adds meanwhile is in storage's view, not only here.
    ///
    /// # Errors
    /// When it cannot be read to its end. There is no half a view: what SCAN has not returned is unknown.
    async fn collect(&self, events: &dyn Events) -> Result<CacheView, CacheError>;

    /// Look at one global entry.
    async fn entry(&self, digest: &Digest) -> Observed<CachedBlob>;

    /// Look at what one repository holds of one digest; absent if neither a member nor a hash.
    async fn membership(&self, repository: &RepositoryName, digest: &Digest) -> Observed<Membership>;

    /// What is there of stale keys, so that it can be written down before it goes.
    ///
    /// # Errors
    /// When one of them cannot be read, or is of a type that the registry does not write there.
    async fn held(&self, stale: &StaleKeys) -> Result<Vec<DeletedKey>, CacheError>;

    /// Delete exactly these keys, in one transaction (in a cluster: one for each slot); how many were still there.
    ///
    /// Deleting an entry that a push has just written again does no harm: the daemon asks storage then.
    ///
    /// # Errors
    /// When the server refuses or goes away; on a single server nothing is deleted then, unless its answer
    /// to the transaction was lost. In a cluster slots before the failing one may be done; a rerun does the rest.
    async fn purge(&self, keys: &[DeletedKey]) -> Result<usize, CacheError>;

    /// What the server says of itself.
    ///
    /// # Errors
    /// When it cannot be asked, at all.
    async fn info(&self) -> Result<CacheInfo, CacheError>;
}

/// Why the cache cannot be read, or not be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CacheError {
    /// Nobody answers there.
    #[error("reach Redis at `{location}`: {why}")]
    Unreachable {
        /// Where, without the password.
        location: String,
        /// What the operating system or the server said.
        why: String,
    },
    /// Somebody answers who is not Redis.
    #[error("talk to Redis at `{location}`: {why}")]
    NotRedis {
        /// Where.
        location: String,
        /// What it answered.
        why: String,
    },
    /// The TLS handshake failed.
    #[error("agree on TLS with Redis at `{location}`: {why}")]
    Tls {
        /// Where.
        location: String,
        /// Why.
        why: String,
    },
    /// It wants another password, or one at all.
    #[error("log in to Redis at `{location}`: {why}")]
    Unauthenticated {
        /// Where.
        location: String,
        /// What it said.
        why: String,
    },
    /// The user may not do this.
    #[error("{doing} in Redis at `{location}`: {why}")]
    Forbidden {
        /// Where.
        location: String,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        why: String,
    },
    /// There is no database of that number.
    #[error("use database {database} of Redis at `{location}`: {why}")]
    NoSuchDatabase {
        /// Where.
        location: String,
        /// The number.
        database: u32,
        /// What it said.
        why: String,
    },
    /// It did not answer in time.
    #[error("{doing} in Redis at `{location}`: no answer in {} s", .waited.as_secs_f32())]
    TimedOut {
        /// Where.
        location: String,
        /// What was tried.
        doing: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection was lost in the middle.
    #[error("{doing} in Redis at `{location}`: the connection was lost after {keys} keys: {why}")]
    Interrupted {
        /// Where.
        location: String,
        /// What was under way.
        doing: &'static str,
        /// How many keys were read by then.
        keys: u64,
        /// What the operating system said.
        why: String,
    },
    /// It is a replica, which takes no writes.
    #[error("{doing} in Redis at `{location}`: it is a read-only replica")]
    ReadOnly {
        /// Where.
        location: String,
        /// What was tried.
        doing: &'static str,
    },
    /// The sentinels know no master of that name.
    #[error("find the master `{master}` at `{location}`: {why}")]
    NoMaster {
        /// Where the sentinels are.
        location: String,
        /// Its name.
        master: String,
        /// What each of them said.
        why: String,
    },
    /// A key of the registry's form holds something else; it is left alone.
    #[error("purge `{key}` in Redis at `{location}`: it holds a {found} where the registry keeps a {wanted}")]
    WrongType {
        /// Where.
        location: String,
        /// The key.
        key: String,
        /// Its type.
        found: String,
        /// The type that the registry writes.
        wanted: &'static str,
    },
    /// The settings cannot work.
    #[error("use the Redis settings: {0}")]
    Settings(String),
    /// Anything else that it answered.
    #[error("{doing} in Redis at `{location}`: {why}")]
    Failed {
        /// Where.
        location: String,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        why: String,
    },
}

impl CacheError {
    /// What to do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "check that Redis runs, and host, port and firewall; the registry itself works without its cache"
            }
            Self::NotRedis { .. } => "check host and port; a port that speaks TLS needs `rediss://`",
            Self::Tls { .. } => {
                "give the CA (or the server's own certificate), or use `redis://` for a port without TLS"
            }
            Self::Unauthenticated { .. } => "use the user and password of the registry's own `redis` section",
            Self::Forbidden { .. } => {
                "the user needs SCAN, HMGET, HGETALL, SSCAN, SISMEMBER, HEXISTS and TYPE to check, and MULTI, EXEC, DEL and SREM to purge"
            }
            Self::NoSuchDatabase { .. } => "use the `db` of the registry's own `redis` section",
            Self::Interrupted { .. } => "run it again: half a look proves nothing, and nothing was deleted",
            Self::ReadOnly { .. } => "name the master, or the sentinels that know it",
            Self::NoMaster { .. } => "check the master's name (`SENTINEL masters` lists them)",
            Self::WrongType { .. } => "look at the key: another program seems to use this database",
            Self::Settings(_) => "see `regfsck check --help` for the forms of the URL",
            Self::Failed { .. } => "look at the server's log",
        }
    }
}
