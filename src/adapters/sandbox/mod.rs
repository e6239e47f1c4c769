//! A small embedded registry: distribution's storage layout, its API, its two-level in-memory
//! descriptor cache and its garbage collector, as 2.x, 3.0, 3.1 and what comes after it have them.
//!
//! ```text
//! HTTP ── server ─┬─ routes ─┬─ blobs ────┐
//! calls ─ memory ─┘          ├─ manifests ├─ store ─┬─ cache            what the daemon believes
//!                            ├─ uploads ──┤         └─ layout ── files  what storage has: a folder, or a tree
//!                            └─ listings ─┘            │                in memory
//!                            gc ───────────────────────┘                "another process": sees no cache
//! ```
//!
//! `regfsck demo` runs on it, and so do tests that need faults which no real daemon makes on demand, and the
//! search for false verdicts, for which a registry is a value: cloned, hashed, and asked by function calls.
//! A scenario suite holds it against real daemons. Not there: authentication, TLS, redirects, pull-through, the conversion of Docker manifests for old clients,
//! and the eviction of cache entries.

mod blobs;
mod cache;
pub mod client;
pub mod faults;
mod files;
mod gc;
pub mod image;
mod layout;
mod listings;
mod manifests;
mod memory;
mod reply;
mod routes;
mod server;
mod store;
mod tree;
mod uploads;

pub use cache::{CacheState, CachedDescriptor, Caching, Entries, Keys};
pub use faults::{Access, Fault, Faults};
pub use gc::{GcLog, garbage_collect};
pub use memory::{Embedded, PlainAnswer, SandboxState};
pub use server::{Options, Sandbox};
pub use tree::{Tree, TreeEntry};

/// Which registry the sandbox behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Flavour {
    /// distribution 2.8: manifests are cached globally, at the first look.
    V2,
    /// distribution 3.0: manifests share the repository's cache, from the push on.
    #[value(skip)]
    V3_0,
    /// distribution 3.1: with Redis, a DELETE forgets the repository's entry, too.
    V3,
    /// What comes after 3.1: a pushed manifest is written whatever the cache claims.
    #[value(skip)]
    Head,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::V2, Self::V3_0, Self::V3, Self::Head];

    /// Whether it is 3.0 or later.
    #[must_use]
    pub fn is_3(self) -> bool {
        self >= Self::V3_0
    }
}
