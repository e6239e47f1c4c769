//! The registry's HTTP API: one client a daemon, and on it, side by side, reading and writing.
//!
//! ```text
//! reader: listing, manifests, probe, download ─┐            ┌ limiter, retries, breaker
//!                                              ├─► client ──┼ tokens
//! writer: upload, manifests, claims ───────────┘            └ TLS, proxies, addresses
//! ```

mod address;
mod client;
mod connect;
mod connection;
mod credential;
mod reader;
mod tls;
mod writer;

pub use address::{Address, AddressError, Scheme};
pub use client::UnusableSettings;
pub use connect::{connect, daemon};
pub use connection::{Connection, Override, OverrideError};
pub use credential::{Credential, Credentials};
pub use tls::Tls;

pub(super) use client::{Client, Incoming, NoAnswer, Opened, Reply, Request};
pub(super) use reader::{fetch_manifest, said, tags as list_tags};

/// Choose the cryptography that TLS uses, once for the process. Building any client does it; `main` calls it first, so
/// that no library can choose another.
pub fn install_crypto() {
    // An error means that it has been chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
