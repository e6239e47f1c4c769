//! The repair: survey what bytes are at hand, plan, make sure that it is the right registry, carry the
//! plan out, and prove the result.
//!
//! ```text
//! findings ─survey─► materials ─plan─► Plan ─consent─► Approved ─preflight─ execute─► outcomes ─prove─► proof
//! ```

mod claim;
mod execute;
mod journaled;
mod payload;
mod preflight;
mod prove;
mod read_back;
mod restarting;
mod returned;
mod sessions;
mod step;
mod survey;
mod tag_history;
mod upload;

use std::sync::Arc;
use std::time::Duration;

pub use execute::execute;
pub use preflight::{Refused, preflight, still_fits};
pub use prove::{Proven, prove};
pub use read_back::ReadBack;
pub use survey::survey;
pub use tag_history::tag_histories;

use super::ports::{Events, Journal, Pusher, RegistryReader, Service, Supply};
use super::sides::Sides;

/// A repair under way. What its sides and resources lack rules out the steps that need it.
#[derive(Clone)]
pub struct Repair {
    /// The registry.
    pub sides: Sides,
    /// What there is to repair it with.
    pub resources: Resources,
    /// What is written down before it is done.
    pub journal: Arc<dyn Journal>,
    /// Who wants to know what happens.
    pub events: Arc<dyn Events>,
    /// What was read back whole from the first daemon after it was uploaded.
    pub read_back: ReadBack,
}

/// What a repair has beside the registry itself.
#[derive(Clone)]
pub struct Resources {
    /// Where bytes come from.
    pub supply: Arc<dyn Supply>,
    /// The local engine that pushes what it has.
    pub pusher: Option<Arc<dyn Pusher>>,
    /// What restarts the daemons, in the order in which they go.
    pub services: Vec<Restartable>,
    /// How a restart is waited for.
    pub patience: Patience,
    /// How many steps of a stage at once; at least one.
    pub jobs: usize,
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
