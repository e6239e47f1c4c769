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
    /// It, asked though the run is stopped: for the end of what was begun.
    #[must_use]
    pub fn to_the_end(&self) -> Arc<dyn RegistryReader> {
        self.reader.to_the_end().unwrap_or_else(|| Arc::clone(&self.reader))
    }

    /// What tells it from other replicas: its URL, without secrets, and its address where several have that URL.
    #[must_use]
    pub fn location(&self) -> String {
        self.reader.location()
    }
}
