//! The HTTP client, against a real daemon and against one that misbehaves.

mod auth;
mod faults;
mod hostile;
mod real;
mod tls;
mod weather;

use regfsck::adapters::registry::{Address, Connection, daemon};
use regfsck::domain::digest::Digest;
use regfsck::domain::name::{RepositoryName, Tag};
use regfsck::engine::ports::{Daemon, RegistryReader, RegistryWriter};
use sha2::Digest as _;
use std::sync::Arc;
use std::time::Duration;

/// Settings that do not wait long.
pub(crate) fn connection(url: &str) -> Connection {
    let mut connection = Connection::new(Address::parse(url, false).unwrap());
    connection.timeout = Duration::from_secs(5);
    connection
}

fn client(settings: &Connection) -> Daemon {
    daemon(settings).unwrap()
}

fn registry(url: &str) -> Arc<dyn RegistryReader> {
    client(&connection(url)).reader
}

fn writer(url: &str) -> Arc<dyn RegistryWriter> {
    client(&connection(url)).writer
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

/// Bytes that look like nothing in particular.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}
