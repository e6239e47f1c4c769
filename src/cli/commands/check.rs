//! `regfsck check`

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::failure::of_session;
use crate::adapters::files;
use crate::cli::args::check::CheckCommand;
use crate::cli::settings::budget::refuse_parts;
use crate::cli::settings::check::options;
use crate::cli::settings::session::Opening;
use crate::cli::settings::target::Target;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::interrupt::Interrupt;
use crate::domain::plan::Goal;
use crate::domain::report::Report;
use crate::engine::session::{Session, look};

/// Check, and with `--fix` or `--plan` go on; the exit status.
pub(in crate::cli) fn run(command: &CheckCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let report = super::runtime()?.block_on(async {
        match &command.plan {
            _ if command.fix => open(command, &terminal).await?.run(Goal::Fix).await.map_err(of_session),
            Some(path) => save_plan(&open(command, &terminal).await?, path).await,
            None => {
                Interrupt::watch();
                report(command, &terminal).await
            }
        }
    })?;
    terminal.write_report(&report)
}

/// The report of a check that only looks.
pub(super) async fn report(command: &CheckCommand, terminal: &Terminal) -> Result<Report> {
    let arguments = &command.check;
    let target = Target::find(&(&arguments.target).into(), &arguments.connection).await?;
    let mut options = options(arguments, &command.part, &command.state, &target)?;
    options.asking.probe_manifests = command.probe_manifests;
    Ok(look(&target.sides, &options, arguments.fail_on, terminal.progress()).await?)
}

async fn open(command: &CheckCommand, terminal: &Terminal) -> Result<Session> {
    refuse_parts(&command.part)?;
    let opening = Opening::new(&command.check, &command.state, terminal).await?;
    let opening = opening.with_restarts(&command.restart)?.with_sources(&command.source).await?;
    Ok(opening.agreed(command.consent.yes).session())
}

/// Check, and save the plan of what would be done.
async fn save_plan(session: &Session, path: &Path) -> Result<Report> {
    let (report, plan) = session.propose(Goal::Fix).await.map_err(of_session)?;
    let text = serde_json::to_string_pretty(&plan)? + "\n";
    let written = files::save(path, |file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write the plan to `{}`", path.display()))?;
    Ok(report)
}
