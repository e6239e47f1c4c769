//! The registry's HTTP API: asking what it claims, and writing what repair needs.
//!
//! ```text
//! HttpRegistry (probe) ──┐                    ┌─ limiter    how many, how fast, when to stop
//!                        ├─ transport ────────┼─ auth    who we are
//! HttpWriter (write)  ───┘   attempts         └─ fault   why no response came
//! ```
//!
//! Probing sends no conditional header and follows no redirect: what is asked is what this daemon
//! believes, not what a cache or an object store knows.

mod address;
mod auth;
mod belief;
mod connection;
mod digesting;
mod download;
mod fault;
mod fetch;
mod hashing;
mod limiter;
mod listing;
mod probe;
mod reading;
mod tls;
mod transport;
mod upload;
mod wire;
mod write;

pub use address::{Address, AddressError, Scheme};
pub use auth::{Credential, Credentials};
pub use connection::{Connection, Override, OverrideError};
pub use fetch::HttpFetch;
pub use probe::HttpRegistry;
pub use tls::Tls;
pub use write::HttpWriter;

/// Choose the cryptography that TLS uses, once for the process. Building any client does it; `main` calls it first, so
/// that no library can choose another.
pub fn install_crypto() {
    // An error means that it has been chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
