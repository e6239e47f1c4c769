//! `check --fix`, `repair`, `purge`, `restart`, `undo`: what changes the registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::arguments::{CheckArguments, OutputArguments, TargetArguments, duration};
use super::check::{conclude, options, write};
use super::connection::{ConnectionArguments, SourceConnectionArguments};
use super::progress::Progress;
use super::target::Target;
use crate::adapters::journal::{FileJournal, new_run, state_dir};
use crate::adapters::registry::{Connection, HttpWriter};
use crate::adapters::service::{RestartSpec, connect};
use crate::adapters::source::{OpenOptions, SourceList, SourceSpec};
use crate::adapters::storage::{FilesystemUploads, FilesystemWriter, quarantined};
use crate::domain::journal::identity;
use crate::domain::plan::{Approved, Consent, Plan, Stage, VERSION};
use crate::domain::planner::{self, Situation};
use crate::domain::report::{Report, summarise};
use crate::engine::check::{Examination, Options, check};
use crate::engine::ports::{JournalError, RegistryWriter, Service, Source, StorageWriter, Uploads};
use crate::engine::repair::{self, Materials, Patience, Tools};
use crate::engine::undo::undo;
use crate::report::table;

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
    /// `storage:ROOT` (another registry's root or a backup), `containerd:DIR`, `quarantine:[DIR]`.
    #[arg(long, env = "REGFSCK_SOURCE", value_name = "SOURCE", value_delimiter = ',')]
    pub source: Vec<SourceSpec>,
    /// How docker:// sources are reached.
    #[command(flatten)]
    pub source_connection: SourceConnectionArguments,
    /// Restart the daemon, as the last remedy
    ///
    /// `systemd:UNIT`, `docker:CONTAINER`, `compose:[FILE:]SERVICE`, `kubernetes:[NAMESPACE/]KIND/NAME`,
    /// `exec:COMMAND`.
    #[arg(long, env = "REGFSCK_RESTART", value_name = "SPEC")]
    pub restart: Option<RestartSpec>,
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

/// What a repair may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything that helps.
    Fix,
    /// Only make the daemon forget what is not there.
    Purge,
    /// Only restart the daemon.
    Restart,
}

/// Find what is wrong, and repair it in that mode; the exit status.
pub(super) fn run(arguments: &CheckArguments, mode: Mode, output: &OutputArguments) -> Result<u8> {
    if mode == Mode::Restart && arguments.repair.restart.is_none() && arguments.target.container.is_none() {
        bail!("restart what? give --restart SPEC, such as systemd:docker-registry or docker:registry");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        let mut session = Session::open(arguments, output).await?;
        let examination = session.check().await?;
        session.repair(examination, mode).await
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

/// Check, and save the plan of what would be done; the exit status of the check.
pub(super) fn save_plan(arguments: &CheckArguments, path: &Path, output: &OutputArguments) -> Result<u8> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        let mut session = Session::open(arguments, output).await?;
        let examination = session.check().await?;
        let plan = session.plan(&examination, Mode::Fix).await?;
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
pub(super) fn carry_out(arguments: &PlanArguments, output: &OutputArguments) -> Result<u8> {
    let plan = read_plan(&arguments.plan)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        let mut session = Session::open(&arguments.check, output).await?;
        if plan.target.storage != session.target.named.storage
            || plan.target.registry != session.target.named.registry
        {
            bail!(
                "`{}` was made for another registry: {}, not {}",
                arguments.plan.display(),
                shown(&plan.target),
                shown(&session.target.named),
            );
        }
        let examination = session.check().await?;
        session.approve_and_execute(examination, plan).await
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

fn shown(target: &crate::domain::report::Target) -> String {
    let sides = [&target.storage, &target.registry];
    let named: Vec<_> = sides.into_iter().flatten().map(String::as_str).collect();
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

/// Put quarantined files and links back; the exit status.
pub(super) fn take_back(arguments: &UndoArguments) -> Result<u8> {
    let connection = ConnectionArguments::default();
    let mut target_arguments = arguments.target.clone();
    target_arguments.offline = target_arguments.registry.is_none();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let target = runtime.block_on(Target::find(&target_arguments, &connection))?;
    let Some(root) = &target.root else {
        bail!("undo needs the storage: use --config FILE or --storage DIR")
    };
    let run = new_run(Timestamp::now());
    let journal = FileJournal::take(&journal_dir(arguments.state_dir.as_deref(), &target)?, &run)?;
    let writer = FilesystemWriter::new(root, &run)?;
    let undone = undo(&journal, &writer, target.named.clone(), arguments.run.as_deref())?;
    let mut text = format!("run {}: {} taken back\n", undone.run, changes(undone.taken_back.len()));
    for (change, why) in &undone.left {
        let _ = writeln!(text, "left as it is: {:?}: {why}", change.change);
    }
    super::terminal::print(&text)?;
    Ok(0)
}

fn changes(count: usize) -> String {
    format!("{count} change{}", if count == 1 { "" } else { "s" })
}

pub(super) fn journal_dir(given: Option<&Path>, target: &Target) -> Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir.to_owned());
    }
    let identity = identity(&target.named).ok_or_else(|| anyhow!("no registry was given"))?;
    state_dir(identity, |name| std::env::var_os(name)).context("give --state-dir DIR")
}

/// A repair under way.
pub(super) struct Session<'a> {
    arguments: &'a CheckArguments,
    output: &'a OutputArguments,
    pub(super) target: Target,
    /// How the registries of `docker://` sources are reached, by host and port.
    docker: BTreeMap<String, Connection>,
    pub(super) events: Arc<Progress>,
    materials: Materials,
    pub(super) options: Options,
}

impl<'a> Session<'a> {
    pub(super) async fn open(arguments: &'a CheckArguments, output: &'a OutputArguments) -> Result<Self> {
        refuse_parts(arguments)?;
        let target = Target::find(&arguments.target, &arguments.connection).await?;
        let docker = docker_sources(arguments).await?;
        let events = Arc::new(Progress::new(output));
        let mut options = options(arguments, &target)?;
        // A repair asks about manifests too: without that it cannot know what a push would do.
        options.probe_manifests = true;
        Ok(Self { arguments, output, target, docker, events, materials: Materials::default(), options })
    }

    pub(super) async fn check(&self) -> Result<Examination> {
        Ok(check(&self.target.sides, &self.options, self.events.clone()).await?)
    }

    /// What restarts the daemon: what was said, else what follows from where it runs.
    fn restart(&self) -> Option<&RestartSpec> {
        self.arguments.repair.restart.as_ref().or(self.target.restart.as_ref())
    }

    fn spool(&self) -> Result<PathBuf> {
        let dir = journal_dir(self.arguments.repair.state_dir.as_deref(), &self.target)?.join("spool");
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the folder `{}`", dir.display()))?;
        Ok(dir)
    }

    /// The registry's own storage first: links need bytes that are there; then what was given.
    fn sources(&self) -> Result<SourceList> {
        let spool = self.spool()?;
        let own = self.target.root.iter().map(|root| SourceSpec::Storage(root.clone()));
        let kept = self.target.root.as_deref().map(quarantined).unwrap_or_default();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for spec in own.chain(self.arguments.repair.source.iter().cloned()) {
            let docker = if let SourceSpec::Docker { authority, .. } = &spec {
                self.docker.get(authority).cloned()
            } else {
                None
            };
            let options = OpenOptions { spool: spool.clone(), quarantine: kept.first().cloned(), docker };
            let opened = spec.open(&options).map_err(|error| {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                anyhow!("--source: {}{hint}", error.told())
            })?;
            sources.push(opened);
        }
        Ok(SourceList::new(sources, spool))
    }

    async fn plan(&mut self, examination: &Examination, mode: Mode) -> Result<Plan> {
        let sources = self.sources()?;
        if mode == Mode::Fix {
            let (view, findings) = (examination.storage.as_deref(), &examination.findings);
            let jobs = usize::from(self.arguments.connection.jobs);
            self.materials = repair::survey(findings, view, &sources, jobs, &*self.events).await;
        }
        let restart = self.restart().map(ToString::to_string);
        let mut daemon = self.target.daemon.clone();
        if mode == Mode::Restart {
            // Nothing but the restart is wanted.
            daemon.delete = Some(false);
            daemon.read_only = Some(true);
        }
        let situation = Situation {
            findings: &examination.findings,
            storage: examination.storage.as_deref(),
            daemon: &daemon,
            manifests: &self.materials.manifests,
            sightings: &self.materials.sightings,
            tags: &self.materials.tags,
            restart: restart.as_deref().filter(|_| mode != Mode::Purge),
            target: self.target.named.clone(),
            purges: examination.may_purge.then_some(&examination.purges),
        };
        let mut plan = planner::plan(&situation, Timestamp::now());
        plan.steps.retain(|step| match mode {
            Mode::Fix => true,
            Mode::Purge => step.stage == Stage::Claims,
            Mode::Restart => step.stage == Stage::Restart,
        });
        Ok(plan)
    }

    pub(super) async fn repair(&mut self, examination: Examination, mode: Mode) -> Result<Report> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        let plan = self.plan(&examination, mode).await?;
        self.approve_and_execute(examination, plan).await
    }

    pub(super) fn report(&self, examination: Examination) -> Report {
        conclude(examination, self.target.named.clone(), self.arguments.fail_on)
    }

    async fn approve_and_execute(&mut self, examination: Examination, plan: Plan) -> Result<Report> {
        if plan.is_empty() {
            let mut report = self.report(examination);
            report.plan = Some(plan);
            return Ok(report);
        }
        let consent = self.ask(&plan)?;
        let refuse = |examination: Examination, why: String| {
            let mut report = self.report(Examination { refusal: Some(why), ..examination });
            report.plan = Some(plan.clone());
            Ok(report)
        };
        let tools = match self.tools() {
            Ok(tools) => tools,
            Err(error) => match error.downcast::<JournalError>() {
                Ok(locked @ JournalError::Locked { .. }) => return refuse(examination, locked.to_string()),
                Ok(other) => return Err(other.into()),
                Err(error) => return Err(error),
            },
        };
        if let Err(refused) = repair::preflight(&tools, &plan).await {
            return refuse(examination, refused.to_string());
        }
        let approved = Approved::new(plan, consent);
        let outcomes = repair::execute(&tools, &approved).await?;
        let plan = approved.plan().clone();
        let (options, sides) = (&self.options, &self.target.sides);
        let proven = repair::prove(&tools, sides, options, &examination.findings, &plan, &outcomes).await?;
        let started = examination.started;
        let mut report = self.report(Examination { started, findings: proven.findings, ..proven.after });
        report.summary = summarise(&report.findings);
        (report.plan, report.outcomes, report.proof) = (Some(plan), Some(outcomes), Some(proven.proof));
        Ok(report)
    }

    /// Show the plan, and ask whether it may be carried out.
    fn ask(&self, plan: &Plan) -> Result<Consent> {
        if self.arguments.repair.yes {
            return Ok(Consent::BeforeHand);
        }
        let shown = table::plan(plan, super::terminal::drawing(self.output));
        let mut err = anstream::stderr().lock();
        std::io::Write::write_all(&mut err, shown.as_bytes()).context("cannot write to stderr")?;
        drop(err);
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            bail!(
                "nothing was changed: there is no terminal to ask on; --yes carries the plan out, --plan FILE saves it"
            );
        }
        let agreed = dialoguer::Confirm::new().with_prompt("Carry this out?").default(false).interact();
        if !agreed.context("nothing was changed: no answer could be read")? {
            bail!("nothing was changed, as you said");
        }
        Ok(Consent::Asked)
    }

    /// Everything that a repair works with. Takes the lock.
    pub(super) fn tools(&self) -> Result<Tools> {
        let run = new_run(Timestamp::now());
        let dir = journal_dir(self.arguments.repair.state_dir.as_deref(), &self.target)?;
        let journal = FileJournal::take(&dir, &run)?;
        let root = self.target.root.as_deref();
        let storage_writer = root.map(|root| FilesystemWriter::new(root, &run)).transpose()?;
        let writer = self.target.connection.as_ref().map(HttpWriter::new).transpose();
        let writer = writer.map_err(|error| anyhow!("{error}"))?;
        let arguments = &self.arguments.repair;
        let timeout = Duration::try_from(arguments.restart_timeout).context("--restart-timeout")?;
        let service: Option<Arc<dyn Service>> = self
            .restart()
            .map(|spec| connect(spec, timeout))
            .transpose()
            .map_err(|error| anyhow!("{error}"))?;
        Ok(Tools {
            storage: self.target.sides.storage.clone(),
            storage_writer: storage_writer.map(|writer| Arc::new(writer) as Arc<dyn StorageWriter>),
            uploads: root.map(|root| Arc::new(FilesystemUploads::new(root)) as Arc<dyn Uploads>),
            registry: self.target.sides.registry.clone(),
            writer: writer.map(|writer| Arc::new(writer) as Arc<dyn RegistryWriter>),
            cache: self.target.sides.cache.clone(),
            supply: Arc::new(self.sources()?),
            service,
            journal: Arc::new(journal),
            events: self.events.clone(),
            jobs: usize::from(self.arguments.connection.jobs),
            patience: Patience {
                quiet: Duration::try_from(arguments.drain).context("--drain")?,
                restart: timeout,
                ..Patience::default()
            },
        })
    }
}

/// A repair is proved by what a whole check no longer finds: what a part leaves out would look repaired.
fn refuse_parts(arguments: &CheckArguments) -> Result<()> {
    let shard = arguments.shard.shard.map(|_| "--shard");
    match shard.or(arguments.budget.partial()) {
        Some(flag) => bail!(
            "{flag} is for checks that only look: what is changed is proved by checking all of it again; leave {flag} out"
        ),
        None => Ok(()),
    }
}

/// How the registries of `docker://` sources are reached.
async fn docker_sources(arguments: &CheckArguments) -> Result<BTreeMap<String, Connection>> {
    let mut connections = BTreeMap::new();
    for spec in &arguments.repair.source {
        if let SourceSpec::Docker { authority, .. } = spec {
            let own = &arguments.repair.source_connection;
            let settings = arguments.connection.source_settings(own, authority).await?;
            connections.insert(authority.clone(), settings);
        }
    }
    Ok(connections)
}
