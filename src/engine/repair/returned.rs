//! Making a belief true: the bytes of a manifest that garbage collection took are put back as a blob, and the link that
//! the upload made is taken away again. Nobody sees them, and a push of the manifest works.
//!
//! The link goes by DELETE where the registry allows that: it also clears what the daemon remembers of the digest in the
//! repository (on 3.x its manifests too, which it would go on serving from there). The data stays, and with it the
//! daemon's global entry, which a push asks. Where there are several daemons, each is asked.

use super::Repair;
use super::journaled::{Taken, Trouble, begun, change, daemon};
use super::upload::{has_link, is_good, manifest_bytes};
use crate::domain::digest::Digest;
use crate::domain::journal::Change;
use crate::domain::layout::LinkPlace;
use crate::domain::name::RepositoryName;
use crate::domain::plan::Step;
use crate::domain::views::served::Answer;
use crate::engine::ports::Daemon;

/// Put it back, see it served, and take its link away.
pub(super) async fn return_manifest(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let bytes = manifest_bytes(repair, step, name, digest).await?;
    let helper = LinkPlace::Layer(*digest);
    let had_helper = has_link(repair, name, &helper).await;
    begun(repair, step, Change::Returned { repository: name.clone(), digest: *digest }).await?;
    let first = daemon(repair)?;
    first.writer.upload_blob(name, digest, &bytes).await?;
    let served = first.to_the_end().hash_blob(name, digest).await.answer;
    if had_helper == Some(false) {
        unlink(repair, step, name, digest).await?;
    }
    if served.yes().is_none_or(|hashed| hashed.actual != *digest) {
        return Err(Trouble::Fail("it was uploaded, but the daemon does not serve its bytes".into()));
    }
    match is_good(repair, digest).await {
        Some(true) => Ok(format!("{} bytes put back", bytes.len())),
        Some(false) => Err(Trouble::Fail("the right bytes are not in storage".into())),
        None => Err(Trouble::Fail("storage cannot be read to prove it".into())),
    }
}

/// Take the link away that the upload made, and with it what the daemons remember of the digest in the repository.
async fn unlink(repair: &Repair, step: &Step, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    for daemon in &repair.sides.daemons {
        match daemon.writer.delete_blob(name, digest).await {
            // What a HEAD says afterwards counts: 3.x may answer 500 and have cleared its cache.
            Err(error) if !(error.is_unsupported() || error.is_not_found() || error.status == Some(500)) => {
                return Err(error.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    let helper = LinkPlace::Layer(*digest);
    if has_link(repair, name, &helper).await != Some(false) {
        let (name, helper) = (name.clone(), helper);
        change(repair, step, move |writer| writer.quarantine_link(&name, &helper)).await?;
    }
    if has_link(repair, name, &LinkPlace::Revision(*digest)).await != Some(false) {
        return Ok(());
    }
    for daemon in &repair.sides.daemons {
        is_hidden(daemon, name, digest).await?;
    }
    Ok(())
}

/// Whether it no longer serves the manifest: who asks first whether it is there would not push it.
async fn is_hidden(daemon: &Daemon, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    match daemon.to_the_end().manifest(name, digest).await.answer {
        Answer::No(_) => Ok(()),
        Answer::Yes(_) => Err(Trouble::Fail(
            "the daemon goes on serving it from its memory, and allows no deletes; a restart clears that"
                .into(),
        )),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}
