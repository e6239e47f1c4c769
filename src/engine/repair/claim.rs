//! Making daemons forget what they claim and storage lacks.
//!
//! Replicas share storage and remember by themselves: a DELETE at one takes the link from storage and the entry from
//! its own memory, and leaves the memory of the others as it was. 2.8.2 answers 202 to the second DELETE as well,
//! 3.x answers 500 after it has cleared its cache: what a HEAD says afterwards counts.

use jiff::Timestamp;

use super::Repair;
use super::journaled::{Taken, Trouble, begun, change};
use crate::domain::digest::Digest;
use crate::domain::journal::Change;
use crate::domain::layout::LinkPlace;
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Observed, Reason};
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
        [only] => forget(repair, step, only, name, digest).await,
        each => forget_at_each(repair, step, each, name, digest).await,
    }
}

/// All of them are tried: one that does not forget is no reason to leave another stale.
async fn forget_at_each(
    repair: &Repair,
    step: &Step,
    daemons: &[Daemon],
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    let mut failed = Vec::new();
    for daemon in daemons {
        if denies(daemon, name, digest).await {
            continue;
        }
        match forget(repair, step, daemon, name, digest).await {
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

async fn forget(
    repair: &Repair,
    step: &Step,
    daemon: &Daemon,
    name: &RepositoryName,
    digest: &Digest,
) -> Taken {
    makes_false(repair, name, digest).await?;
    let before = Seen::of(repair, name, digest).await;
    // An upload may have come in before that look: then there is nothing to forget.
    makes_false(repair, name, digest).await?;
    match daemon.writer.delete_blob(name, digest).await {
        Err(error) if error.is_unsupported() => {
            let cure = "the registry allows no deletes: set storage.delete.enabled, or clear the claim with --restart SPEC";
            return Err(Trouble::Fail(format!("{cure} ({error})")));
        }
        Err(error) if !error.is_not_found() && error.status != Some(500) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let after = Seen::of(repair, name, digest).await;
    if after.lost_what_came_since(&before) {
        return link_anew(repair, step, name, digest).await;
    }
    match daemon.to_the_end().head_blob(name, digest).await.answer {
        Answer::No(_) => Ok("the daemon says 404 now".into()),
        Answer::Yes(_) => Err(Trouble::Fail("the daemon still claims it; a restart clears that".into())),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}

/// What storage shows of a claim, right before and after the daemon is told to forget it.
struct Seen {
    data: Observed<()>,
    link: Observed<()>,
    /// When the link's folder was changed.
    changed: Observed<Timestamp>,
}

impl Seen {
    async fn of(repair: &Repair, name: &RepositoryName, digest: &Digest) -> Self {
        let nothing = || Observed::Unknown(Reason::from(""));
        let Some(storage) = repair.sides.storage() else {
            return Self { data: nothing(), link: nothing(), changed: Observed::Unknown(Reason::from("")) };
        };
        let (name, digest) = (name.clone(), *digest);
        let place = LinkPlace::Layer(digest);
        blocking(move || Self {
            data: storage.blob(&digest).map(|_| ()),
            link: storage.link(&name, &place).map(|_| ()),
            changed: storage.link_changed(&name, &place),
        })
        .await
    }

    /// Whether content came in between, and its link went with the claim: the data was not there before, or a link came
    /// and went where none was.
    fn lost_what_came_since(&self, before: &Self) -> bool {
        let is_unlinked = matches!((&self.data, &self.link), (Observed::Present(()), Observed::Absent));
        let came = matches!(before.data, Observed::Absent)
            || matches!(before.link, Observed::Absent)
                && matches!(self.changed, Observed::Present(_))
                && self.changed != before.changed;
        is_unlinked && came
    }
}

/// Safety rule 4: somebody pushed the content in the meantime and was told that it is there.
async fn link_anew(repair: &Repair, step: &Step, name: &RepositoryName, digest: &Digest) -> Taken {
    let (to, at, content) = (name.clone(), LinkPlace::Layer(*digest), *digest);
    change(repair, step, move |writer| writer.write_link(&to, &at, &content)).await?;
    Ok("it was pushed in the meantime: its link was made again".into())
}
