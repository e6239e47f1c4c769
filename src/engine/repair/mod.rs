//! The repair: survey what bytes are at hand, plan, make sure that it is the right registry, carry the
//! plan out, and prove the result.
//!
//! ```text
//! findings ─survey─► materials ─plan─► Plan ─consent─► Approved ─preflight─ execute─► outcomes ─prove─► proof
//! ```

mod claim;
mod execute;
mod payload;
mod preflight;
mod prove;
mod restarting;
mod step;
mod survey;
mod upload;

use std::sync::Arc;
use std::time::Duration;

pub use execute::execute;
pub use preflight::{Refused, preflight, still_fits};
pub use prove::{Proven, prove};
pub use restarting::restart_now;
pub use survey::survey;

use super::ports::{
    Cache, Daemon, Events, Journal, Pusher, RegistryReader, Service, Storage, StorageWriter, Supply, Uploads,
};

/// What a repair works with. What is missing here rules out the steps that need it.
#[derive(Clone)]
pub struct Tools {
    /// Storage, read.
    pub storage: Option<Arc<dyn Storage>>,
    /// Storage, written.
    pub storage_writer: Option<Arc<dyn StorageWriter>>,
    /// Upload sessions under way.
    pub uploads: Option<Arc<dyn Uploads>>,
    /// The daemon.
    pub daemon: Option<Daemon>,
    /// Other replicas of it: daemons on the same storage, each with a cache of its own.
    pub replicas: Vec<Daemon>,
    /// The daemon's cache in Redis.
    pub cache: Option<Arc<dyn Cache>>,
    /// Where bytes come from.
    pub supply: Arc<dyn Supply>,
    /// The local engine that pushes what it has.
    pub pusher: Option<Arc<dyn Pusher>>,
    /// What restarts the daemons, in the order in which they go.
    pub services: Vec<Restartable>,
    /// What is written down before it is done.
    pub journal: Arc<dyn Journal>,
    /// Who wants to know what happens.
    pub events: Arc<dyn Events>,
    /// How many steps of a stage at once.
    pub jobs: usize,
    /// How a restart is waited for.
    pub patience: Patience,
}

/// A service that can be restarted, and the daemons that it runs.
#[derive(Clone)]
pub struct Restartable {
    /// What names it.
    pub spec: String,
    /// It.
    pub service: Arc<dyn Service>,
    /// Whose answers are waited for.
    pub daemons: Vec<Arc<dyn RegistryReader>>,
}

impl Tools {
    /// Every daemon, the first one first.
    fn daemons(&self) -> Vec<&Daemon> {
        self.daemon.iter().chain(&self.replicas).collect()
    }
}

/// How long a restart waits, for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Uploads must have been quiet for so long before a restart; none is no waiting.
    pub quiet: Duration,
    /// The longest wait for that.
    pub drain: Duration,
    /// The longest wait for the daemon to answer again.
    pub restart: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(2),
            drain: Duration::from_secs(300),
            restart: Duration::from_secs(120),
        }
    }
}

/// Run what blocks where blocking is allowed; a panic in there goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
