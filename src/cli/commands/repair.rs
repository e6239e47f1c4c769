//! `regfsck repair`

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::session::Session;
use crate::adapters::files;
use crate::cli::args::repair::RepairCommand;
use crate::cli::terminal::Terminal;
use crate::domain::plan::{Plan, VERSION};
use crate::domain::report;

/// A plan with a million steps takes less.
const LIMIT: u64 = 1 << 30;

/// Carry out a saved plan and nothing else; the exit status.
pub(in crate::cli) fn run(command: &RepairCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result).with_progress(&command.progress);
    let plan = read(&command.plan)?;
    let report = super::runtime()?.block_on(async {
        let session = Session::open(&command.check, &command.state, &terminal).await?;
        let session = session.asking(command.consent.yes).with_sources(&command.source).await?;
        let mut session = session.with_restarts(&command.restart)?;
        let named = |target: &report::Target| {
            (target.storage.clone(), target.registry.clone(), target.replicas.clone())
        };
        if named(&plan.target) != named(&session.target.named) {
            bail!(
                "`{}` was made for another registry: {}, not {}",
                command.plan.display(),
                shown(&plan.target),
                shown(&session.target.named),
            );
        }
        let examination = session.check().await?;
        session.carry_out(examination, plan).await
    })?;
    terminal.write_report(&report)?;
    Ok(report.exit_status)
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
    Ok(plan)
}
