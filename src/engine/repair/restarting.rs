//! Restarting daemons, one service at a time: the next goes only when the last is back.

use super::step::{Taken, Trouble, fail, started};
use super::{Restartable, Tools};
use crate::domain::plan::Step;
use crate::engine::drain::{Drained, drain};
use crate::engine::restart::restart_and_wait;

const NOTHING: &str = "nothing to restart was given; use --restart SPEC";

pub(super) async fn restart(tools: &Tools, step: &Step, service: &str) -> Taken {
    let Some(restartable) = tools.services.iter().find(|known| known.spec == service) else {
        let why = if tools.services.is_empty() {
            NOTHING.to_owned()
        } else {
            format!("the plan restarts `{service}`, which was not given; use --restart '{service}'")
        };
        return Err(Trouble::Fail(why));
    };
    started(tools, step).await?;
    restart_service(tools, restartable).await
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
            let busy = sessions.join(", ");
            Err(Trouble::Fail(format!(
                "uploads do not come to rest ({busy}); --drain 0 restarts all the same"
            )))
        }
        Drained::Unknown(why) => Err(Trouble::Fail(why)),
    }
}
