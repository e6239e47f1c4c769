//! What runs the registry's daemon.

use std::collections::BTreeSet;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::name::Image;

/// Whatever started the daemon and can start it again: a service manager, a container engine, a command.
#[async_trait]
pub trait Service: Send + Sync {
    /// The service as the user named it: `systemd:docker-registry`.
    fn describe(&self) -> String;

    /// Restart it, and come back when its manager says that it runs.
    async fn restart(&self) -> Result<(), ServiceError>;

    /// Start it if it does not run; do nothing if it does.
    async fn start(&self) -> Result<(), ServiceError>;
}

/// A local container engine that can push what it has to the registry.
#[async_trait]
pub trait Pusher: Send + Sync {
    /// The images that it has under the registry's own name.
    ///
    /// # Errors
    /// When it cannot be asked.
    async fn images(&self) -> Result<BTreeSet<Image>, ServiceError>;

    /// Push an image as `docker push` does; what came of it, in words.
    ///
    /// # Errors
    /// When it has no such image, or the push failed.
    async fn push(&self, image: &Image) -> Result<String, ServiceError>;
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
