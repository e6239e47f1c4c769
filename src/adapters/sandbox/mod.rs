//! A small embedded registry: distribution's storage layout, its API, its two-level in-memory
//! descriptor cache and its garbage collector, in a 2.x and a 3.x flavour.
//!
//! ```text
//! HTTP ─ server ─ routes ─┬─ blobs ───┐
//!                         ├─ manifests ├─ store ─┬─ cache    what the daemon believes
//!                         ├─ uploads ──┤         └─ layout   what storage has
//!                         └─ listings ─┘
//!                         collector ─────────────── layout   "another process": sees no cache
//! ```
//!
//! `regfsck demo` runs on it, and so do tests that need faults which no real daemon makes on demand.
//! It answers as 2.8.x and as 3.0/3.1 do; a scenario suite holds it against real daemons. Not there:
//! authentication, TLS, redirects, pull-through, the conversion of Docker manifests for old clients,
//! and the eviction of cache entries.

mod blobs;
mod cache;
pub mod client;
pub mod faults;
mod gc;
pub mod image;
mod layout;
mod listings;
mod manifests;
mod reply;
mod routes;
mod server;
mod store;
mod uploads;

pub use faults::{Access, Fault, Faults};
pub use gc::{GcLog, garbage_collect};
pub use server::{Options, Sandbox};

/// Which registry the sandbox behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Flavour {
    /// distribution 2.8: manifests are cached globally, at the first look.
    V2,
    /// distribution 3.0 and 3.1: manifests share the repository's cache, from the push on.
    V3,
}
