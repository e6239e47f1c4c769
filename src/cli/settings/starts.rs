//! Who may tell when the daemons started.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::services;
use super::target::Target;
use crate::adapters::service::RestartSpec;
use crate::adapters::starts::{JournalWitness, Listener, Metrics, OfService, StartWitness, Witnesses};
use crate::domain::start::{Start, Witness};

/// The witnesses of each daemon, those who see it before those who only say so.
pub(in crate::cli) fn witnesses(
    target: &Target,
    given: &[RestartSpec],
    state: Option<&Path>,
    started: Option<Timestamp>,
) -> Witnesses {
    let specs = services::restarts(given, target);
    let said = started.map(|at| Start { at, witness: Witness::Said });
    let daemons = target.connections.iter().zip(&target.sides.daemons).enumerate();
    let witnesses = daemons.map(|(at, (connection, daemon))| {
        let mut own: Vec<Arc<dyn StartWitness>> = vec![Arc::new(Listener(connection.clone()))];
        if let Some(spec) = specs.get(at).or_else(|| specs.first()) {
            own.push(Arc::new(OfService((*spec).clone())));
        }
        // A configuration is that of one daemon.
        if let (Some(url), 1) = (&target.metrics, target.connections.len()) {
            own.push(Arc::new(Metrics(url.clone())));
        }
        if let Some(folder) = state.map(Path::to_owned) {
            own.push(Arc::new(JournalWitness { folder, daemon: daemon.location() }));
        }
        own.extend(said.clone().map(|said| Arc::new(said) as Arc<dyn StartWitness>));
        own
    });
    Witnesses(witnesses.collect())
}
