//! One step: what exactly is done for each action, and how it is seen to have worked.

use std::sync::Arc;

use super::claim::{delete_claim, lacks};
use super::restarting::restart;
use super::upload::{is_good, put_manifest, restore_manifest, upload_blob};
use super::{Tools, blocking};
use crate::domain::history::RecordedChange;
use crate::domain::journal::{Change, Record};
use crate::domain::name::{Image, RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::plan::{Step, StepAction};
use crate::domain::rules::Condition;
use crate::domain::views::cache::StaleKeys;
use crate::engine::check::observe;
use crate::engine::ports::{Daemon, RequestError, StorageWriter};
use crate::engine::write_ahead;

/// Why a step was not carried out.
pub(super) enum Trouble {
    /// It was tried.
    Fail(String),
    /// It makes no sense any more.
    Skip(String),
}

pub(super) type Taken = Result<String, Trouble>;

impl From<RequestError> for Trouble {
    fn from(error: RequestError) -> Self {
        Self::Fail(format!("{}: {}", error.asked(), error.reason_and_hint()))
    }
}

pub(super) fn fail(why: impl std::fmt::Display) -> Trouble {
    Trouble::Fail(why.to_string())
}

/// Take the step; what it brought, in words.
pub(super) async fn take(tools: &Tools, step: &Step) -> Taken {
    if let Some(said) = still_so(tools, step).await? {
        return Ok(said);
    }
    match &step.action {
        StepAction::RewriteLink { repository, place, digest } => {
            let (name, place, digest) = (repository.clone(), place.clone(), *digest);
            started(tools, step).await?;
            change(tools, step, move |writer| writer.write_link(&name, &place, &digest)).await?;
            Ok("the link is right".into())
        }
        StepAction::UploadBlob { repository, digest, size, .. } => {
            upload_blob(tools, step, repository, digest, *size).await
        }
        StepAction::RestoreManifest { repository, digest, .. } => {
            restore_manifest(tools, step, repository, digest).await
        }
        StepAction::PutManifest { repository, digest, .. } => {
            put_manifest(tools, step, repository, digest).await
        }
        StepAction::DeleteClaim { repository, digest } => delete_claim(tools, step, repository, digest).await,
        StepAction::PurgeCache(stale) => purge(tools, step, stale).await,
        StepAction::Restart { service, if_wrong } => restart(tools, step, service, if_wrong).await,
        StepAction::PushImage { repository, tag } => push(tools, step, repository, tag).await,
    }
}

/// Whether what the step was planned for is still so; what to say where it is done without it.
async fn still_so(tools: &Tools, step: &Step) -> Result<Option<String>, Trouble> {
    let Some(storage) = tools.storage.clone() else { return Ok(None) };
    let conditions = step.preconditions.clone();
    let changed = blocking(move || {
        conditions.iter().find_map(|condition| match observe(&*storage, condition) {
            (_, Observed::Present(_)) => None,
            (what, Observed::Absent) => Some(Trouble::Skip(format!("`{what}` is not as it was any more"))),
            (what, Observed::Unknown(why)) => {
                Some(Trouble::Fail(format!("`{what}` cannot be looked at: {why}")))
            }
        })
    });
    let Some(trouble) = changed.await else { return Ok(None) };
    // Somebody brought the right bytes: what waits for them can go on.
    if let (true, Some(digest)) = (step.action.replaces(), step.action.digest())
        && is_good(tools, digest).await == Some(true)
    {
        return Ok(Some("storage has the right bytes by now".into()));
    }
    Err(trouble)
}

pub(super) async fn record(tools: &Tools, records: Vec<Record>) -> Result<(), Trouble> {
    let journal = Arc::clone(&tools.journal);
    blocking(move || journal.append_all(records)).await.map(|_| ()).map_err(fail)
}

pub(super) async fn started(tools: &Tools, step: &Step) -> Result<(), Trouble> {
    record(tools, vec![Record::StepStarted { step: step.id.clone() }]).await
}

/// The step begins, and this is the change that it is about to make: one wait for the disk.
pub(super) async fn begun(tools: &Tools, step: &Step, change: Change) -> Result<(), Trouble> {
    let name = || step.id.clone();
    record(tools, vec![Record::StepStarted { step: name() }, Record::Change { step: name(), change }]).await
}

/// Ask storage what to change, write it down, change it; what was changed, so that it can be taken back.
pub(super) async fn change<E: std::fmt::Display + Send + 'static>(
    tools: &Tools,
    step: &Step,
    changes: impl FnOnce(&dyn StorageWriter) -> Result<Vec<Change>, E> + Send + 'static,
) -> Result<Vec<RecordedChange>, Trouble> {
    let Some(writer) = tools.storage_writer.clone() else {
        return Err(Trouble::Fail("storage cannot be written to; give --storage DIR".into()));
    };
    let (journal, step) = (Arc::clone(&tools.journal), step.id.clone());
    let made = move || {
        let changes = changes(&*writer).map_err(fail)?;
        write_ahead::carry_out(&*journal, &*writer, &step, changes).map_err(fail)
    };
    blocking(made).await
}

/// Put a bad file back: it is better than none.
pub(super) async fn take_back(tools: &Tools, step: &Step, made: Vec<RecordedChange>) -> Result<(), Trouble> {
    let Some(writer) = tools.storage_writer.clone() else { return Ok(()) };
    let (journal, step) = (Arc::clone(&tools.journal), step.id.clone());
    let back = move || {
        let mut latest_first = made.iter().rev();
        latest_first.try_for_each(|change| write_ahead::take_back(&*journal, &*writer, &step, change))
    };
    blocking(back)
        .await
        .map_err(|error| Trouble::Fail(format!("and the bad file could not be put back: {error}")))
}

pub(super) fn daemon(tools: &Tools) -> Result<&Daemon, Trouble> {
    tools.daemon.as_ref().ok_or_else(|| Trouble::Fail("no registry was given; use --registry URL".into()))
}

async fn purge(tools: &Tools, step: &Step, stale: &StaleKeys) -> Taken {
    let Some(cache) = tools.cache.clone() else {
        return Err(Trouble::Fail("the daemon's Redis was not given; use --redis URL".into()));
    };
    let keys = cache.held(stale).await.map_err(fail)?;
    // What is stored is purged only for a wrong size or a member without a link, which are conditions of the step.
    if step.preconditions.contains(&Condition::DataAbsent(stale.digest)) {
        lacks(tools, &stale.digest).await?;
    }
    if keys.is_empty() {
        return Ok("no such key is there any more".into());
    }
    begun(tools, step, Change::CacheDeleted { keys: keys.clone() }).await?;
    let count = cache.purge(&keys).await.map_err(fail)?;
    Ok(format!("{count} keys deleted"))
}

async fn push(tools: &Tools, step: &Step, name: &RepositoryName, tag: &Tag) -> Taken {
    let Some(pusher) = tools.pusher.clone() else {
        return Err(Trouble::Fail("no engine was given that could push; use --source docker-daemon:".into()));
    };
    started(tools, step).await?;
    let image = Image::tagged(name.clone(), tag.clone());
    pusher.push(&image).await.map_err(|error| {
        let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Trouble::Fail(format!("{}{hint}", error.message))
    })
}
