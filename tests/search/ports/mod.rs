//! The engine's ports over a registry in memory: a check or a repair of it touches no disk and no network.

mod cache;
mod daemon;
mod journal;
mod storage;
mod supply;
pub mod traces;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use regfsck::adapters::sandbox::{CacheState, Caching, Embedded, Flavour, SandboxState, Tree};

pub use journal::Notebook;
pub use storage::{data, link_path};
pub use supply::Mirror;

use crate::support::raw::{Answer, Raw};

/// A registry in memory, as every side of it is looked at.
#[derive(Debug, Clone)]
pub struct Ports {
    pub flavour: Flavour,
    pub cache: Caching,
    pub registry: Arc<Embedded>,
    raw: Raw,
    requests: Arc<AtomicU64>,
    quarantine: Arc<Mutex<Tree>>,
}

impl Ports {
    pub fn new(flavour: Flavour, state: SandboxState) -> Self {
        let cache = match &state.cache {
            CacheState::Nothing => Caching::None,
            CacheState::InMemory(_) => Caching::InMemory,
            CacheState::Redis(_) => Caching::Redis,
        };
        let registry = Arc::new(Embedded::new(flavour, state));
        let raw = Raw::embedded(Arc::clone(&registry));
        Self { flavour, cache, registry, raw, requests: Arc::default(), quarantine: Arc::default() }
    }

    pub const fn raw(&self) -> &Raw {
        &self.raw
    }

    /// One request, counted.
    fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.raw.send(method, target, headers, body)
    }
}
