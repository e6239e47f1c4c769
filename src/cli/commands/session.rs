//! A repair under way: check, plan, consent, preflight, execute, prove.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;

use super::undo::told;
use crate::adapters::journal::{FileJournal, new_run};
use crate::adapters::registry::{Connection, Credential};
use crate::adapters::service::{Engine, EnginePusher, RestartSpec};
use crate::adapters::source::{Except, OpenOptions, SourceList, SourceSpec};
use crate::adapters::storage::{FilesystemWriter, quarantined};
use crate::cli::args::check::CheckArguments;
use crate::cli::args::content::PartArguments;
use crate::cli::args::means::{RestartArguments, SourceArguments, StateArguments};
use crate::cli::settings::check::options;
use crate::cli::settings::container::service_error;
use crate::cli::settings::target::Target;
use crate::cli::settings::{services, state};
use crate::cli::terminal::Terminal;
use crate::cli::terminal::consent;
use crate::cli::terminal::progress::Progress;
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::history::History;
use crate::domain::plan::planner::{self, Means, Situation};
use crate::domain::plan::{Approved, Goal, Materials, Plan};
use crate::domain::report::{self, Report, SCHEMA, Tool, Verdict, summarise};
use crate::domain::verdict;
use crate::engine::check::{Examination, Options, check};
use crate::engine::ports::{
    Event, Events as _, Held, JournalError, Pusher, RegistryLock as _, Source, StorageWriter,
};
use crate::engine::repair::{self, Patience, Repair, Resources};
use crate::engine::write_ahead::with_causes;

/// A repair under way.
pub(super) struct Session<'a> {
    arguments: &'a CheckArguments,
    state: &'a StateArguments,
    terminal: &'a Terminal,
    pub(super) target: Target,
    /// Whether somebody agreed beforehand to whatever is planned.
    is_agreed: bool,
    sources: Vec<SourceSpec>,
    /// How the registries of `docker://` sources are reached, by host and port.
    docker: BTreeMap<String, Connection>,
    restarts: Vec<RestartSpec>,
    patience: Patience,
    pub(super) events: Arc<Progress>,
    pub(super) options: Options,
    /// Content whose own file is bad: not to be taken for a source of it.
    bad: BTreeSet<Digest>,
    /// What keeps others from changing the registry, from the first change on.
    held: Option<Held>,
}

impl<'a> Session<'a> {
    pub(super) async fn open(
        arguments: &'a CheckArguments,
        state: &'a StateArguments,
        terminal: &'a Terminal,
    ) -> Result<Self> {
        let target = Target::find(&(&arguments.target).into(), &arguments.connection).await?;
        let mut options = options(arguments, &PartArguments::default(), state, &target)?;
        // A repair asks about manifests too: without that it cannot know what a push would do.
        options.asking.probe_manifests = true;
        Ok(Self {
            arguments,
            state,
            terminal,
            target,
            is_agreed: false,
            sources: Vec::new(),
            docker: BTreeMap::new(),
            restarts: Vec::new(),
            patience: Patience::default(),
            events: terminal.progress(),
            options,
            bad: BTreeSet::new(),
            held: None,
        })
    }

    /// Keep others from changing the registry, as long as this session or another that holds it is there.
    pub(super) fn hold(&mut self) -> Result<Held, JournalError> {
        let held = match self.held.take() {
            Some(held) => held,
            None => state::lock(self.target.root.as_deref(), &self.target.named).take()?,
        };
        self.held = Some(held.clone());
        Ok(held)
    }

    /// With a lock that is held already.
    pub(super) fn holding(mut self, held: Option<Held>) -> Self {
        self.held = held;
        self
    }

    pub(super) const fn asking(mut self, is_agreed: bool) -> Self {
        self.is_agreed = is_agreed;
        self
    }

    /// With sources to take bytes from.
    pub(super) async fn with_sources(mut self, arguments: &SourceArguments) -> Result<Self> {
        self.sources.clone_from(&arguments.source);
        for spec in &self.sources {
            if let SourceSpec::Docker { authority, .. } = spec {
                let connection = &self.arguments.connection;
                let settings = connection.source_settings(&arguments.connection, authority).await?;
                self.docker.insert(authority.clone(), settings);
            }
        }
        Ok(self)
    }

    /// With something to restart, and so much patience for it.
    pub(super) fn with_restarts(mut self, arguments: &RestartArguments) -> Result<Self> {
        services::count(&arguments.restart, &self.target)?;
        self.restarts.clone_from(&arguments.restart);
        self.patience = Patience {
            quiet: Duration::try_from(arguments.drain).context("--drain")?,
            restart: Duration::try_from(arguments.restart_timeout).context("--restart-timeout")?,
            ..Patience::default()
        };
        Ok(self)
    }

    pub(super) async fn check(&mut self) -> Result<Examination> {
        let examination = check(&self.target.sides, &self.options, self.events.clone()).await?;
        self.bad = bad(&examination.findings);
        Ok(examination)
    }

    fn state_folder(&self) -> Result<PathBuf> {
        state::folder(self.state, &self.target.named)
    }

    /// How the registry of a `docker://` source is reached.
    fn connection(&self, spec: &SourceSpec) -> Option<&Connection> {
        let SourceSpec::Docker { authority, .. } = spec else { return None };
        self.docker.get(authority)
    }

    /// The registry's own storage first: links need bytes that are there; then what was given.
    fn sources(&self) -> Result<SourceList> {
        let spool = state::spool(&self.state_folder()?)?;
        let kept = self.target.root.as_deref().map(quarantined).unwrap_or_default();
        let options = |spec: &SourceSpec| OpenOptions {
            spool: spool.clone(),
            quarantine: kept.first().cloned(),
            docker: self.connection(spec).cloned(),
        };
        let open = |spec: &SourceSpec| {
            spec.open(&options(spec)).map_err(|error| {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                anyhow!("--source: {}{hint}", error.with_causes())
            })
        };
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if let Some(root) = &self.target.root {
            let own = open(&SourceSpec::Storage(root.clone()))?;
            sources.push(Box::new(Except::new(own, self.bad.clone())));
        }
        for spec in self.sources.iter().filter(|spec| **spec != SourceSpec::DockerDaemon) {
            sources.push(open(spec)?);
        }
        Ok(SourceList::new(sources, spool))
    }

    /// The local engine, where it is to push.
    fn pusher(&self) -> Result<Option<Arc<dyn Pusher>>> {
        if !self.sources.contains(&SourceSpec::DockerDaemon) {
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

    pub(super) async fn plan(&self, examination: &Examination, goal: Goal) -> Result<Plan> {
        let materials = match goal {
            Goal::Fix => self.survey(examination).await?,
            Goal::Purge | Goal::Restart => Materials::default(),
        };
        let services = services::specs(&self.restarts, &self.target);
        let situation = Situation {
            findings: &examination.findings,
            storage: examination.storage.as_deref(),
            daemon: &self.target.daemon,
            redis: examination.redis,
            purges: &examination.purges,
        };
        let means = Means { materials: &materials, services: &services };
        Ok(planner::plan(goal, &situation, means, self.target.named.clone(), Timestamp::now()))
    }

    pub(super) async fn repair(&mut self, examination: Examination, goal: Goal) -> Result<Report> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        let plan = self.plan(&examination, goal).await?;
        self.approve_and_execute(examination, plan, false).await
    }

    /// Carry out a saved plan, which must still fit.
    pub(super) async fn carry_out(&mut self, examination: Examination, plan: Plan) -> Result<Report> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        self.approve_and_execute(examination, plan, true).await
    }

    pub(super) fn report(&self, examination: Examination) -> Report {
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
        let consent = consent::ask(&plan, self.is_agreed, self.terminal)?;
        let held = self.hold();
        let refuse = |examination: Examination, why: String| {
            let mut report = self.report(Examination { refusal: Some(why), ..examination });
            report.plan = Some(plan.clone());
            Ok(report)
        };
        let tools = match held.map_err(anyhow::Error::from).and_then(|_| self.tools()) {
            Ok(tools) => tools,
            Err(error) => match error.downcast::<JournalError>() {
                Ok(locked @ JournalError::Locked { .. }) => {
                    return refuse(examination, format!("{locked}; {}", locked.hint()));
                }
                Ok(other) => return Err(anyhow!("{}; {}", with_causes(&other), other.hint())),
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
        let options = &self.options;
        let proven = repair::prove(&tools, options, &examination.findings, &plan, &outcomes).await?;
        let started = examination.started;
        let mut report = self.report(Examination { started, findings: proven.findings, ..proven.after });
        report.summary = summarise(&report.findings);
        (report.plan, report.outcomes, report.proof) = (Some(plan), Some(outcomes), Some(proven.proof));
        Ok(report)
    }

    /// Say what an earlier run that did not end by itself left behind.
    fn announce(&self, tools: &Repair) {
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
    pub(super) fn tools(&self) -> Result<Repair> {
        let run = new_run(Timestamp::now());
        let journal = FileJournal::take(&self.state_folder()?, &run)?;
        let root = self.target.root.as_deref();
        let writer = root.map(|root| FilesystemWriter::new(root, &run)).transpose()?;
        let mut sides = self.target.sides.clone();
        if let Some(storage) = &mut sides.storage {
            storage.writer = writer.map(|writer| Arc::new(writer) as Arc<dyn StorageWriter>);
        }
        let resources = Resources {
            supply: Arc::new(self.sources()?),
            pusher: self.pusher()?,
            services: services::connected(&self.restarts, &self.target, self.patience.restart)?,
            patience: self.patience,
            jobs: usize::from(self.arguments.connection.jobs),
        };
        Ok(Repair { sides, resources, journal: Arc::new(journal), events: self.events.clone() })
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

/// Make a report of what was examined.
pub(super) fn conclude(examination: Examination, target: report::Target, fail_on: Severity) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        tool: Tool::default(),
        started: examination.started,
        finished: examination.finished,
        target,
        verdict: Verdict::Coherent,
        exit_status: 0,
        coverage: examination.coverage,
        refusal: examination.refusal,
        plan: None,
        outcomes: None,
        proof: None,
        summary: summarise(&examination.findings),
        findings: examination.findings,
        images: Vec::new(),
    };
    verdict::conclude(&mut report, fail_on);
    report
}
