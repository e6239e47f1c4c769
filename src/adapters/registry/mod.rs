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
pub use connection::{Connection, Override, OverrideError, PlainStore, PlainStoreError};
pub use credential::{Credential, Credentials};
pub use tls::Tls;

#[cfg(any(test, fuzzing))]
pub(crate) use address::shown;
#[cfg(any(test, fuzzing))]
pub(crate) use client::{errors, realm};
#[cfg(any(test, fuzzing))]
pub(crate) use reader::{next_page, page_names};

pub(super) use client::{Client, HttpReply, HttpRequest, Incoming, NoAnswer, Opened};
pub(super) use reader::{fetch_manifest, said};
