//! The registry as the engine is handed it: each side of it that can be reached.

use std::sync::Arc;

use super::ports::{Cache, Daemon, Storage, StorageWriter, Uploads};
use crate::domain::report::Target;

/// The sides of a registry; at least one.
#[derive(Clone, Default)]
pub struct Sides {
    /// Storage, where it can be reached.
    pub storage: Option<StorageHandle>,
    /// The daemons on it, each with a cache of its own. The first is the one that is looked at most; the others are its
    /// replicas.
    pub daemons: Vec<Daemon>,
    /// The daemons' cache, where it is in a Redis that can be reached.
    pub cache: Option<Arc<dyn Cache>>,
    /// How a person names it to regfsck: flags and their values, without secrets.
    pub flags: Vec<String>,
}

/// A registry's storage.
#[derive(Clone)]
pub struct StorageHandle {
    /// It, read.
    pub reader: Arc<dyn Storage>,
    /// It, written to: there is none before the run has the right to change the registry.
    pub writer: Option<Arc<dyn StorageWriter>>,
    /// Upload sessions under way.
    pub uploads: Arc<dyn Uploads>,
}

impl Sides {
    /// Storage, to be read.
    #[must_use]
    pub fn storage(&self) -> Option<Arc<dyn Storage>> {
        self.storage.as_ref().map(|storage| Arc::clone(&storage.reader))
    }

    /// Storage, to be written to.
    #[must_use]
    pub fn storage_writer(&self) -> Option<Arc<dyn StorageWriter>> {
        self.storage.as_ref().and_then(|storage| storage.writer.clone())
    }

    /// The daemon that is looked at most.
    #[must_use]
    pub fn daemon(&self) -> Option<&Daemon> {
        self.daemons.first()
    }

    /// The other daemons.
    #[must_use]
    pub fn replicas(&self) -> &[Daemon] {
        self.daemons.split_first().map_or(&[], |(_, replicas)| replicas)
    }

    /// Whether a target is this registry. Which cache it has follows from its configuration, and may have changed.
    #[must_use]
    pub fn is_of(&self, target: &Target) -> bool {
        let is_same_storage = match (&self.storage, &target.storage) {
            (Some(storage), Some(location)) => storage.reader.is_at(location),
            (own, other) => own.is_none() && other.is_none(),
        };
        let own = self.target();
        is_same_storage && own.registry == target.registry && own.replicas == target.replicas
    }

    /// The same in words, for reports and journals.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            storage: self.storage.as_ref().map(|storage| storage.reader.location()),
            registry: self.daemon().map(Daemon::location),
            replicas: self.replicas().iter().map(Daemon::location).collect(),
            cache: self.cache.as_ref().map(|cache| cache.location()),
            flags: self.flags.clone(),
        }
    }
}
