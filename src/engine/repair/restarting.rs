//! Restarting daemons, one service at a time: the next goes only when the last is back.

use std::sync::Arc;

use super::journaled::{Taken, Trouble, begun, fail};
use super::{Repair, Restartable};
use crate::domain::journal::Change;
use crate::domain::plan::{Remembered, Step};
use crate::domain::views::served::Answer;
use crate::engine::blocking::blocking;
use crate::engine::drain::{Drained, drain};
use crate::engine::ports::RegistryReader;
use crate::engine::restart::restart_and_wait;

const NOTHING: &str = "nothing to restart was given; use --restart SPEC";

pub(super) async fn restart(repair: &Repair, step: &Step, service: &str, if_wrong: &[Remembered]) -> Taken {
    let Some(restartable) = repair.resources.services.iter().find(|known| known.spec == service) else {
        let why = if repair.resources.services.is_empty() {
            NOTHING.to_owned()
        } else {
            format!("the plan restarts `{service}`, which was not given; use --restart '{service}'")
        };
        return Err(Trouble::Fail(why));
    };
    if !if_wrong.is_empty() && !is_mistaken(repair, restartable, if_wrong).await? {
        return Ok("not needed: the daemon announces the right sizes".into());
    }
    let daemons = restartable.daemons.iter().map(|daemon| daemon.location()).collect();
    begun(repair, step, Change::Restarted { service: service.to_owned(), daemons }).await?;
    restart_service(repair, restartable).await
}

/// Whether a daemon of the service announces a wrong size of one of these.
async fn is_mistaken(
    repair: &Repair,
    restartable: &Restartable,
    if_wrong: &[Remembered],
) -> Result<bool, Trouble> {
    let mut asked = false;
    for remembered in if_wrong {
        let Some(size) = replaced(repair, remembered).await else { continue };
        asked = true;
        for daemon in &restartable.daemons {
            if announced(&**daemon, remembered).await?.is_some_and(|said| said != size) {
                return Ok(true);
            }
        }
    }
    if asked { Ok(false) } else { Err(Trouble::Skip("nothing was replaced".into())) }
}

/// The size that storage has of it by now. A file that is still bad is not asked about: that teaches a daemon its size.
async fn replaced(repair: &Repair, remembered: &Remembered) -> Option<u64> {
    let storage = repair.sides.storage()?;
    let digest = remembered.digest;
    let stored = blocking(move || storage.blob(&digest)).await;
    let size = stored.present()?.size;
    (size > 0 && remembered.size.is_none_or(|right| right == size)).then_some(size)
}

/// The size that the daemon announces of it, if any.
async fn announced(daemon: &dyn RegistryReader, remembered: &Remembered) -> Result<Option<u64>, Trouble> {
    match daemon.head_blob(&remembered.repository, &remembered.digest).await.answer {
        Answer::Yes(claim) if !claim.redirected => Ok(claim.size),
        Answer::Yes(_) | Answer::No(_) => Ok(None),
        Answer::Broken(why) | Answer::Unknown(why) => Err(Trouble::Fail(why)),
    }
}

async fn restart_service(repair: &Repair, restartable: &Restartable) -> Taken {
    quiet(repair).await?;
    let daemons = &restartable.daemons;
    let ask = async || {
        for daemon in daemons {
            daemon.ping().await?;
        }
        Ok(())
    };
    let service = restartable.service.clone();
    let took = restart_and_wait(service, ask, repair.resources.patience.restart).await.map_err(fail)?;
    Ok(format!("restarted, answering after {:.1} s", took.as_secs_f64()))
}

/// Wait until no upload is under way.
async fn quiet(repair: &Repair) -> Result<(), Trouble> {
    let patience = repair.resources.patience;
    let Some(uploads) = repair
        .sides
        .storage
        .as_ref()
        .map(|storage| Arc::clone(&storage.uploads))
        .filter(|_| !patience.quiet.is_zero())
    else {
        return Ok(());
    };
    match drain(uploads, patience.quiet, patience.drain).await {
        Drained::Quiet => Ok(()),
        Drained::Busy(sessions) => {
            let busy: Vec<_> = sessions.iter().map(ToString::to_string).collect();
            let busy = busy.join(", ");
            Err(Trouble::Fail(format!(
                "uploads do not come to rest ({busy}); --drain 0 restarts all the same"
            )))
        }
        Drained::Unknown(why) => Err(Trouble::Fail(why)),
    }
}
