//! The start of what a restart spec names.

use std::time::Duration;

use async_trait::async_trait;

use super::StartWitness;
use crate::adapters::service::{RestartSpec, started};
use crate::domain::start::Start;

/// How long its manager may take to tell.
const ASKING: Duration = Duration::from_secs(20);

/// The manager of a service.
#[derive(Debug, Clone)]
pub struct OfService(pub RestartSpec);

#[async_trait]
impl StartWitness for OfService {
    async fn start(&self) -> Result<Start, String> {
        started(&self.0, ASKING).await
    }
}
