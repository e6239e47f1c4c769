//! The two-level blob-descriptor cache: what the daemon believes without looking.
//!
//! One level is shared by all repositories, the other is per repository. Nothing expires, nothing is
//! evicted, and only deleting through the API in one repository forgets anything: that repository's
//! entry. This is the cache that garbage collection, another process, leaves stale.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::digest::Digest;

/// What the daemon remembers of a blob: under which digest its data lies, and its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) digest: Digest,
    pub(super) size: u64,
}

#[derive(Debug, Default)]
struct Entries {
    global: HashMap<Digest, Descriptor>,
    scoped: HashMap<(String, Digest), Descriptor>,
}

/// The cache, or none.
#[derive(Debug)]
pub(super) struct Cache(Option<Mutex<Entries>>);

impl Cache {
    pub(super) fn new(enabled: bool) -> Self {
        Self(enabled.then(Mutex::default))
    }

    fn entries(&self) -> Option<MutexGuard<'_, Entries>> {
        self.0.as_ref().map(|entries| entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn global(&self, digest: &Digest) -> Option<Descriptor> {
        self.entries()?.global.get(digest).copied()
    }

    pub(super) fn scoped(&self, repository: &str, digest: &Digest) -> Option<Descriptor> {
        self.entries()?.scoped.get(&(repository.to_owned(), *digest)).copied()
    }

    /// Remembers for all repositories, unless something is remembered already: that is never replaced.
    pub(super) fn remember_globally(&self, digest: &Digest, descriptor: Descriptor) {
        if let Some(mut entries) = self.entries() {
            remember(&mut entries.global, digest, descriptor);
        }
    }

    /// Remembers for one repository, and for all where nothing is remembered yet.
    pub(super) fn remember(&self, repository: &str, digest: &Digest, descriptor: Descriptor) {
        if let Some(mut entries) = self.entries() {
            entries.scoped.insert((repository.to_owned(), *digest), descriptor);
            remember(&mut entries.global, digest, descriptor);
        }
    }

    /// Forgets one repository's entry. There is no way to forget the global one.
    pub(super) fn forget(&self, repository: &str, digest: &Digest) {
        if let Some(mut entries) = self.entries() {
            entries.scoped.remove(&(repository.to_owned(), *digest));
        }
    }
}

fn remember(global: &mut HashMap<Digest, Descriptor>, digest: &Digest, descriptor: Descriptor) {
    if !global.contains_key(digest) {
        global.insert(*digest, descriptor);
        if digest.algorithm() != descriptor.digest.algorithm() {
            global.insert(descriptor.digest, descriptor);
        }
    }
}
