//! `check --fix`, `repair`, `purge`, `restart`, `undo`: what changes the registry.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::SignedDuration;

use super::session::Session;
use crate::adapters::journal::state_dir;
use crate::adapters::service::RestartSpec;
use crate::adapters::source::SourceSpec;
use crate::cli::args::{CheckArguments, OutputArguments, TargetArguments, duration};
use crate::cli::commands::check::{conclude, write};
use crate::cli::settings::connection::SourceConnectionArguments;
use crate::cli::settings::target::Target;
use crate::domain::journal::identity;
use crate::domain::plan::{Goal, Plan, VERSION};
use crate::domain::report;

/// How a repair is made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Repair")]
pub struct RepairArguments {
    /// Carry the plan out without asking
    #[arg(short, long, env = "REGFSCK_YES")]
    pub yes: bool,
    /// Take missing bytes from here; repeatable, tried in order
    ///
    /// `docker://HOST[/PREFIX]`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `dir:DIR`,
    /// `storage:ROOT` (another registry's root or a backup), `containerd:DIR`, `quarantine:[DIR]`;
    /// an `oci:` layout holds OCI manifests only, so skopeo converts what docker pushed, and `dir:` keeps it;
    /// or let the local engine push what it has under the registry's own name: `docker-daemon:`.
    #[arg(long, env = "REGFSCK_SOURCE", value_name = "SOURCE", value_delimiter = ',')]
    pub source: Vec<SourceSpec>,
    /// How docker:// sources are reached.
    #[command(flatten)]
    pub source_connection: SourceConnectionArguments,
    /// Restart the daemon, as the last remedy; repeatable, one for each replica
    ///
    /// `systemd:UNIT`, `docker:CONTAINER`, `compose:[FILE:]SERVICE`, `kubernetes:[NAMESPACE/]KIND/NAME`,
    /// `exec:COMMAND`. One for --registry and one for each --replica, in that order (one a line in the variable): the
    /// next is restarted when the last answers again. A single one restarts them all.
    #[arg(long, env = "REGFSCK_RESTART", value_name = "SPEC", value_delimiter = '\n')]
    pub restart: Vec<RestartSpec>,
    /// Before a restart, wait until uploads have been quiet for so long; 0 does not wait
    #[arg(long, env = "REGFSCK_DRAIN", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub drain: SignedDuration,
    /// Give a restart so long
    #[arg(long, env = "REGFSCK_RESTART_TIMEOUT", value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub restart_timeout: SignedDuration,
    /// Keep the journal, temporary files and what --resume remembers here
    #[arg(long, env = "REGFSCK_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// `regfsck repair`
#[derive(Debug, Clone, Args)]
pub struct PlanArguments {
    /// The plan that check --plan saved
    #[arg(long, env = "REGFSCK_PLAN", value_name = "FILE")]
    pub plan: PathBuf,
    /// The check by which the repair is proved.
    #[command(flatten)]
    pub check: CheckArguments,
}

/// `regfsck undo`
#[derive(Debug, Clone, Args)]
pub struct UndoArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Undo this run, not the last one
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Where the journal is kept
    #[arg(long, env = "REGFSCK_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Find what is wrong, and repair it to that end; the exit status.
pub(in crate::cli) fn run(arguments: &CheckArguments, goal: Goal, output: &OutputArguments) -> Result<u8> {
    if goal == Goal::Restart && arguments.repair.restart.is_empty() && arguments.target.container.is_none() {
        bail!("restart what? give --restart SPEC, such as systemd:docker-registry or docker:registry");
    }
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        let mut session = Session::open(arguments, output).await?;
        let examination = session.check().await?;
        session.repair(examination, goal).await
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

/// Check, and save the plan of what would be done; the exit status of the check.
pub(in crate::cli) fn save_plan(
    arguments: &CheckArguments,
    path: &Path,
    output: &OutputArguments,
) -> Result<u8> {
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        let mut session = Session::open(arguments, output).await?;
        let examination = session.check().await?;
        let plan = session.plan(&examination, Goal::Fix).await?;
        let text = serde_json::to_string_pretty(&plan)? + "\n";
        std::fs::write(path, text)
            .with_context(|| format!("cannot write the plan to `{}`", path.display()))?;
        let mut report = conclude(examination, session.target.named.clone(), arguments.fail_on);
        report.plan = Some(plan);
        anyhow::Ok(report)
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

/// Carry out a saved plan and nothing else; the exit status.
pub(in crate::cli) fn carry_out(arguments: &PlanArguments, output: &OutputArguments) -> Result<u8> {
    let plan = read_plan(&arguments.plan)?;
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        let mut session = Session::open(&arguments.check, output).await?;
        let named = |target: &report::Target| {
            (target.storage.clone(), target.registry.clone(), target.replicas.clone())
        };
        if named(&plan.target) != named(&session.target.named) {
            bail!(
                "`{}` was made for another registry: {}, not {}",
                arguments.plan.display(),
                shown(&plan.target),
                shown(&session.target.named),
            );
        }
        let examination = session.check().await?;
        session.carry_out(examination, plan).await
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

fn shown(target: &report::Target) -> String {
    let sides = [&target.storage, &target.registry];
    let named = sides.into_iter().flatten().chain(&target.replicas);
    let named: Vec<_> = named.map(String::as_str).collect();
    named.join(" and ")
}

fn read_plan(path: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the plan `{}`", path.display()))?;
    let plan: Plan = serde_json::from_str(&text)
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

/// Where the journal of this registry is.
pub(in crate::cli) fn journal_dir(given: Option<&Path>, target: &Target) -> Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir.to_owned());
    }
    let identity = identity(&target.named).ok_or_else(|| anyhow!("no registry was given"))?;
    state_dir(identity, |name| std::env::var_os(name)).context("give --state-dir DIR")
}

pub(in crate::cli) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("cannot start the runtime")
}
