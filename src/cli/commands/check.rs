//! `regfsck check`

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::session::{Session, conclude};
use crate::adapters::files;
use crate::cli::args::check::CheckCommand;
use crate::cli::settings::budget::refuse_parts;
use crate::cli::settings::check::options;
use crate::cli::settings::target::Target;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::interrupt::{self, Interrupt};
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::plan::Goal;
use crate::domain::report::{Coverage, Report};
use crate::engine::check::check;

/// Check, and with `--fix` or `--plan` go on; the exit status.
pub(in crate::cli) fn run(command: &CheckCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result).with_progress(&command.progress);
    let report = super::runtime()?.block_on(async {
        match &command.plan {
            _ if command.fix => fix(command, &terminal).await,
            Some(path) => save_plan(command, path, &terminal).await,
            None => {
                Interrupt::watch();
                report(command, &terminal).await
            }
        }
    })?;
    terminal.write_report(&report)?;
    Ok(report.exit_status)
}

/// The report of a check that only looks.
pub(super) async fn report(command: &CheckCommand, terminal: &Terminal) -> Result<Report> {
    let arguments = &command.check;
    let target = Target::find(&(&arguments.target).into(), &arguments.connection).await?;
    let mut options = options(arguments, &command.part, &command.state, &target)?;
    options.asking.probe_manifests = command.probe_manifests;
    let mut examination = check(&target.sides, &options, terminal.progress()).await?;
    note_interrupt(&mut examination.coverage, &interrupt::current());
    Ok(conclude(examination, target.named, arguments.fail_on))
}

/// Enter in the coverage that the run was stopped, where it was.
pub(super) fn note_interrupt(coverage: &mut Coverage, interrupt: &Interrupt) {
    if interrupt.is_set() {
        coverage.unknown.push(Unlooked::new(Thing::Rest, Reason::Interrupted));
        Unlooked::sort(&mut coverage.unknown);
    }
}

async fn open<'a>(command: &'a CheckCommand, terminal: &'a Terminal) -> Result<Session<'a>> {
    refuse_parts(&command.part)?;
    let session = Session::open(&command.check, &command.state, terminal).await?;
    session.asking(command.consent.yes).with_sources(&command.source).await?.with_restarts(&command.restart)
}

async fn fix(command: &CheckCommand, terminal: &Terminal) -> Result<Report> {
    let mut session = open(command, terminal).await?;
    let examination = session.check().await?;
    session.repair(examination, Goal::Fix).await
}

/// Check, and save the plan of what would be done.
async fn save_plan(command: &CheckCommand, path: &Path, terminal: &Terminal) -> Result<Report> {
    let mut session = open(command, terminal).await?;
    let examination = session.check().await?;
    let plan = session.plan(&examination, Goal::Fix).await?;
    let text = serde_json::to_string_pretty(&plan)? + "\n";
    let written = files::save(path, |file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write the plan to `{}`", path.display()))?;
    let mut report = session.report(examination);
    report.plan = Some(plan);
    Ok(report)
}
