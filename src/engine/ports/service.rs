//! What runs the registry's daemon.

use async_trait::async_trait;
use thiserror::Error;

/// Whatever started the daemon and can start it again: a service manager, a container engine, a command.
#[async_trait]
pub trait Service: Send + Sync {
    /// The service as the user named it: `systemd:docker-registry`.
    fn describe(&self) -> String;

    /// Restart it, and come back when its manager says that it runs.
    async fn restart(&self) -> Result<(), ServiceError>;

    /// Start it if it does not run; do nothing if it does.
    async fn start(&self) -> Result<(), ServiceError>;

    /// Stop it.
    async fn stop(&self) -> Result<(), ServiceError>;
}

/// Why a service could not be managed.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ServiceError {
    /// What was tried, on what, and what came of it.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}
