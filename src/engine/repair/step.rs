//! One step: what exactly is done for each action, and how it is seen to have worked.

use std::sync::Arc;

use super::upload::{is_good, put_manifest, restore_manifest, upload_blob};
use super::{Tools, blocking};
use crate::domain::cache::StaleKeys;
use crate::domain::digest::Digest;
use crate::domain::history::RecordedChange;
use crate::domain::journal::{Change, DeletedKey, KeyContent, Record};
use crate::domain::name::{Image, RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::plan::{Remembered, Step, StepAction};
use crate::domain::rules::Condition;
use crate::domain::served::Answer;
use crate::engine::check::observe;
use crate::engine::drain::{Drained, drain};
use crate::engine::ports::{Journal, RegistryWriter, StorageWriter, WriteError};
use crate::engine::restart::restart_and_wait;
use crate::engine::write_ahead;

/// Why a step was not carried out.
pub(super) enum Trouble {
    /// It was tried.
    Fail(String),
    /// It makes no sense any more.
    Skip(String),
}

pub(super) type Taken = Result<String, Trouble>;

impl From<WriteError> for Trouble {
    fn from(error: WriteError) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::Fail(format!("{error}{hint}"))
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
        StepAction::PurgeCache { digest, entry, repositories } => {
            let stale = StaleKeys { digest: *digest, entry: *entry, repositories: repositories.clone() };
            purge(tools, step, &stale).await
        }
        StepAction::Restart { if_wrong, .. } => restart(tools, step, if_wrong).await,
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

async fn started(tools: &Tools, step: &Step) -> Result<(), Trouble> {
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
    blocking(move || carry_out(&*journal, &*writer, &step, changes(&*writer).map_err(fail)?)).await
}

fn carry_out(
    journal: &dyn Journal,
    writer: &dyn StorageWriter,
    step: &str,
    changes: Vec<Change>,
) -> Result<Vec<RecordedChange>, Trouble> {
    let mut made = Vec::new();
    for change in changes {
        let record = Record::Change { step: step.to_owned(), change: change.clone() };
        let sequence = journal.append(record).map_err(fail)?;
        writer.apply(&change).map_err(fail)?;
        made.push(RecordedChange { sequence, change, undone: false });
    }
    Ok(made)
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

pub(super) fn writer(tools: &Tools) -> Result<&dyn RegistryWriter, Trouble> {
    tools.writer.as_deref().ok_or_else(|| Trouble::Fail("no registry was given; use --registry URL".into()))
}

/// Safety rule 4: only where storage has just been seen to lack the data.
async fn lacks(tools: &Tools, digest: &Digest) -> Result<(), Trouble> {
    let Some(storage) = tools.storage.clone() else {
        return Err(Trouble::Fail("storage was not given, so nothing is deleted; use --storage DIR".into()));
    };
    let digest = *digest;
    match blocking(move || storage.blob(&digest)).await {
        Observed::Absent => Ok(()),
        Observed::Present(_) => Err(Trouble::Skip("storage has it by now".into())),
        Observed::Unknown(why) => Err(Trouble::Fail(format!("storage cannot be looked at: {why}"))),
    }
}

async fn delete_claim(tools: &Tools, step: &Step, name: &RepositoryName, digest: &Digest) -> Taken {
    let registry = writer(tools)?;
    let change = Change::ClaimDeleted { repository: name.clone(), digest: *digest, manifest: false };
    begun(tools, step, change).await?;
    lacks(tools, digest).await?;
    // 3.x answers 500 after it has cleared its cache, when garbage collection took the link already.
    match registry.delete_blob(name, digest).await {
        Err(error) if error.is_unsupported() => {
            let cure = "the registry allows no deletes: set storage.delete.enabled, or clear the claim with --restart SPEC";
            return Err(Trouble::Fail(format!("{cure} ({error})")));
        }
        Err(error) if !error.is_not_found() && error.status != Some(500) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let Some(reader) = &tools.registry else { return Ok("deleted".into()) };
    match reader.head_blob(name, digest).await.answer {
        Answer::No(_) => Ok("the daemon says 404 now".into()),
        Answer::Yes(_) => Err(Trouble::Fail("the daemon still claims it; a restart clears that".into())),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}

async fn purge(tools: &Tools, step: &Step, stale: &StaleKeys) -> Taken {
    let Some(cache) = tools.cache.clone() else {
        return Err(Trouble::Fail("the daemon's Redis was not given; use --redis URL".into()));
    };
    started(tools, step).await?;
    // What is stored is purged only for a wrong size or a member without a link, which are conditions of the step.
    if step.preconditions.contains(&Condition::DataAbsent(stale.digest)) {
        lacks(tools, &stale.digest).await?;
    }
    let purged = cache.purge(stale).await.map_err(fail)?;
    let keys: Vec<_> = purged.keys.iter().map(deleted).collect();
    let count = keys.len();
    let change = Change::CacheDeleted { keys };
    record(tools, vec![Record::Change { step: step.id.clone(), change }]).await?;
    Ok(format!("{count} keys deleted"))
}

fn deleted(purged: &crate::domain::cache::PurgedKey) -> DeletedKey {
    use crate::domain::cache::PurgedContent;
    let content = match &purged.content {
        PurgedContent::Hash(fields) => KeyContent::Hash(fields.clone()),
        PurgedContent::Member(member) => KeyContent::Members(vec![member.clone()]),
    };
    DeletedKey { key: purged.key.clone(), content }
}

async fn restart(tools: &Tools, step: &Step, if_wrong: &[Remembered]) -> Taken {
    if !if_wrong.is_empty() && !is_mistaken(tools, if_wrong).await? {
        return Ok("not needed: the daemon announces the right sizes".into());
    }
    started(tools, step).await?;
    restart_daemon(tools).await
}

/// Whether the daemon announces a wrong size of one of these.
async fn is_mistaken(tools: &Tools, if_wrong: &[Remembered]) -> Result<bool, Trouble> {
    let mut asked = false;
    for remembered in if_wrong {
        let Some(size) = replaced(tools, remembered).await else { continue };
        asked = true;
        if announced(tools, remembered).await?.is_some_and(|said| said != size) {
            return Ok(true);
        }
    }
    if asked { Ok(false) } else { Err(Trouble::Skip("nothing was replaced".into())) }
}

/// The size that storage has of it by now. A file that is still bad is not asked about: that teaches a daemon its size.
async fn replaced(tools: &Tools, remembered: &Remembered) -> Option<u64> {
    let storage = tools.storage.clone()?;
    let digest = remembered.digest;
    let stored = blocking(move || storage.blob(&digest)).await;
    let size = stored.present()?.size;
    (size > 0 && remembered.size.is_none_or(|right| right == size)).then_some(size)
}

/// The size that the daemon announces of it, if any.
async fn announced(tools: &Tools, remembered: &Remembered) -> Result<Option<u64>, Trouble> {
    let Some(registry) = &tools.registry else { return Ok(None) };
    match registry.head_blob(&remembered.repository, &remembered.digest).await.answer {
        Answer::Yes(claim) if !claim.redirected => Ok(claim.size),
        Answer::Yes(_) | Answer::No(_) => Ok(None),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}

/// Wait until uploads are quiet, restart the daemon, and wait until it answers.
///
/// # Errors
/// Why it was not restarted, or does not answer.
pub async fn restart_now(tools: &Tools) -> Result<String, String> {
    restart_daemon(tools).await.map_err(|trouble| match trouble {
        Trouble::Skip(why) | Trouble::Fail(why) => why,
    })
}

async fn restart_daemon(tools: &Tools) -> Taken {
    let Some(service) = tools.service.clone() else {
        return Err(Trouble::Fail("nothing to restart was given; use --restart SPEC".into()));
    };
    let patience = tools.patience;
    if let Some(uploads) = tools.uploads.clone().filter(|_| !patience.quiet.is_zero()) {
        match drain(uploads, patience.quiet, patience.drain).await {
            Drained::Quiet => {}
            Drained::Busy(sessions) => {
                let busy = sessions.join(", ");
                return Err(Trouble::Fail(format!(
                    "uploads do not come to rest ({busy}); --drain 0 restarts all the same"
                )));
            }
            Drained::Unknown(why) => return Err(Trouble::Fail(why)),
        }
    }
    let registry = tools.registry.clone();
    let ask = async || match &registry {
        Some(registry) => registry.ping().await,
        None => Ok(()),
    };
    let took = restart_and_wait(service, ask, patience.restart).await.map_err(fail)?;
    Ok(format!("restarted, answering after {:.1} s", took.as_secs_f64()))
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
