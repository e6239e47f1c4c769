//! The keys under which the daemon keeps its blob-descriptor cache in Redis, and how one looks at them.

use std::fmt;

use super::digest::Digest;
use super::name::RepositoryName;

/// A key of the registry's cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheKey<'a> {
    /// `blobs::<digest>`
    Entry(Digest),
    /// `repository::<name>::blobs`
    Set(&'a str),
    /// `repository::<name>::blobs::<digest>`
    Hash(&'a str, Digest),
}

impl<'a> CacheKey<'a> {
    /// What the key is, if it is one of the registry's.
    #[must_use]
    pub fn parse(key: &'a [u8]) -> Option<Self> {
        let key = str::from_utf8(key).ok()?;
        if let Some(digest) = key.strip_prefix("blobs::") {
            return digest.parse().ok().map(Self::Entry);
        }
        let (name, rest) = key.strip_prefix("repository::")?.split_once("::")?;
        if rest == "blobs" {
            return Some(Self::Set(name));
        }
        rest.strip_prefix("blobs::")?.parse().ok().map(|digest| Self::Hash(name, digest))
    }
}

impl fmt::Display for CacheKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(digest) => write!(f, "blobs::{digest}"),
            Self::Set(name) => write!(f, "repository::{name}::blobs"),
            Self::Hash(name, digest) => write!(f, "repository::{name}::blobs::{digest}"),
        }
    }
}

/// One look into the cache.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// What the global entry says.
    Entry(Digest),
    /// Whether a repository's set has the digest.
    Member(RepositoryName, Digest),
    /// The same of several repositories.
    Members(Digest),
}

impl Lookup {
    /// The content that it is about.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        match self {
            Self::Entry(digest) | Self::Member(_, digest) | Self::Members(digest) => *digest,
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(digest) => write!(f, "HMGET {} digest size", CacheKey::Entry(*digest)),
            Self::Member(name, digest) => write!(f, "SISMEMBER {} {digest}", CacheKey::Set(name.as_str())),
            Self::Members(digest) => write!(f, "SISMEMBER … {digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_what_they_show() {
        let digest = Digest::sha256([7; 32]);
        for key in [CacheKey::Entry(digest), CacheKey::Set("team/app"), CacheKey::Hash("team/app", digest)] {
            assert_eq!(CacheKey::parse(key.to_string().as_bytes()), Some(key));
        }
    }

    #[test]
    fn other_keys_are_not_the_registrys() {
        let foreign: [&[u8]; 7] = [
            b"",
            b"session:1",
            b"blobs::sha256:12",
            b"blobs::",
            b"repository::a",
            b"repository::a::tags",
            b"blobs::\xff",
        ];
        for key in foreign {
            assert_eq!(CacheKey::parse(key), None, "{key:?}");
        }
    }
}
