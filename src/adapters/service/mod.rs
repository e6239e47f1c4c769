//! What can restart the daemon, by the spec that names it.
//!
//! | spec | restart | start |
//! |---|---|---|
//! | `systemd:UNIT` | `systemctl --no-ask-password restart UNIT` | `… start UNIT` |
//! | `docker:CONTAINER` | POST `/containers/CONTAINER/restart` on the engine's socket | POST `…/start` |
//! | `compose:[FILE:]SERVICE` | `docker compose [-f FILE] restart SERVICE` | `… start SERVICE` |
//! | `kubernetes:[NAMESPACE/]KIND/NAME` | `kubectl [-n NAMESPACE] rollout restart KIND/NAME`, then `rollout status` | `rollout status` |
//! | `exec:COMMAND` | `sh -c COMMAND` | the same |

mod command;
mod container;
mod docker;
mod engine;
mod managed;
mod process;
mod pusher;
mod spec;
mod started;

pub use container::{ConfigFile, Container, Environment, Mount, Port};
pub use docker::DockerContainer;
pub use engine::Engine;
pub use managed::Managed;
pub use process::registry_start;
pub use pusher::EnginePusher;
pub use spec::{RestartSpec, RestartSpecError, Workload};
pub use started::started;

use std::sync::Arc;
use std::time::Duration;

use crate::engine::ports::{Service, ServiceError};

/// The service that a spec names. Each of its calls may take so long.
///
/// # Errors
/// When the container engine's socket cannot be found; the others fail when they are used.
pub fn connect(spec: &RestartSpec, timeout: Duration) -> Result<Arc<dyn Service>, ServiceError> {
    match spec {
        RestartSpec::Docker { container } => {
            let engine = Engine::find(|name| std::env::var_os(name))?;
            Ok(Arc::new(DockerContainer::new(engine, container.clone(), timeout)))
        }
        RestartSpec::Systemd { .. }
        | RestartSpec::Compose { .. }
        | RestartSpec::Kubernetes { .. }
        | RestartSpec::Exec { .. } => Ok(Arc::new(Managed::new(spec.clone(), timeout))),
    }
}
