//! Restarting daemons, one service at a time: the next goes only when the last is back.

use super::step::{Taken, Trouble, fail, started};
use super::{Restartable, Tools, blocking};
use crate::domain::plan::{Remembered, Step};
use crate::domain::views::served::Answer;
use crate::engine::drain::{Drained, drain};
use crate::engine::ports::RegistryReader;
use crate::engine::restart::restart_and_wait;

const NOTHING: &str = "nothing to restart was given; use --restart SPEC";

pub(super) async fn restart(tools: &Tools, step: &Step, service: &str, if_wrong: &[Remembered]) -> Taken {
    let Some(restartable) = tools.services.iter().find(|known| known.spec == service) else {
        let why = if tools.services.is_empty() {
            NOTHING.to_owned()
        } else {
            format!("the plan restarts `{service}`, which was not given; use --restart '{service}'")
        };
        return Err(Trouble::Fail(why));
    };
    if !if_wrong.is_empty() && !is_mistaken(tools, restartable, if_wrong).await? {
        return Ok("not needed: the daemon announces the right sizes".into());
    }
    started(tools, step).await?;
    restart_service(tools, restartable).await
}

/// Whether a daemon of the service announces a wrong size of one of these.
async fn is_mistaken(
    tools: &Tools,
    restartable: &Restartable,
    if_wrong: &[Remembered],
) -> Result<bool, Trouble> {
    let mut asked = false;
    for remembered in if_wrong {
        let Some(size) = replaced(tools, remembered).await else { continue };
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
async fn replaced(tools: &Tools, remembered: &Remembered) -> Option<u64> {
    let storage = tools.storage.clone()?;
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

/// Restart every service in order: wait until uploads are quiet, restart it, and wait until its daemons answer.
///
/// # Errors
/// Why one was not restarted, or does not answer; those after it were left alone then.
pub async fn restart_now(tools: &Tools) -> Result<String, String> {
    if tools.services.is_empty() {
        return Err(NOTHING.into());
    }
    let mut said = Vec::new();
    for restartable in &tools.services {
        match restart_service(tools, restartable).await {
            Ok(brought) => said.push(brought),
            Err(Trouble::Skip(why) | Trouble::Fail(why)) => return Err(why),
        }
    }
    Ok(said.join("; "))
}

async fn restart_service(tools: &Tools, restartable: &Restartable) -> Taken {
    quiet(tools).await?;
    let daemons = &restartable.daemons;
    let ask = async || {
        for daemon in daemons {
            daemon.ping().await?;
        }
        Ok(())
    };
    let service = restartable.service.clone();
    let took = restart_and_wait(service, ask, tools.patience.restart).await.map_err(fail)?;
    Ok(format!("restarted, answering after {:.1} s", took.as_secs_f64()))
}

/// Wait until no upload is under way.
async fn quiet(tools: &Tools) -> Result<(), Trouble> {
    let patience = tools.patience;
    let Some(uploads) = tools.uploads.clone().filter(|_| !patience.quiet.is_zero()) else { return Ok(()) };
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
