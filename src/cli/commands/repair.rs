//! `regfsck repair`

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::check::{go_on, typed_again};
use super::failure::of_session;
use super::kept::PutAway;
use crate::adapters::files;
use crate::cli::args::repair::RepairCommand;
use crate::cli::args::typed::with_plan;
use crate::cli::args::{Subcommand, parse};
use crate::cli::settings::session::Opening;
use crate::cli::terminal::Terminal;
use crate::domain::plan::{Plan, VERSION};
use crate::domain::report;
use crate::engine::session::SessionError;

/// A plan with a million steps takes less.
const LIMIT: u64 = 1 << 30;

/// Carry out a saved plan and nothing else; the exit status.
pub(in crate::cli) fn run(command: &RepairCommand, typed: &[OsString], terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let plan = read(&command.plan)?;
    let flags = typed_again(&plan.flags);
    let command = completed(&command.plan, typed, &plan)?;
    let (report, kept) = super::runtime()?.block_on(async {
        let opening = Opening::new(&command.check, &command.state, &terminal).await?;
        let opening = opening.with_restarts(&command.restart)?.with_sources(&command.source).await?;
        let kept = PutAway::of(&opening);
        let carried_out = opening.agreed(command.consent.yes).stoppable().carry_out(plan).await;
        carried_out.map(|report| (report, kept)).map_err(|error| failure(error, &command.plan))
    })?;
    let status = terminal.write_report(&report)?;
    kept.tell(&report, command.state.state_dir.as_deref(), &terminal);
    go_on(&format!("check --fix {flags}"), &terminal);
    Ok(status)
}

/// The command with what the plan knows and nobody typed: its registry, its sources, what restarts the daemon.
fn completed(path: &Path, typed: &[OsString], plan: &Plan) -> Result<RepairCommand> {
    let whole = with_plan(typed, &plan.flags).and_then(parse).map_err(|error| {
        let said = error.to_string();
        let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        anyhow!("with what `{}` says of its registry and sources: {said}", path.display())
    })?;
    let Subcommand::Repair(repair) = whole.command else {
        bail!("`{}` is carried out by `regfsck repair` alone", path.display())
    };
    Ok(*repair)
}

fn failure(error: SessionError, path: &Path) -> anyhow::Error {
    if let SessionError::OtherRegistry { planned, given } = error {
        let (planned, given) = (shown(&planned), shown(&given));
        return anyhow!("`{}` was made for another registry: {planned}, not {given}", path.display());
    }
    of_session(error)
}

fn shown(target: &report::Target) -> String {
    let sides = [&target.storage, &target.registry];
    let named = sides.into_iter().flatten().chain(&target.replicas);
    let named: Vec<_> = named.map(String::as_str).collect();
    named.join(" and ")
}

fn read(path: &Path) -> Result<Plan> {
    let text =
        files::read(path, LIMIT).with_context(|| format!("cannot read the plan `{}`", path.display()))?;
    let plan: Plan = serde_json::from_slice(&text)
        .with_context(|| format!("`{}` is not a plan that check --plan saved", path.display()))?;
    if plan.version != VERSION {
        bail!(
            "`{}` is a plan of version {}, and this regfsck reads version {VERSION}",
            path.display(),
            plan.version
        );
    }
    plan.renewed().map_err(|why| {
        anyhow!("`{}` was changed since check --plan saved it: {why}; make a new one", path.display())
    })
}
