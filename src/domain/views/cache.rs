//! The cache view: what Redis holds of the daemon's blob-descriptor cache, reduced to what the rules need.
//!
//! ```text
//! blobs::<digest>                      hash  digest, size, mediatype   CacheView::entries
//! repository::<name>::blobs            set   of digests                CachedPair::member
//! repository::<name>::blobs::<digest>  hash  mediatype                 CachedPair::hash
//! ```
//!
//! The names are the same from distribution 2.7.1 to 3.1.1, without a prefix and without expiry. The daemon
//! answers for (repository, digest) when the digest is a member and the global hash has `digest` and `size`;
//! without the global hash nothing is claimed in any repository.
//!
//! Its size is what bounds regfsck's memory: 56 bytes an entry, 48 bytes a pair, and no keys.

mod gather;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::gather::CacheCollector;
use crate::domain::cache_key::CacheKey;
use crate::domain::coverage::CacheCoverage;
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Unlooked;

/// One global entry: the hash `blobs::<digest>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedBlob {
    /// The digest that the key names.
    pub digest: Digest,
    /// Its `size` field, in bytes; 0 where it is not complete.
    pub size: u64,
    /// Whether `digest` and `size` are there and readable: the daemon ignores an entry without them.
    pub complete: bool,
}

/// What the cache holds of one digest in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedPair {
    /// The digest.
    pub digest: Digest,
    /// The repository's place in [`CacheView::repositories`].
    pub repository: u32,
    /// Whether the digest is a member of `repository::<name>::blobs`.
    pub member: bool,
    /// Whether `repository::<name>::blobs::<digest>` is there.
    pub hash: bool,
}

/// Keys that are not the registry's, or are not what the registry writes under that name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKeys {
    /// How many.
    pub count: u64,
    /// The first of them, printable.
    pub examples: Vec<String>,
}

/// Another database of the same Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheDatabase {
    /// Its number.
    pub number: u32,
    /// How many keys it holds.
    pub keys: u64,
    /// Whether keys of a registry were among those looked at.
    pub registry: bool,
}

/// All that the cache was seen to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheView {
    /// Where it is, without its password.
    pub location: String,
    /// When looking at it began.
    pub collected: Timestamp,
    /// Every global entry, sorted by digest.
    pub entries: Vec<CachedBlob>,
    /// Entries whose `digest` field names another digest than their key: aliases of other algorithms.
    pub aliases: BTreeMap<Digest, Digest>,
    /// The repositories that [`CachedPair::repository`] counts.
    pub repositories: Vec<RepositoryName>,
    /// Every (digest, repository), sorted by digest, each once.
    pub pairs: Vec<CachedPair>,
    /// What is not the registry's.
    pub foreign: ForeignKeys,
    /// The other databases of the same Redis that hold keys.
    pub others: Vec<CacheDatabase>,
    /// What could not be looked at.
    pub unknown: Vec<Unlooked>,
}

impl CacheView {
    /// The global entry of that digest.
    #[must_use]
    pub fn entry(&self, digest: &Digest) -> Option<&CachedBlob> {
        let at = self.entries.binary_search_by(|entry| entry.digest.cmp(digest)).ok()?;
        self.entries.get(at)
    }

    /// The digest under which the data of a cached digest lies.
    #[must_use]
    pub fn data(&self, digest: &Digest) -> Digest {
        self.aliases.get(digest).copied().unwrap_or(*digest)
    }

    /// What repositories hold of that digest.
    #[must_use]
    pub fn pairs_of(&self, digest: &Digest) -> &[CachedPair] {
        let start = self.pairs.partition_point(|pair| pair.digest < *digest);
        let length = self.pairs.iter().skip(start).take_while(|pair| pair.digest == *digest).count();
        self.pairs.get(start..start + length).unwrap_or_default()
    }

    /// The repository of a pair.
    #[must_use]
    pub fn repository(&self, pair: &CachedPair) -> Option<&RepositoryName> {
        self.repositories.get(usize::try_from(pair.repository).ok()?)
    }

    /// Whether it holds anything of a registry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.pairs.is_empty()
    }

    /// Everything that the cache holds of a digest: what a purge of it deletes.
    #[must_use]
    pub fn keys_of(&self, digest: &Digest) -> StaleKeys {
        let pairs = self.pairs_of(digest).iter();
        StaleKeys {
            digest: *digest,
            entry: self.entry(digest).is_some(),
            repositories: pairs.filter_map(|pair| self.repository(pair).cloned()).collect(),
        }
    }

    /// What was looked at, in numbers.
    #[must_use]
    pub fn coverage(&self) -> CacheCoverage {
        let mut has_set = vec![false; self.repositories.len()];
        let members = self.pairs.iter().filter(|pair| pair.member);
        for pair in members.clone() {
            if let Some(seen) = usize::try_from(pair.repository).ok().and_then(|at| has_set.get_mut(at)) {
                *seen = true;
            }
        }
        let hashes = self.pairs.iter().filter(|pair| pair.hash).count();
        let sets = has_set.iter().filter(|seen| **seen).count();
        CacheCoverage {
            keys: (self.entries.len() + hashes + sets) as u64 + self.foreign.count,
            entries: self.entries.len() as u64,
            members: members.count() as u64,
        }
    }
}

/// What is to be deleted for one digest: the keys of these forms, where they exist, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StaleKeys {
    /// The digest that the keys are about.
    pub digest: Digest,
    /// Whether the global entry goes; else only the memberships.
    #[serde(default = "yes")]
    pub entry: bool,
    /// The repositories that have keys of it: the member goes from the set, and the hash with it.
    pub repositories: Vec<RepositoryName>,
}

const fn yes() -> bool {
    true
}

impl StaleKeys {
    /// What the cache holds of one digest in one repository only; the global entry stays.
    #[must_use]
    pub fn membership(repository: RepositoryName, digest: Digest) -> Self {
        Self { digest, entry: false, repositories: vec![repository] }
    }

    /// The keys. The global entry first: without it nothing is claimed any more, whatever happens to the rest.
    pub fn keys(&self) -> impl Iterator<Item = CacheKey<'_>> {
        let entry = self.entry.then_some(CacheKey::Entry(self.digest));
        let names = self.repositories.iter().map(RepositoryName::as_str);
        let pairs = names.flat_map(|name| [CacheKey::Set(name), CacheKey::Hash(name, self.digest)]);
        entry.into_iter().chain(pairs)
    }
}

/// What the cache holds of one digest in one repository, as a single look sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Whether the digest is a member of the repository's set.
    pub member: bool,
    /// Whether the repository hash is there.
    pub hash: bool,
}

/// What the cache's server says of itself; what it would not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheInfo {
    /// Its version.
    pub version: Option<String>,
    /// `standalone` or `cluster`.
    pub mode: Option<String>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// `maxmemory-policy`: what it evicts when it is full.
    pub eviction: Option<String>,
    /// `maxmemory` in bytes; 0 is without limit.
    pub maxmemory: Option<u64>,
    /// The databases that hold keys, the one in use among them.
    pub databases: Vec<CacheDatabase>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    #[test]
    fn what_comes_apart_or_twice_is_one() {
        let mut collector = CacheCollector::default();
        let repository = collector.repository("a/b").expect("a name");
        for _ in 0..2 {
            collector.hash(repository, digest(1));
            collector.entry(digest(1), Some(digest(1)), Some(5));
            collector.member(repository, digest(1));
        }
        collector.foreign(b"x\n");
        let view = collector.finish(String::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(view.pairs, [CachedPair { digest: digest(1), repository, member: true, hash: true }]);
        assert_eq!(view.entries, [CachedBlob { digest: digest(1), size: 5, complete: true }]);
        assert_eq!(view.foreign.examples, ["x\\n"]);
        assert_eq!(view.coverage(), CacheCoverage { keys: 4, entries: 1, members: 1 });
    }

    #[test]
    fn a_purge_takes_every_form() {
        let mut collector = CacheCollector::default();
        let numbers: Vec<u32> =
            ["a", "b", "c"].iter().filter_map(|name| collector.repository(name)).collect();
        collector.entry(digest(1), Some(digest(1)), Some(5));
        collector.member(numbers[0], digest(1));
        collector.hash(numbers[1], digest(1));
        collector.member(numbers[2], digest(2));
        let stale = collector.finish(String::new(), Timestamp::UNIX_EPOCH).keys_of(&digest(1));
        let repositories = vec!["a".parse().expect("a name"), "b".parse().expect("a name")];
        assert_eq!(stale, StaleKeys { digest: digest(1), entry: true, repositories });
    }
}
