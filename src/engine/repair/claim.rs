//! Making daemons forget what they claim and storage lacks.
//!
//! Replicas share storage and remember by themselves: a DELETE at one takes the link from storage and the entry from
//! its own memory, and leaves the memory of the others as it was. 2.8.2 answers 202 to the second DELETE as well,
//! 3.x answers 500 after it has cleared its cache: what a HEAD says afterwards counts.

use super::Repair;
use super::journaled::{Taken, Trouble, begun};
use crate::domain::digest::Digest;
use crate::domain::journal::Change;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Observed;
use crate::domain::plan::Step;
use crate::domain::rules::Condition;
use crate::domain::views::served::Answer;
use crate::engine::blocking::blocking;
use crate::engine::check::observe;
use crate::engine::ports::Daemon;

/// Safety rule 4: only where storage has just been seen to lack the data.
pub(super) async fn lacks(repair: &Repair, digest: &Digest) -> Result<(), Trouble> {
    let Some(storage) = repair.sides.storage() else {
        return Err(Trouble::Fail("storage was not given, so nothing is deleted; use --storage DIR".into()));
    };
    let digest = *digest;
    match blocking(move || storage.blob(&digest)).await {
        Observed::Absent => Ok(()),
        Observed::Present(_) => Err(Trouble::Skip("storage has it by now".into())),
        Observed::Unknown(why) => Err(Trouble::Fail(format!("storage cannot be looked at: {why}"))),
    }
}

/// The same, or where it has just been seen that the repository has no link to it.
async fn makes_false(repair: &Repair, name: &RepositoryName, digest: &Digest) -> Result<(), Trouble> {
    let Err(stored) = lacks(repair, digest).await else { return Ok(()) };
    let Some(storage) = repair.sides.storage() else { return Err(stored) };
    let conditions = Condition::unlinked(name, *digest);
    let is_unlinked = blocking(move || {
        conditions.iter().all(|condition| matches!(observe(&*storage, condition).1, Observed::Present(_)))
    });
    if is_unlinked.await { Ok(()) } else { Err(stored) }
}

pub(super) async fn delete_claim(
    repair: &Repair,
    step: &Step,
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let daemons = &repair.sides.daemons;
    if daemons.is_empty() {
        return Err(Trouble::Fail("no registry was given; use --registry URL".into()));
    }
    let change = Change::ClaimDeleted { repository: name.clone(), digest: *digest, manifest: false };
    begun(repair, step, change).await?;
    match daemons.as_slice() {
        [only] => forget(repair, only, name, digest).await,
        each => forget_at_each(repair, each, name, digest).await,
    }
}

/// All of them are tried: one that does not forget is no reason to leave another stale.
async fn forget_at_each(
    repair: &Repair,
    daemons: &[Daemon],
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let mut failed = Vec::new();
    for daemon in daemons {
        if denies(daemon, name, digest).await {
            continue;
        }
        match forget(repair, daemon, name, digest).await {
            Ok(_) => {}
            Err(Trouble::Skip(why)) => return Err(Trouble::Skip(why)),
            Err(Trouble::Fail(why)) => failed.push(format!("{}: {why}", daemon.location())),
        }
    }
    if failed.is_empty() {
        return Ok(format!("all {} replicas say 404 now", daemons.len()));
    }
    Err(Trouble::Fail(failed.join("; ")))
}

/// Whether it knows already that it is not there: then nothing has to be deleted.
async fn denies(daemon: &Daemon, name: &RepositoryName, digest: &Digest) -> bool {
    matches!(daemon.reader.head_blob(name, digest).await.answer, Answer::No(_))
}

async fn forget(repair: &Repair, daemon: &Daemon, name: &RepositoryName, digest: &Digest) -> Taken {
    makes_false(repair, name, digest).await?;
    match daemon.writer.delete_blob(name, digest).await {
        Err(error) if error.is_unsupported() => {
            let cure = "the registry allows no deletes: set storage.delete.enabled, or clear the claim with --restart SPEC";
            return Err(Trouble::Fail(format!("{cure} ({error})")));
        }
        Err(error) if !error.is_not_found() && error.status != Some(500) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    match daemon.reader.head_blob(name, digest).await.answer {
        Answer::No(_) => Ok("the daemon says 404 now".into()),
        Answer::Yes(_) => Err(Trouble::Fail("the daemon still claims it; a restart clears that".into())),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}
