//! A repair under way: check, plan, consent, preflight, execute, prove.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use super::repair::journal_dir;
use crate::adapters::journal::{FileJournal, new_run};
use crate::adapters::registry::{Connection, Credential};
use crate::adapters::service::{Engine, EnginePusher};
use crate::adapters::source::{Except, OpenOptions, SourceList, SourceSpec};
use crate::adapters::storage::{FilesystemUploads, FilesystemWriter, quarantined};
use crate::cli::args::{CheckArguments, OutputArguments};
use crate::cli::commands::check::{conclude, options};
use crate::cli::commands::undo::told;
use crate::cli::settings::container::told as service_error;
use crate::cli::settings::services;
use crate::cli::settings::target::Target;
use crate::cli::terminal::consent;
use crate::cli::terminal::progress::Progress;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::history::History;
use crate::domain::plan::planner::{self, Means, Situation};
use crate::domain::plan::{Approved, Goal, Materials, Plan};
use crate::domain::report::{Report, summarise};
use crate::engine::check::{Examination, Options, check};
use crate::engine::ports::{Event, Events as _, JournalError, Pusher, Source, StorageWriter, Uploads};
use crate::engine::repair::{self, Patience, Tools};

/// A repair under way.
pub(in crate::cli) struct Session<'a> {
    arguments: &'a CheckArguments,
    output: &'a OutputArguments,
    pub(in crate::cli) target: Target,
    /// How the registries of `docker://` sources are reached, by host and port.
    docker: BTreeMap<String, Connection>,
    pub(in crate::cli) events: Arc<Progress>,
    pub(in crate::cli) options: Options,
    /// Content whose own file is bad: not to be taken for a source of it.
    bad: BTreeSet<Digest>,
}

impl<'a> Session<'a> {
    pub(in crate::cli) async fn open(
        arguments: &'a CheckArguments,
        output: &'a OutputArguments,
    ) -> Result<Self> {
        refuse_parts(arguments)?;
        let target = Target::find(&arguments.target, &arguments.connection).await?;
        services::count(&arguments.repair.restart, &target)?;
        let docker = docker_sources(arguments).await?;
        let events = Arc::new(Progress::new(output));
        let mut options = options(arguments, &target)?;
        // A repair asks about manifests too: without that it cannot know what a push would do.
        options.probe_manifests = true;
        let bad = BTreeSet::new();
        Ok(Self { arguments, output, target, docker, events, options, bad })
    }

    pub(in crate::cli) async fn check(&mut self) -> Result<Examination> {
        let examination = check(&self.target.sides, &self.options, self.events.clone()).await?;
        self.bad = bad(&examination.findings);
        Ok(examination)
    }

    fn spool(&self) -> Result<PathBuf> {
        let dir = journal_dir(self.arguments.repair.state_dir.as_deref(), &self.target)?.join("spool");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("--state-dir: cannot make the folder `{}`", dir.display()))?;
        Ok(dir)
    }

    /// How the registry of a `docker://` source is reached.
    fn connection(&self, spec: &SourceSpec) -> Option<&Connection> {
        let SourceSpec::Docker { authority, .. } = spec else { return None };
        self.docker.get(authority)
    }

    /// The registry's own storage first: links need bytes that are there; then what was given.
    fn sources(&self) -> Result<SourceList> {
        let spool = self.spool()?;
        let kept = self.target.root.as_deref().map(quarantined).unwrap_or_default();
        let options = |spec: &SourceSpec| OpenOptions {
            spool: spool.clone(),
            quarantine: kept.first().cloned(),
            docker: self.connection(spec).cloned(),
        };
        let open = |spec: &SourceSpec| {
            spec.open(&options(spec)).map_err(|error| {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                anyhow!("--source: {}{hint}", error.told())
            })
        };
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if let Some(root) = &self.target.root {
            let own = open(&SourceSpec::Storage(root.clone()))?;
            sources.push(Box::new(Except::new(own, self.bad.clone())));
        }
        for spec in self.arguments.repair.source.iter().filter(|spec| **spec != SourceSpec::DockerDaemon) {
            sources.push(open(spec)?);
        }
        Ok(SourceList::new(sources, spool))
    }

    /// The local engine, where it is to push.
    fn pusher(&self) -> Result<Option<Arc<dyn Pusher>>> {
        if !self.arguments.repair.source.contains(&SourceSpec::DockerDaemon) {
            return Ok(None);
        }
        let Some(connection) = &self.target.connection else {
            return Err(anyhow!("--source docker-daemon: needs the registry to push to; use --registry URL"));
        };
        let engine = Engine::find(|name| std::env::var_os(name)).map_err(|error| service_error(&error))?;
        let pusher = EnginePusher::new(engine, &connection.address.host_and_port(), PUSH);
        let pusher = match &connection.credentials.whole {
            Credential::Basic { name, password } => pusher.with_login(name, password),
            Credential::Anonymous | Credential::IdentityToken(_) | Credential::RegistryToken(_) => pusher,
        };
        Ok(Some(Arc::new(pusher)))
    }

    /// What there is to repair with. A purge and a restart bring no bytes.
    async fn survey(&self, examination: &Examination) -> Result<Materials> {
        let (view, findings) = (examination.storage.as_deref(), &examination.findings);
        let (sources, jobs) = (self.sources()?, usize::from(self.arguments.connection.jobs));
        let mut materials = repair::survey(findings, view, &sources, jobs, &*self.events).await;
        if let Some(pusher) = self.pusher()? {
            let images = pusher.images().await;
            materials.pushes =
                images.map_err(|error| service_error(&error).context("--source docker-daemon:"))?;
        }
        Ok(materials)
    }

    pub(in crate::cli) async fn plan(&self, examination: &Examination, goal: Goal) -> Result<Plan> {
        let materials = match goal {
            Goal::Fix => self.survey(examination).await?,
            Goal::Purge | Goal::Restart => Materials::default(),
        };
        let services = services::specs(&self.arguments.repair.restart, &self.target);
        let situation = Situation {
            findings: &examination.findings,
            storage: examination.storage.as_deref(),
            daemon: &self.target.daemon,
            purges: examination.may_purge.then_some(&examination.purges),
        };
        let means = Means { materials: &materials, services: &services };
        Ok(planner::plan(goal, &situation, means, self.target.named.clone(), Timestamp::now()))
    }

    pub(in crate::cli) async fn repair(&mut self, examination: Examination, goal: Goal) -> Result<Report> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        let plan = self.plan(&examination, goal).await?;
        self.approve_and_execute(examination, plan, false).await
    }

    /// Carry out a saved plan, which must still fit.
    pub(in crate::cli) async fn carry_out(&mut self, examination: Examination, plan: Plan) -> Result<Report> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        self.approve_and_execute(examination, plan, true).await
    }

    pub(in crate::cli) fn report(&self, examination: Examination) -> Report {
        conclude(examination, self.target.named.clone(), self.arguments.fail_on)
    }

    async fn approve_and_execute(
        &mut self,
        examination: Examination,
        plan: Plan,
        is_saved: bool,
    ) -> Result<Report> {
        if plan.is_empty() {
            let mut report = self.report(examination);
            report.plan = Some(plan);
            return Ok(report);
        }
        let consent = consent::ask(&plan, self.arguments.repair.yes, self.output)?;
        let refuse = |examination: Examination, why: String| {
            let mut report = self.report(Examination { refusal: Some(why), ..examination });
            report.plan = Some(plan.clone());
            Ok(report)
        };
        let tools = match self.tools() {
            Ok(tools) => tools,
            Err(error) => match error.downcast::<JournalError>() {
                Ok(locked @ JournalError::Locked { .. }) => {
                    return refuse(examination, format!("{locked}; {}", locked.hint()));
                }
                Ok(other) => return Err(anyhow!("{}; {}", told_by(&other), other.hint())),
                Err(error) => return Err(error),
            },
        };
        self.announce(&tools);
        let fits = if is_saved { repair::still_fits(&tools, &plan).await } else { Ok(()) };
        let ready = match fits {
            Ok(()) => repair::preflight(&tools, &plan).await,
            refused => refused,
        };
        if let Err(refused) = ready {
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

    /// Say what an earlier run that did not end by itself left behind.
    fn announce(&self, tools: &Tools) {
        let journal = &tools.journal;
        for damage in journal.damage() {
            self.events.emit(Event::Notice(format!("{}: {}", damage.what, damage.why)));
        }
        let history = History::of(journal.earlier());
        for run in history.cut_short() {
            let id = &run.id;
            let unfinished = run.unfinished().len();
            let steps = run.steps.len();
            self.events.emit(Event::Notice(format!(
                "an earlier run ({id}) was interrupted: {unfinished} of its {steps} steps did not end; what they were for is in this run's findings, if it still is so"
            )));
            for change in run.undoable() {
                let what = told(&change.change);
                let text = format!("  it had written down: {what} (regfsck undo --run {id} takes it back)");
                self.events.emit(Event::Notice(text));
            }
        }
    }

    /// Everything that a repair works with. Takes the lock.
    pub(in crate::cli) fn tools(&self) -> Result<Tools> {
        let run = new_run(Timestamp::now());
        let dir = journal_dir(self.arguments.repair.state_dir.as_deref(), &self.target)?;
        let journal = FileJournal::take(&dir, &run)?;
        let root = self.target.root.as_deref();
        let storage_writer = root.map(|root| FilesystemWriter::new(root, &run)).transpose()?;
        let arguments = &self.arguments.repair;
        let timeout = Duration::try_from(arguments.restart_timeout).context("--restart-timeout")?;
        Ok(Tools {
            storage: self.target.sides.storage.clone(),
            storage_writer: storage_writer.map(|writer| Arc::new(writer) as Arc<dyn StorageWriter>),
            uploads: root.map(|root| Arc::new(FilesystemUploads::new(root)) as Arc<dyn Uploads>),
            daemon: self.target.sides.daemon.clone(),
            replicas: self.target.sides.replicas.clone(),
            cache: self.target.sides.cache.clone(),
            supply: Arc::new(self.sources()?),
            pusher: self.pusher()?,
            services: services::connected(&arguments.restart, &self.target, timeout)?,
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

/// How long an engine may push one image.
const PUSH: Duration = Duration::from_secs(3600);

/// The content whose own file is bad.
fn bad(findings: &[Finding]) -> BTreeSet<Digest> {
    let codes = [Code::EmptyBlob, Code::TruncatedBlob, Code::CorruptBlob, Code::UnreadableManifest];
    let bad = findings.iter().filter(|finding| codes.contains(&finding.code));
    bad.filter_map(|finding| finding.subject.digest).collect()
}

/// An error with its causes, in one line.
fn told_by(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
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
