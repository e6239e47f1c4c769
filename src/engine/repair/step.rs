//! One step: what exactly is done for each action, and how it is seen to have worked.

use std::sync::Arc;

use super::payload::Payload;
use super::{Tools, blocking};
use crate::domain::cache::StaleKeys;
use crate::domain::digest::Digest;
use crate::domain::history::RecordedChange;
use crate::domain::journal::{Change, DeletedKey, KeyContent, Record};
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::domain::name::{Reference, RepositoryName};
use crate::domain::observed::Observed;
use crate::domain::plan::{Step, StepAction};
use crate::domain::rules::Condition;
use crate::domain::served::{Answer, Delivery};
use crate::domain::storage::LinkPlace;
use crate::engine::drain::{Drained, drain};
use crate::engine::ports::{Journal, RegistryWriter, StorageWriter, Wanted, WriteError};
use crate::engine::restart::restart_and_wait;
use crate::engine::write_ahead;

/// Why a step was not carried out.
pub(super) enum Trouble {
    /// It was tried.
    Fail(String),
    /// It makes no sense any more.
    Skip(String),
}

type Taken = Result<String, Trouble>;

impl From<WriteError> for Trouble {
    fn from(error: WriteError) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::Fail(format!("{error}{hint}"))
    }
}

fn fail(why: impl std::fmt::Display) -> Trouble {
    Trouble::Fail(why.to_string())
}

/// Take the step; what it brought, in words.
pub(super) async fn take(tools: &Tools, step: &Step) -> Taken {
    record(tools, vec![Record::StepStarted { step: step.id.clone() }]).await?;
    match &step.action {
        StepAction::RewriteLink { repository, place, digest } => {
            let (name, place, digest) = (repository.clone(), place.clone(), *digest);
            change(tools, step, move |writer| writer.write_link(&name, &place, &digest)).await?;
            Ok("the link is right".into())
        }
        StepAction::UploadBlob { repository, digest, size, replaces } => {
            upload_blob(tools, step, repository, digest, *size, *replaces).await
        }
        StepAction::RestoreManifest { repository, digest, replaces } => {
            restore_manifest(tools, step, repository, digest, *replaces).await
        }
        StepAction::PutManifest { repository, digest, .. } => {
            put_manifest(tools, step, repository, digest).await
        }
        StepAction::DeleteClaim { repository, digest } => delete_claim(tools, step, repository, digest).await,
        StepAction::PurgeCache { digest, entry, repositories } => {
            let stale = StaleKeys { digest: *digest, entry: *entry, repositories: repositories.clone() };
            purge(tools, step, &stale).await
        }
        StepAction::Restart { .. } => restart(tools).await,
    }
}

async fn record(tools: &Tools, records: Vec<Record>) -> Result<(), Trouble> {
    let journal = Arc::clone(&tools.journal);
    blocking(move || journal.append_all(records)).await.map(|_| ()).map_err(fail)
}

/// Ask storage what to change, write it down, change it; what was changed, so that it can be taken back.
async fn change<E: std::fmt::Display + Send + 'static>(
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
async fn take_back(tools: &Tools, step: &Step, made: Vec<RecordedChange>) -> Result<(), Trouble> {
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

fn writer(tools: &Tools) -> Result<&dyn RegistryWriter, Trouble> {
    tools.writer.as_deref().ok_or_else(|| Trouble::Fail("no registry was given; use --registry URL".into()))
}

async fn upload_blob(
    tools: &Tools,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
    size: Option<u64>,
    replaces: bool,
) -> Taken {
    let registry = writer(tools)?;
    let wanted = Wanted::blob(*digest, size).in_repository(name.clone());
    let bytes = tools.supply.fetch(&wanted).await.map_err(fail)?;
    let size = bytes.size();
    let payload = Payload(bytes);
    let moved = set_aside(tools, step, digest, replaces).await?;
    let uploaded = async {
        record_upload(tools, step, name, digest).await?;
        registry.upload_blob(name, digest, &payload).await?;
        landed(tools, name, digest).await
    };
    restored(tools, step, digest, moved, uploaded.await).await?;
    Ok(format!("{size} bytes uploaded"))
}

async fn record_upload(
    tools: &Tools,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<(), Trouble> {
    let change = Change::Uploaded { repository: name.clone(), digest: *digest };
    record(tools, vec![Record::Change { step: step.id.clone(), change }]).await
}

/// Move a bad file away, where one is to be replaced. Whoever calls has good bytes in hand.
async fn set_aside(
    tools: &Tools,
    step: &Step,
    digest: &Digest,
    replaces: bool,
) -> Result<Vec<RecordedChange>, Trouble> {
    if !replaces {
        return Ok(Vec::new());
    }
    let digest = *digest;
    change(tools, step, move |writer| writer.quarantine_blob(&digest)).await
}

/// If the upload failed and nothing good took the bad file's place, put that back.
async fn restored(
    tools: &Tools,
    step: &Step,
    digest: &Digest,
    moved: Vec<RecordedChange>,
    uploaded: Result<(), Trouble>,
) -> Result<(), Trouble> {
    let Err(trouble) = uploaded else { return Ok(()) };
    if moved.is_empty() || is_good(tools, digest).await == Some(true) {
        return Err(trouble);
    }
    match (trouble, take_back(tools, step, moved).await) {
        (trouble, Ok(())) => Err(trouble),
        (Trouble::Fail(why) | Trouble::Skip(why), Err(Trouble::Fail(also) | Trouble::Skip(also))) => {
            Err(Trouble::Fail(format!("{why}; {also}")))
        }
    }
}

/// Whether storage holds the right bytes; `None` where it cannot be looked at.
async fn is_good(tools: &Tools, digest: &Digest) -> Option<bool> {
    let storage = tools.storage.clone()?;
    let digest = *digest;
    match blocking(move || storage.hash(&digest)).await {
        Observed::Present(hashed) => Some(hashed.actual == digest),
        Observed::Absent => Some(false),
        Observed::Unknown(_) => None,
    }
}

/// Bytes are hashed after they have landed; over the API alone, one byte has to come.
async fn landed(tools: &Tools, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    match (is_good(tools, digest).await, &tools.storage, &tools.registry) {
        (Some(true), _, _) | (None, None, None) => Ok(()),
        (Some(false), _, _) => {
            Err(Trouble::Fail("the registry answered 201, but the right bytes are not in storage".into()))
        }
        (None, Some(_), _) => Err(Trouble::Fail("uploaded, but storage cannot be read to prove it".into())),
        (None, None, Some(registry)) => match registry.byte(name, digest, 0).await.answer {
            Answer::Yes(Delivery::Byte(_) | Delivery::Short(_)) => Ok(()),
            Answer::Yes(Delivery::Nothing) | Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => {
                Err(Trouble::Fail("the registry answered 201, but does not deliver it".into()))
            }
        },
    }
}

async fn restore_manifest(
    tools: &Tools,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
    replaces: bool,
) -> Taken {
    let wanted = Wanted::manifest(*digest, None).in_repository(name.clone());
    let bytes = tools.supply.manifest(&wanted).await.map_err(fail)?;
    let registry = writer(tools)?;
    let helper = LinkPlace::Layer(*digest);
    let had_helper = has_link(tools, name, &helper).await;
    let moved = set_aside(tools, step, digest, replaces).await?;
    let restored_now = async {
        record_upload(tools, step, name, digest).await?;
        // As a blob first: a daemon that believes to have the manifest drops a PUT of it.
        registry.upload_blob(name, digest, &bytes).await?;
        registry.put_manifest(name, &Reference::Digest(*digest), &media_type(&bytes), &bytes).await?;
        landed_manifest(tools, name, digest).await
    };
    restored(tools, step, digest, moved, restored_now.await).await?;
    if had_helper == Some(false) {
        let (name, helper) = (name.clone(), helper);
        change(tools, step, move |writer| writer.quarantine_link(&name, &helper)).await?;
    }
    Ok(format!("{} bytes uploaded and linked", bytes.len()))
}

/// Whether storage has the link; `None` where that cannot be told, or nothing could be done about it.
async fn has_link(tools: &Tools, name: &RepositoryName, place: &LinkPlace) -> Option<bool> {
    let storage = tools.storage.clone().filter(|_| tools.storage_writer.is_some())?;
    let (name, place) = (name.clone(), place.clone());
    match blocking(move || storage.link(&name, &place)).await {
        Observed::Present(_) => Some(true),
        Observed::Absent => Some(false),
        Observed::Unknown(_) => None,
    }
}

async fn landed_manifest(tools: &Tools, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    match is_good(tools, digest).await {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Trouble::Fail("the registry answered 201, but the manifest is not in storage".into()))
        }
        None => {
            let fetched = writer(tools)?.fetch_manifest(name, &Reference::Digest(*digest)).await?;
            if fetched.digest == *digest {
                Ok(())
            } else {
                Err(Trouble::Fail(format!("the registry serves {} instead", fetched.digest)))
            }
        }
    }
}

/// What a manifest says it is; where it does not say, what its fields make of it.
fn media_type(bytes: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let said = value.get("mediaType").and_then(serde_json::Value::as_str);
    let guessed = if value.get("manifests").is_some() {
        "application/vnd.oci.image.index.v1+json"
    } else {
        "application/vnd.oci.image.manifest.v1+json"
    };
    said.unwrap_or(guessed).to_owned()
}

async fn put_manifest(tools: &Tools, step: &Step, name: &RepositoryName, digest: &Digest) -> Taken {
    let bytes = if let Some(bytes) = stored(tools, digest).await {
        bytes
    } else {
        let wanted = Wanted::manifest(*digest, None).in_repository(name.clone());
        tools.supply.manifest(&wanted).await.map_err(fail)?
    };
    let reference = step.action.reference().unwrap_or(Reference::Digest(*digest));
    record_upload(tools, step, name, digest).await?;
    writer(tools)?.put_manifest(name, &reference, &media_type(&bytes), &bytes).await?;
    Ok("linked".into())
}

/// The manifest's bytes as storage has them, if they are right.
async fn stored(tools: &Tools, digest: &Digest) -> Option<Vec<u8>> {
    if is_good(tools, digest).await != Some(true) {
        return None;
    }
    let (storage, digest) = (tools.storage.clone()?, *digest);
    blocking(move || storage.read(&digest, MAX_MANIFEST_BYTES)).await.present().cloned()
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
    record(tools, vec![Record::Change { step: step.id.clone(), change }]).await?;
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

/// Wait until uploads are quiet, restart the daemon, and wait until it answers.
///
/// # Errors
/// Why it was not restarted, or does not answer.
pub async fn restart_now(tools: &Tools) -> Result<String, String> {
    restart(tools).await.map_err(|trouble| match trouble {
        Trouble::Skip(why) | Trouble::Fail(why) => why,
    })
}

async fn restart(tools: &Tools) -> Taken {
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
