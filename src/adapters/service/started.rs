//! When what a spec names was started.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::engine::Engine;
use super::managed::Managed;
use super::process::registry_start;
use super::spec::RestartSpec;
use crate::domain::start::{Start, Witness};
use crate::engine::ports::ServiceError;

/// By how much the clocks of a cluster's nodes may be off.
const CLUSTER: SignedDuration = SignedDuration::from_secs(5);

/// When the daemon in what a spec names started; of several the oldest. Each question may take so long.
///
/// # Errors
/// Why that is not known, in words.
pub async fn started(spec: &RestartSpec, timeout: Duration) -> Result<Start, String> {
    let managed = Managed::new(spec.clone(), timeout);
    match spec {
        RestartSpec::Systemd { unit } => {
            let pid = managed.main_process().await.map_err(|error| error.to_string())?;
            let at = registry_start(pid)?;
            Ok(Start { at, witness: Witness::Unit { unit: unit.clone(), pid } })
        }
        RestartSpec::Docker { container } => containers(vec![container.clone()]).await,
        RestartSpec::Compose { .. } => {
            containers(managed.containers().await.map_err(|error| error.to_string())?).await
        }
        RestartSpec::Kubernetes { .. } => {
            let starts = managed.pod_starts().await.map_err(|error| error.to_string())?;
            let oldest = starts.into_iter().min().ok_or_else(|| format!("no pod of `{spec}` runs"))?;
            let at = oldest.checked_sub(CLUSTER).map_err(|error| error.to_string())?;
            Ok(Start { at, witness: Witness::Pods(spec.to_string()) })
        }
        RestartSpec::Exec { .. } => Err(format!("`{spec}` does not tell")),
    }
}

/// The oldest of these containers.
async fn containers(names: Vec<String>) -> Result<Start, String> {
    let told = |error: ServiceError| error.to_string();
    let engine = Engine::find(|name| std::env::var_os(name)).map_err(told)?;
    let mut oldest: Option<Start> = None;
    for name in names {
        let container = engine.inspect(&name).await.map_err(told)?;
        let at: Option<Timestamp> = container.started.filter(|_| container.running);
        let at = at.ok_or_else(|| format!("container `{name}` does not run"))?;
        if oldest.as_ref().is_none_or(|oldest| at < oldest.at) {
            oldest = Some(Start { at, witness: Witness::Container(name) });
        }
    }
    oldest.ok_or_else(|| "there is no such container".to_owned())
}
