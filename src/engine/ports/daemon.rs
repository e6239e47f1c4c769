//! One running daemon.

use std::sync::Arc;

use super::registry::RegistryReader;
use super::writer::RegistryWriter;

/// A daemon, asked and written to over one client: rate, jobs and the breaker count once for both.
#[derive(Clone)]
pub struct Daemon {
    /// It, asked.
    pub reader: Arc<dyn RegistryReader>,
    /// It, written to.
    pub writer: Arc<dyn RegistryWriter>,
}

impl Daemon {
    /// What tells it from other replicas: its URL, without secrets, and its address where several have that URL.
    #[must_use]
    pub fn location(&self) -> String {
        self.reader.location()
    }
}
