//! `regfsck check`

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::failure::of_session;
use super::kept::PutAway;
use crate::adapters::files;
use crate::cli::args::check::CheckCommand;
use crate::cli::settings::budget::refuse_parts;
use crate::cli::settings::check::options;
use crate::cli::settings::session::Opening;
use crate::cli::settings::target::Target;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::interrupt::{self, Interrupt};
use crate::domain::plan::{Goal, Plan};
use crate::domain::report::Report;
use crate::engine::session::{Session, look};
use crate::report::words::{counted, quoted};

/// Check, and with `--fix` or `--plan` go on; the exit status.
pub(in crate::cli) fn run(command: &CheckCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let content = &command.check.content;
    let moves_bytes = command.fix || content.content || content.content_subset.is_some();
    let runtime = if moves_bytes { super::runtime()? } else { super::single_runtime()? };
    let (report, kept) = runtime.block_on(async {
        match &command.plan {
            _ if command.fix => fixed(command, &terminal).await.map(|(report, kept)| (report, Some(kept))),
            Some(path) => {
                let session = open(command, &terminal).await?.session();
                Ok((save_plan(&session, path, &command.saved).await?, None))
            }
            None => {
                Interrupt::watch();
                Ok((report(command, &terminal).await?, None))
            }
        }
    })?;
    let status = terminal.write_report(&report)?;
    if let Some(kept) = kept {
        kept.tell(&report, command.state.state_dir.as_deref(), &terminal);
        go_on(&format!("check --fix {}", typed_again(&command.saved)), &terminal);
    }
    if let Some(path) = &command.plan {
        announce(path, report.plan.as_ref(), &terminal);
    }
    Ok(status)
}

/// Words that can be typed again.
pub(super) fn typed_again(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// Say what goes on with a repair that was interrupted.
pub(super) fn go_on(line: &str, terminal: &Terminal) {
    if interrupt::current().is_set() {
        terminal.notify(format_args!("interrupted; what is left is done by:\n  regfsck {line}"));
    }
}

/// Say where the plan is, and what carries it out.
fn announce(path: &Path, plan: Option<&Plan>, terminal: &Terminal) {
    let path = path.display().to_string();
    match plan.map(|plan| plan.steps.len()) {
        None => terminal.notify(format_args!("no plan was saved: nothing may be changed here")),
        Some(0) => {
            terminal
                .notify(format_args!("saved to {path}: a plan without steps, nothing in it to carry out"));
        }
        Some(steps) => terminal.notify(format_args!(
            "saved to {path}: {}; nothing was changed. It is carried out by:\n  regfsck repair --plan {}",
            counted(steps as u64, "step"),
            quoted(&path)
        )),
    }
}

/// The report of a check that only looks.
pub(super) async fn report(command: &CheckCommand, terminal: &Terminal) -> Result<Report> {
    let arguments = &command.check;
    let target = Target::find(arguments).await?;
    let mut options = options(arguments, &command.part, &command.state, &target)?;
    options.asking.probe_manifests = command.probe_manifests;
    Ok(look(&target.sides, &options, arguments.fail_on, terminal.progress()).await?)
}

/// The report of a check that repairs, and where it put what was bad.
pub(super) async fn fixed(command: &CheckCommand, terminal: &Terminal) -> Result<(Report, PutAway)> {
    let opening = open(command, terminal).await?;
    let kept = PutAway::of(&opening);
    Ok((opening.stoppable().run(Goal::Fix).await.map_err(of_session)?, kept))
}

async fn open<'a>(command: &'a CheckCommand, terminal: &Terminal) -> Result<Opening<'a>> {
    refuse_parts(&command.part)?;
    let opening = Opening::new(&command.check, &command.state, terminal).await?;
    let opening = opening.with_restarts(&command.restart)?.with_sources(&command.source).await?;
    Ok(opening.agreed(command.consent.yes))
}

/// The path of a folder from the root; what is no folder stays as it is.
fn absolute(location: String) -> String {
    let path = Path::new(&location).is_dir().then(|| std::path::absolute(&location).ok()).flatten();
    path.map_or(location, |path| path.display().to_string())
}

/// Check, and save the plan of what would be done.
async fn save_plan(session: &Session, path: &Path, flags: &[String]) -> Result<Report> {
    let (report, plan) = session.propose(Goal::Fix).await.map_err(of_session)?;
    let plan = Plan { flags: flags.to_vec(), ..plan };
    // Whoever carries it out may stand in another folder.
    let mut saved = plan.clone();
    saved.target.storage = saved.target.storage.map(absolute);
    let text = serde_json::to_string_pretty(&saved)? + "\n";
    let written = files::save(path, |file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write the plan to `{}`", path.display()))?;
    Ok(Report { plan: Some(plan), ..report })
}
