//! Making the view of keys as they come.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{CacheView, CachedBlob, CachedPair, ForeignKeys};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;

/// Gathers a [`CacheView`] from keys that come in any order, some of them twice.
#[derive(Debug, Default)]
pub struct CacheCollector {
    entries: Vec<CachedBlob>,
    aliases: BTreeMap<Digest, Digest>,
    repositories: Vec<RepositoryName>,
    numbers: HashMap<Box<str>, u32>,
    pairs: Vec<CachedPair>,
    merged: usize,
    foreign: ForeignKeys,
}

impl CacheCollector {
    /// Merging waits for this many new pairs.
    const BATCH: usize = 1 << 16;
    /// So many foreign keys are named.
    const EXAMPLES: usize = 5;

    /// Take note of a global entry, with its `digest` and `size` fields as far as they are readable.
    pub fn entry(&mut self, digest: Digest, field: Option<Digest>, size: Option<u64>) {
        let complete = field.is_some() && size.is_some();
        self.entries.push(CachedBlob { digest, size: size.unwrap_or_default(), complete });
        if let Some(other) = field.filter(|other| *other != digest) {
            self.aliases.insert(digest, other);
        }
    }

    /// The number of the repository of that name, if it is a name.
    pub fn repository(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.repositories.len()).ok()?;
        self.repositories.push(name.parse().ok()?);
        self.numbers.insert(name.into(), number);
        Some(number)
    }

    /// Take note of a set's member.
    pub fn member(&mut self, repository: u32, digest: Digest) {
        self.pair(CachedPair { digest, repository, member: true, hash: false });
    }

    /// Take note of a repository hash.
    pub fn hash(&mut self, repository: u32, digest: Digest) {
        self.pair(CachedPair { digest, repository, member: false, hash: true });
    }

    /// Take note of a key that is not the registry's.
    pub fn foreign(&mut self, key: &[u8]) {
        self.foreign.count += 1;
        if self.foreign.examples.len() < Self::EXAMPLES {
            let shown: String = String::from_utf8_lossy(key).chars().take(80).collect();
            self.foreign.examples.push(shown.escape_debug().to_string());
        }
    }

    /// Members and hashes of the same pair come apart; merging them early halves the memory.
    fn pair(&mut self, pair: CachedPair) {
        self.pairs.push(pair);
        if self.pairs.len() >= self.merged + self.merged / 2 + Self::BATCH {
            self.merge();
        }
    }

    fn merge(&mut self) {
        self.pairs.sort_unstable_by_key(|pair| (pair.digest, pair.repository));
        self.pairs.dedup_by(|later, kept| {
            let same = (later.digest, later.repository) == (kept.digest, kept.repository);
            if same {
                kept.member |= later.member;
                kept.hash |= later.hash;
            }
            same
        });
        self.merged = self.pairs.len();
    }

    /// The view of all that was noted.
    #[must_use]
    pub fn finish(mut self, location: String, collected: Timestamp) -> CacheView {
        self.merge();
        // Of an entry that SCAN returned twice the last look counts least: any complete one will do.
        self.entries.sort_unstable_by_key(|entry| (entry.digest, !entry.complete));
        self.entries.dedup_by_key(|entry| entry.digest);
        CacheView {
            location,
            collected,
            entries: self.entries,
            aliases: self.aliases,
            repositories: self.repositories,
            pairs: self.pairs,
            foreign: self.foreign,
            others: Vec::new(),
            unknown: Vec::new(),
        }
    }
}
