//! One step: what exactly is done for each action, and how it is seen to have worked.

use super::Repair;
use super::claim::{delete_claim, lacks};
use super::journaled::{Taken, Trouble, begun, change, fail, started};
use super::restarting::restart;
use super::returned::return_manifest;
use super::upload::{is_good, put_manifest, restore_manifest, upload_blob};
use crate::domain::counted::counted;
use crate::domain::journal::Change;
use crate::domain::name::{Image, RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::plan::{Step, StepAction};
use crate::domain::rules::Condition;
use crate::domain::views::cache::StaleKeys;
use crate::engine::blocking::blocking;
use crate::engine::check::observe;

/// Take the step; what it brought, in words.
pub(super) async fn take(repair: &Repair, step: &Step) -> Taken {
    if let Some(said) = still_so(repair, step).await? {
        return Ok(said);
    }
    match &step.action {
        StepAction::RewriteLink { repository, place, digest } => {
            let (name, place, digest) = (repository.clone(), place.clone(), *digest);
            started(repair, step).await?;
            change(repair, step, move |writer| writer.write_link(&name, &place, &digest)).await?;
            Ok("the link is right".into())
        }
        StepAction::SetAside { digest } => {
            let digest = *digest;
            started(repair, step).await?;
            change(repair, step, move |writer| writer.quarantine_blob(&digest)).await?;
            Ok("the bad file is in the quarantine".into())
        }
        StepAction::UploadBlob { repository, digest, size, .. } => {
            upload_blob(repair, step, repository, digest, *size).await
        }
        StepAction::RestoreManifest { repository, digest, .. } => {
            restore_manifest(repair, step, repository, digest).await
        }
        StepAction::ReturnManifest { repository, digest } => {
            return_manifest(repair, step, repository, digest).await
        }
        StepAction::PutManifest { repository, digest, .. } => {
            put_manifest(repair, step, repository, digest).await
        }
        StepAction::DeleteClaim { repository, digest } => {
            delete_claim(repair, step, repository, digest).await
        }
        StepAction::PurgeCache(stale) => purge(repair, step, stale).await,
        StepAction::Restart { service, if_wrong } => restart(repair, step, service, if_wrong).await,
        StepAction::PushImage { repository, tag } => push(repair, step, repository, tag).await,
    }
}

/// Whether what the step was planned for is still so; what to say where it is done without it.
async fn still_so(repair: &Repair, step: &Step) -> Result<Option<String>, Trouble> {
    let Some(storage) = repair.sides.storage() else { return Ok(None) };
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
        && is_good(repair, digest).await == Some(true)
    {
        return Ok(Some("storage has the right bytes by now".into()));
    }
    Err(trouble)
}

async fn purge(repair: &Repair, step: &Step, stale: &StaleKeys) -> Taken {
    let Some(cache) = repair.sides.cache.clone() else {
        return Err(Trouble::Fail("the daemon's Redis was not given; use --redis URL".into()));
    };
    let keys = cache.held(stale).await.map_err(fail)?;
    // What is stored is purged only for a wrong size or a member without a link, which are conditions of the step.
    if step.preconditions.contains(&Condition::DataAbsent(stale.digest)) {
        lacks(repair, &stale.digest).await?;
    }
    if keys.is_empty() {
        return Ok("no such key is there any more".into());
    }
    begun(repair, step, Change::CacheDeleted { keys: keys.clone() }).await?;
    let count = cache.purge(&keys).await.map_err(fail)?;
    Ok(format!("{} deleted", counted(count as u64, "key")))
}

async fn push(repair: &Repair, step: &Step, name: &RepositoryName, tag: &Tag) -> Taken {
    let Some(pusher) = repair.resources.pusher.clone() else {
        return Err(Trouble::Fail("no engine was given that could push; use --source docker-daemon:".into()));
    };
    started(repair, step).await?;
    let image = Image::tagged(name.clone(), tag.clone());
    pusher.push(&image).await.map_err(|error| {
        let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Trouble::Fail(format!("{}{hint}", error.message))
    })
}
