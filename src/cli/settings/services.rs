//! Which services are restarted for which daemons.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::container::service_error;
use super::target::Target;
use crate::adapters::service::{RestartSpec, connect};
use crate::engine::ports::RegistryReader;
use crate::engine::repair::Restartable;

/// Make sure that there is a spec for each daemon, or one for all.
///
/// # Errors
/// When there are more, or fewer.
pub(in crate::cli) fn count(given: &[RestartSpec], target: &Target) -> Result<()> {
    let daemons: Vec<String> = daemons(target).iter().map(|daemon| daemon.location()).collect();
    let wanted = daemons.len().max(1);
    if given.len() < 2 || given.len() == wanted {
        return Ok(());
    }
    let (given, whose) = (given.len(), daemons.join(", "));
    if wanted == 1 {
        bail!("--restart was given {given} times, and there is one daemon to restart; give it once");
    }
    bail!(
        "--restart was given {given} times, and {wanted} are wanted: one for each of {whose}, in this order; \
         or one that restarts them all"
    )
}

/// What restarts the daemons: what was said, else what follows from where the daemon runs.
pub(in crate::cli) fn restarts<'a>(given: &'a [RestartSpec], target: &'a Target) -> Vec<&'a RestartSpec> {
    if given.is_empty() { target.restart.iter().collect() } else { given.iter().collect() }
}

/// The services, each once, with the daemons that it runs.
///
/// # Errors
/// When one cannot be reached at all.
pub(in crate::cli) fn connected(
    given: &[RestartSpec],
    target: &Target,
    timeout: Duration,
) -> Result<Vec<Restartable>> {
    let (specs, daemons) = (restarts(given, target), daemons(target));
    let mut services: Vec<Restartable> = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        let own =
            if specs.len() == 1 { daemons.clone() } else { daemons.get(at).cloned().into_iter().collect() };
        let text = spec.to_string();
        if let Some(known) = services.iter_mut().find(|known| known.spec == text) {
            known.daemons.extend(own);
            continue;
        }
        let service = connect(spec, timeout).map_err(|error| service_error(&error).context("--restart"))?;
        services.push(Restartable { spec: text, service, daemons: own });
    }
    Ok(services)
}

fn daemons(target: &Target) -> Vec<Arc<dyn RegistryReader>> {
    let daemons = target.sides.daemons.iter();
    daemons.map(|daemon| Arc::clone(&daemon.reader)).collect()
}
