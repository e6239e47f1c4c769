//! A container of docker or podman as a service.

use std::time::Duration;

use async_trait::async_trait;

use super::engine::Engine;
use crate::engine::ports::{Service, ServiceError};

/// A container that its engine restarts.
#[derive(Debug, Clone)]
pub struct DockerContainer {
    engine: Engine,
    name: String,
    timeout: Duration,
}

impl DockerContainer {
    /// The container of that name or id; each call may take so long.
    #[must_use]
    pub const fn new(engine: Engine, name: String, timeout: Duration) -> Self {
        Self { engine, name, timeout }
    }
}

#[async_trait]
impl Service for DockerContainer {
    fn describe(&self) -> String {
        format!("docker:{}", self.name)
    }

    async fn restart(&self) -> Result<(), ServiceError> {
        self.engine.order(&self.name, "restart", self.timeout).await
    }

    async fn start(&self) -> Result<(), ServiceError> {
        self.engine.order(&self.name, "start", self.timeout).await
    }
}
