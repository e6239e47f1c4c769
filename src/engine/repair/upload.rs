//! Steps that upload: bytes are fetched and hashed first, and looked for in storage after they have landed.

use super::Repair;
use super::journaled::{Taken, Trouble, begun, change, daemon, fail, take_back};
use super::payload::Payload;
use super::read_back::comes_back;
use crate::domain::digest::Digest;
use crate::domain::history::RecordedChange;
use crate::domain::journal::Change;
use crate::domain::layout::LinkPlace;
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::domain::name::{Reference, RepositoryName};
use crate::domain::observed::Observed;
use crate::domain::plan::Step;
use crate::domain::views::served::{Answer, Delivery};
use crate::engine::blocking::blocking;
use crate::engine::ports::{StorageWriteError, StorageWriter, Wanted};

pub(super) async fn upload_blob(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
    size: Option<u64>,
) -> Taken {
    let registry = &daemon(repair)?.writer;
    let wanted = Wanted { repositories: places(step, name), ..Wanted::blob(*digest, size) };
    let bytes = repair.resources.supply.fetch(&wanted).await.map_err(fail)?;
    let size = bytes.size();
    let payload = Payload(bytes);
    begun(repair, step, uploading(name, digest)).await?;
    let moved = set_aside(repair, step, digest).await?;
    let uploaded = async {
        registry.upload_blob(name, digest, &payload).await?;
        landed(repair, name, digest).await
    };
    restored(repair, step, digest, moved, uploaded.await).await?;
    Ok(format!("{size} bytes uploaded"))
}

fn uploading(name: &RepositoryName, digest: &Digest) -> Change {
    Change::Uploaded { repository: name.clone(), digest: *digest }
}

/// Where a source may have the bytes.
fn places(step: &Step, name: &RepositoryName) -> Vec<RepositoryName> {
    std::iter::once(name).chain(&step.sought).cloned().collect()
}

/// Move a bad file away, where one is to be replaced, and what keeps another from taking its place. Whoever calls has good
/// bytes in hand.
async fn set_aside(repair: &Repair, step: &Step, digest: &Digest) -> Result<Vec<RecordedChange>, Trouble> {
    let replaces = step.action.replaces();
    if !replaces && repair.sides.storage_writer().is_none() {
        return Ok(Vec::new());
    }
    let digest = *digest;
    let changes = move |writer: &dyn StorageWriter| {
        let mut changes = writer.unblock(&digest)?;
        if replaces {
            changes.extend(writer.quarantine_blob(&digest)?);
        }
        Ok::<_, StorageWriteError>(changes)
    };
    change(repair, step, changes).await
}

/// If the upload failed and nothing good took the bad file's place, put that back.
async fn restored(
    repair: &Repair,
    step: &Step,
    digest: &Digest,
    moved: Vec<RecordedChange>,
    uploaded: Result<(), Trouble>,
) -> Result<(), Trouble> {
    let Err(trouble) = uploaded else { return Ok(()) };
    if moved.is_empty() || is_good(repair, digest).await == Some(true) {
        return Err(trouble);
    }
    match (trouble, take_back(repair, step, moved).await) {
        (trouble, Ok(())) => Err(trouble),
        (Trouble::Fail(why) | Trouble::Skip(why), Err(Trouble::Fail(also) | Trouble::Skip(also))) => {
            Err(Trouble::Fail(format!("{why}; {also}")))
        }
    }
}

/// Whether storage holds the right bytes; `None` where it cannot be looked at.
pub(super) async fn is_good(repair: &Repair, digest: &Digest) -> Option<bool> {
    let storage = repair.sides.storage()?;
    let digest = *digest;
    match blocking(move || storage.hash(&digest)).await {
        Observed::Present(hashed) => Some(hashed.actual == digest),
        Observed::Absent => Some(false),
        Observed::Unknown(_) => None,
    }
}

/// Bytes are hashed after they have landed, as the daemon delivers them, which is what the proof wants to see, too. Where
/// that does not tell, they are hashed in storage; over the API alone, one byte has to come.
async fn landed(repair: &Repair, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    if comes_back(repair, name, digest).await {
        return Ok(());
    }
    match (is_good(repair, digest).await, &repair.sides.storage, repair.sides.daemon()) {
        (Some(true), _, _) | (None, None, None) => Ok(()),
        (Some(false), _, _) => {
            Err(Trouble::Fail("the registry answered 201, but the right bytes are not in storage".into()))
        }
        (None, Some(_), _) => Err(Trouble::Fail("uploaded, but storage cannot be read to prove it".into())),
        (None, None, Some(daemon)) => match daemon.to_the_end().byte(name, digest, 0).await.answer {
            Answer::Yes(Delivery::Byte(_) | Delivery::Short(_)) => Ok(()),
            Answer::Yes(Delivery::Nothing) | Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => {
                Err(Trouble::Fail("the registry answered 201, but does not deliver it".into()))
            }
        },
    }
}

/// A manifest's bytes, from wherever the step may take them.
pub(super) async fn manifest_bytes(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<u8>, Trouble> {
    let wanted = Wanted { repositories: places(step, name), ..Wanted::manifest(*digest, None) };
    repair.resources.supply.manifest(&wanted).await.map_err(fail)
}

pub(super) async fn restore_manifest(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let bytes = manifest_bytes(repair, step, name, digest).await?;
    let registry = &daemon(repair)?.writer;
    let helper = LinkPlace::Layer(*digest);
    let had_helper = has_link(repair, name, &helper).await;
    begun(repair, step, uploading(name, digest)).await?;
    let moved = set_aside(repair, step, digest).await?;
    let put = async {
        // As a blob first: a daemon that believes to have the manifest drops a PUT of it.
        registry.upload_blob(name, digest, &bytes).await?;
        registry.put_manifest(name, &Reference::Digest(*digest), &media_type(&bytes), &bytes).await?;
        landed_manifest(repair, name, digest).await
    };
    let put = put.await;
    // Whether the PUT was taken or not: nothing needs the link that the helping upload left.
    let cleaned = if had_helper == Some(false) {
        let (name, helper) = (name.clone(), helper);
        change(repair, step, move |writer| writer.quarantine_link(&name, &helper)).await.map(|_| ())
    } else {
        Ok(())
    };
    restored(repair, step, digest, moved, put).await?;
    cleaned?;
    Ok(format!("{} bytes uploaded and linked", bytes.len()))
}

/// Whether storage has the link; `None` where that cannot be told, or nothing could be done about it.
pub(super) async fn has_link(repair: &Repair, name: &RepositoryName, place: &LinkPlace) -> Option<bool> {
    let storage = repair.sides.storage().filter(|_| repair.sides.storage_writer().is_some())?;
    let (name, place) = (name.clone(), place.clone());
    match blocking(move || storage.link(&name, &place)).await {
        Observed::Present(_) => Some(true),
        Observed::Absent => Some(false),
        Observed::Unknown(_) => None,
    }
}

async fn landed_manifest(repair: &Repair, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    match is_good(repair, digest).await {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Trouble::Fail("the registry answered 201, but the manifest is not in storage".into()))
        }
        None => {
            let fetched = daemon(repair)?.reader.fetch_manifest(name, &Reference::Digest(*digest)).await?;
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

pub(super) async fn put_manifest(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let bytes = if let Some(bytes) = stored(repair, digest).await {
        bytes
    } else {
        manifest_bytes(repair, step, name, digest).await?
    };
    let reference = step.action.reference().unwrap_or(Reference::Digest(*digest));
    begun(repair, step, uploading(name, digest)).await?;
    daemon(repair)?.writer.put_manifest(name, &reference, &media_type(&bytes), &bytes).await?;
    Ok("linked".into())
}

/// The manifest's bytes as storage has them, if they are right.
async fn stored(repair: &Repair, digest: &Digest) -> Option<Vec<u8>> {
    if is_good(repair, digest).await != Some(true) {
        return None;
    }
    let (storage, digest) = (repair.sides.storage()?, *digest);
    blocking(move || storage.read(&digest, MAX_MANIFEST_BYTES)).await.present().cloned()
}
