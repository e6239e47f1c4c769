//! Safety rule 6 before any write: the daemon and the storage must be of the same registry.
//!
//! An upload session that is started over the API must appear under the storage root. It is cancelled
//! at once. A registry that takes no uploads, because it is read-only or a pull-through cache, says so here.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Repair, sessions};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Observed;
use crate::domain::plan::{Plan, Step, StepAction};
use crate::domain::rules::Condition;
use crate::engine::blocking::blocking;
use crate::engine::check::observe;
use crate::engine::ports::{Daemon, RequestError};

/// Why a plan is not carried out.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Make sure that the plan may be carried out, here and now.
///
/// # Errors
/// When it may not; nothing was changed.
pub async fn preflight(repair: &Repair, plan: &Plan) -> Result<(), Refused> {
    obstacles(repair)?;
    let needs_writer = |action: &StepAction| action.repository().is_some();
    let Some(name) = plan
        .steps
        .iter()
        .map(|step| &step.action)
        .filter(|action| needs_writer(action))
        .find_map(StepAction::repository)
    else {
        return Ok(());
    };
    if repair.sides.daemons.is_empty() {
        return Err(Refused(
            "the plan writes to the registry, and none was given; use --registry URL".into(),
        ));
    }
    let daemons = &repair.sides.daemons;
    for daemon in daemons {
        handshake(repair, daemon, name).await.map_err(|Refused(why)| match daemons.as_slice() {
            [_] => Refused(why),
            _ => Refused(format!(
                "{}: {why}; a replica that is no part of it must be left out",
                daemon.location()
            )),
        })?;
    }
    Ok(())
}

/// Locks and the like that storage itself shows.
fn obstacles(repair: &Repair) -> Result<(), Refused> {
    let obstacles = repair.sides.storage_writer().map(|writer| writer.obstacles()).unwrap_or_default();
    if obstacles.is_empty() { Ok(()) } else { Err(Refused(obstacles.join("; "))) }
}

/// Make sure that a saved plan still fits: whoever agreed to it saw what it was made for.
///
/// # Errors
/// When storage has changed since, or cannot be looked at.
pub async fn still_fits(repair: &Repair, plan: &Plan) -> Result<(), Refused> {
    let Some(storage) = repair.sides.storage() else { return Ok(()) };
    let set_aside: BTreeSet<_> = plan.steps.iter().filter_map(sets_aside).collect();
    // What the plan itself brings about is not so yet.
    let comes = |condition: &Condition| set_aside.iter().any(|it| *condition == Condition::DataAbsent(*it));
    let conditions = plan.steps.iter().flat_map(|step| &step.preconditions);
    let conditions: Vec<_> = conditions.filter(|condition| !comes(condition)).cloned().collect();
    let broken = blocking(move || {
        conditions.iter().find_map(|condition| match observe(&*storage, condition) {
            (_, Observed::Present(_)) => None,
            (what, Observed::Absent) => Some(format!("`{what}` has changed since the plan was made")),
            (what, Observed::Unknown(why)) => Some(format!("`{what}` cannot be looked at: {why}")),
        })
    });
    match broken.await {
        None => Ok(()),
        Some(why) => {
            Err(Refused(format!("the plan does not fit any more: {why}; make a new one with check --plan")))
        }
    }
}

/// What a step moves away for good, until it is fetched again.
const fn sets_aside(step: &Step) -> Option<Digest> {
    if let StepAction::SetAside { digest } = &step.action { Some(*digest) } else { None }
}

async fn handshake(repair: &Repair, daemon: &Daemon, name: &RepositoryName) -> Result<(), Refused> {
    let session = daemon.writer.start_upload(name).await.map_err(|error| no_upload(&error))?;
    let seen = match repair.sides.storage() {
        None => Observed::Present(()),
        Some(storage) => {
            let (name, id) = (name.clone(), session.id.clone());
            blocking(move || storage.has_upload(&name, &id)).await
        }
    };
    // A session that cannot be cancelled is purged by the daemon one day; nothing depends on it.
    if let Err(error) = daemon.writer.cancel_upload(&session).await {
        tracing::debug!(%error, "the handshake's upload session was not cancelled");
    }
    sessions::clear(repair).await;
    match seen {
        Observed::Present(()) => Ok(()),
        Observed::Absent => Err(Refused(format!(
            "these views are not of the same registry: an upload session started at `{}` did not appear in storage; \
             check that the URL and the storage root belong together",
            daemon.location()
        ))),
        Observed::Unknown(why) => {
            Err(Refused(format!("cannot tell whether the views are of the same registry: {why}")))
        }
    }
}

/// Why the registry takes no uploads, and what would help.
fn no_upload(error: &RequestError) -> Refused {
    if error.is_unsupported() {
        let why = match error.code.as_deref() {
            Some("UNSUPPORTED") => {
                "it is a pull-through cache, which takes no uploads; restart it (--restart), and it fetches what it lacks"
            }
            _ => "it is in read-only mode; switch that off (storage.maintenance.readonly) for the repair",
        };
        return Refused(format!("the registry refuses uploads: {why} ({error})"));
    }
    Refused(format!("the registry refuses uploads: {}: {}", error.asked(), error.reason_and_hint()))
}
