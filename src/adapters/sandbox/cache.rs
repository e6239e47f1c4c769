//! The two-level blob-descriptor cache: what the daemon believes without looking.
//!
//! One level is shared by all repositories, the other is per repository. Nothing expires, nothing is
//! evicted, and only deleting through the API in one repository forgets anything. This is the cache that
//! garbage collection, another process, leaves stale.
//!
//! | | in the process | Redis |
//! |---|---|---|
//! | a repository's entry | its own | a member of its set; without the global entry it counts for nothing |
//! | the global entry, once there | stays as it is | is written anew each time |
//! | DELETE forgets | the repository's entry | up to 3.0 the global entry alone, since 3.1 all of them |
//! | a restart forgets | everything | nothing |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::digest::Digest;

use super::Flavour;

/// Which cache a daemon has: `storage.cache.blobdescriptor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caching {
    /// None.
    None,
    /// In the daemon's own memory.
    InMemory,
    /// In Redis, or what answers like it: the sandbox keeps the keys itself.
    Redis,
}

/// What the daemon remembers of a blob: under which digest its data lies, and its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CachedDescriptor {
    /// The digest under which the data lies.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// What a daemon remembers in its own memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Entries {
    global: BTreeMap<Digest, CachedDescriptor>,
    scoped: BTreeMap<(Arc<str>, Digest), CachedDescriptor>,
}

/// The keys in Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keys {
    /// `blobs::<digest>`
    pub blobs: BTreeMap<Digest, CachedDescriptor>,
    /// The members of `repository::<name>::blobs`
    pub members: BTreeSet<(Arc<str>, Digest)>,
    /// `repository::<name>::blobs::<digest>`
    pub hashes: BTreeSet<(Arc<str>, Digest)>,
}

/// All that a cache holds, as a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CacheState {
    /// There is no cache.
    Nothing,
    /// In the daemon's memory.
    InMemory(Arc<Entries>),
    /// In Redis.
    Redis(Arc<Keys>),
}

impl CacheState {
    /// Nothing yet.
    #[must_use]
    pub fn new(kind: Caching) -> Self {
        match kind {
            Caching::None => Self::Nothing,
            Caching::InMemory => Self::InMemory(Arc::default()),
            Caching::Redis => Self::Redis(Arc::default()),
        }
    }

    /// What is left of it when the daemon starts anew.
    #[must_use]
    pub fn restarted(&self) -> Self {
        match self {
            Self::InMemory(_) => Self::new(Caching::InMemory),
            Self::Nothing | Self::Redis(_) => self.clone(),
        }
    }
}

/// The cache of a running daemon.
#[derive(Debug)]
pub(super) struct DescriptorCache {
    flavour: Flavour,
    remembered: Mutex<CacheState>,
}

impl DescriptorCache {
    pub(super) fn new(flavour: Flavour, remembered: CacheState) -> Self {
        Self { flavour, remembered: Mutex::new(remembered) }
    }

    /// What it holds now.
    pub(super) fn remembered(&self) -> MutexGuard<'_, CacheState> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn global(&self, digest: &Digest) -> Option<CachedDescriptor> {
        match &*self.remembered() {
            CacheState::Nothing => None,
            CacheState::InMemory(entries) => entries.global.get(digest).copied(),
            CacheState::Redis(keys) => keys.blobs.get(digest).copied(),
        }
    }

    pub(super) fn scoped(&self, repository: &str, digest: &Digest) -> Option<CachedDescriptor> {
        match &*self.remembered() {
            CacheState::Nothing => None,
            CacheState::InMemory(entries) => entries.scoped.get(&(repository.into(), *digest)).copied(),
            CacheState::Redis(keys) => {
                let pair = (repository.into(), *digest);
                let is_known = keys.members.contains(&pair) && keys.hashes.contains(&pair);
                keys.blobs.get(digest).copied().filter(|_| is_known)
            }
        }
    }

    /// Remembers for all repositories.
    pub(super) fn remember_globally(&self, digest: &Digest, descriptor: CachedDescriptor) {
        match &mut *self.remembered() {
            CacheState::Nothing => {}
            CacheState::InMemory(entries) => Arc::make_mut(entries).remember(digest, descriptor),
            CacheState::Redis(keys) => drop(Arc::make_mut(keys).blobs.insert(*digest, descriptor)),
        }
    }

    /// Remembers for one repository, and so for all.
    pub(super) fn remember(&self, repository: &str, digest: &Digest, descriptor: CachedDescriptor) {
        match &mut *self.remembered() {
            CacheState::Nothing => {}
            CacheState::InMemory(entries) => {
                let entries = Arc::make_mut(entries);
                entries.scoped.insert((repository.into(), *digest), descriptor);
                entries.remember(digest, descriptor);
            }
            CacheState::Redis(keys) => Arc::make_mut(keys).remember(repository, digest, descriptor),
        }
    }

    /// Forgets a digest in one repository; whether it was known there. In memory there is no way to forget the
    /// global entry.
    pub(super) fn forget(&self, repository: &str, digest: &Digest) -> bool {
        let pair = (repository.into(), *digest);
        match &mut *self.remembered() {
            CacheState::Nothing => {}
            CacheState::InMemory(entries) => drop(Arc::make_mut(entries).scoped.remove(&pair)),
            CacheState::Redis(keys) if !keys.members.contains(&pair) => return false,
            CacheState::Redis(keys) => {
                let keys = Arc::make_mut(keys);
                keys.blobs.remove(digest);
                if self.flavour >= Flavour::V3 {
                    keys.members.remove(&pair);
                    keys.hashes.remove(&pair);
                }
            }
        }
        true
    }
}

impl Entries {
    /// What is remembered already is never replaced.
    fn remember(&mut self, digest: &Digest, descriptor: CachedDescriptor) {
        if !self.global.contains_key(digest) {
            self.global.insert(*digest, descriptor);
            if digest.algorithm() != descriptor.digest.algorithm() {
                self.global.insert(descriptor.digest, descriptor);
            }
        }
    }
}

impl Keys {
    fn remember(&mut self, repository: &str, digest: &Digest, descriptor: CachedDescriptor) {
        let is_alias = *digest != descriptor.digest;
        if is_alias && digest.algorithm() == descriptor.digest.algorithm() {
            // Refused: a link that names other content is not remembered.
            return;
        }
        let pair: (Arc<str>, Digest) = (repository.into(), *digest);
        self.members.insert(pair.clone());
        self.blobs.insert(*digest, descriptor);
        self.hashes.insert(pair);
        if is_alias {
            self.remember(repository, &descriptor.digest, descriptor);
        }
    }
}
