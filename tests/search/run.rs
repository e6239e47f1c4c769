//! regfsck itself, over ports that lead into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use regfsck::adapters::sandbox::Caching;
use regfsck::domain::code::Severity;
use regfsck::domain::gc;
use regfsck::domain::plan::planner::{Means, Situation, plan};
use regfsck::domain::plan::{Approved, Consent, Goal, Materials};
use regfsck::domain::remedy::Redis;
use regfsck::domain::report::{Coverage, Images, Report, SCHEMA, Target, Tool, Verdict, summarise};
use regfsck::domain::rules;
use regfsck::domain::suspects::SuspectText;
use regfsck::domain::verdict;
use regfsck::engine::check::{Asking, Examination, Extent, Options, Probe, check};
use regfsck::engine::guard::gate::{Intent, gate};
use regfsck::engine::ports::{Cache, Daemon, Silent};
use regfsck::engine::repair::{self, Patience, Repair, Resources};
use regfsck::engine::sides::{Sides, StorageHandle};
use tokio::runtime::{Builder, Runtime};

use crate::ports::{Mirror, Notebook, Ports};
use crate::world::mirror;

/// What regfsck is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    Check,
    /// With a source that has everything.
    Fix,
    Purge,
    /// Around a garbage collection, with or without `-m`, and with no means to restart the daemon.
    Guard(bool),
}

impl Command {
    pub const ALL: [Self; 5] = [Self::Check, Self::Fix, Self::Purge, Self::Guard(false), Self::Guard(true)];
}

impl FromStr for Command {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|command| command.to_string() == text);
        known.ok_or_else(|| format!("`{text}` is no command"))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "check",
            Self::Fix => "fix",
            Self::Purge => "purge",
            Self::Guard(false) => "guard gc",
            Self::Guard(true) => "guard gc -m",
        })
    }
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().max_blocking_threads(2).enable_time().build().unwrap();
}

/// Carries the command out.
///
/// # Errors
/// regfsck itself fails.
pub fn run(ports: &Arc<Ports>, command: Command) -> Result<Report, String> {
    static MIRROR: LazyLock<Arc<Mirror>> = LazyLock::new(|| Arc::new(mirror()));
    let run = Run { ports, mirror: Arc::clone(&MIRROR) };
    RUNTIME.with(|runtime| runtime.block_on(run.carry_out(command)))
}

/// One run of regfsck.
struct Run<'a> {
    ports: &'a Arc<Ports>,
    mirror: Arc<Mirror>,
}

impl Run<'_> {
    fn cache(&self) -> Option<Arc<dyn Cache>> {
        (self.ports.cache == Caching::Redis).then(|| Arc::clone(self.ports) as Arc<dyn Cache>)
    }

    fn daemon(&self) -> Daemon {
        Daemon { reader: Arc::clone(self.ports) as _, writer: Arc::clone(self.ports) as _ }
    }

    fn sides(&self) -> Sides {
        let storage = StorageHandle {
            reader: Arc::clone(self.ports) as _,
            writer: Some(Arc::clone(self.ports) as _),
            uploads: Arc::clone(self.ports) as _,
        };
        Sides { storage: Some(storage), daemons: vec![self.daemon()], cache: self.cache(), flags: Vec::new() }
    }

    /// What `--config` gives.
    fn settings(&self) -> rules::DaemonSettings {
        rules::DaemonSettings {
            delete: Some(true),
            read_only: Some(false),
            proxy: Some(false),
            cache: match self.ports.cache {
                Caching::None => rules::CacheKind::None,
                Caching::InMemory => rules::CacheKind::InMemory,
                Caching::Redis => rules::CacheKind::Redis,
            },
        }
    }

    fn options(&self, command: Command) -> Options {
        let probe_manifests = command != Command::Check;
        Options {
            extent: Extent { grace: SignedDuration::from_mins(10), ..Extent::default() },
            asking: Asking { probe: Probe::Suspects, probe_manifests, jobs: 1 },
            daemon: self.settings(),
            ..Options::default()
        }
    }

    fn under_way(&self) -> Repair {
        let resources = Resources {
            supply: Arc::clone(&self.mirror) as _,
            pusher: None,
            services: Vec::new(),
            patience: Patience::default(),
            jobs: 1,
        };
        let journal = Arc::new(Notebook::default());
        Repair { sides: self.sides(), resources, journal, events: Arc::new(Silent) }
    }

    async fn carry_out(&self, command: Command) -> Result<Report, String> {
        let mut options = self.options(command);
        if let Command::Guard(untagged) = command
            && let Some(refused) = self.collect(untagged, &mut options).await?
        {
            return Ok(report(refused));
        }
        let seen = check(&self.sides(), &options, Arc::new(Silent)).await;
        let examination = seen.map_err(|error| error.to_string())?;
        let goal = match command {
            Command::Check => return Ok(report(examination)),
            Command::Fix => Goal::Fix,
            Command::Purge | Command::Guard(_) => Goal::Purge,
        };
        if examination.refusal.is_some() {
            return Ok(report(examination));
        }
        self.repair(&options, examination, goal).await
    }

    /// The gate, and behind it the collection, whose suspects go into the options; else what was refused.
    async fn collect(&self, untagged: bool, options: &mut Options) -> Result<Option<Examination>, String> {
        let flavour = if self.ports.flavour.is_3() { gc::Release::V3 } else { gc::Release::V2 };
        let intent = Intent { flavours: BTreeSet::from([flavour]), delete_untagged: untagged };
        let looked = gate(Arc::clone(self.ports) as _, &intent, None, Arc::new(Silent)).await;
        let (gate, before) = looked.map_err(|error| error.to_string())?;
        let refuse = |why: &str| {
            Some(Examination {
                started: Timestamp::UNIX_EPOCH,
                finished: Timestamp::UNIX_EPOCH,
                coverage: Coverage::default(),
                refusal: Some(why.to_owned()),
                findings: Vec::new(),
                storage: None,
                purges: BTreeMap::new(),
                redis: Redis::NotGiven,
                unsettled: Vec::new(),
            })
        };
        if !gate.open {
            return Ok(refuse("the gate is shut"));
        }
        let log = self.ports.registry.garbage_collect(untagged, false);
        if log.exit_status() != 0 {
            return Ok(refuse("garbage collection failed"));
        }
        let mut text = SuspectText::default();
        log.output.lines().for_each(|line| text.line(line));
        options.leads.suspects.extend(text.finish().pairs);
        options.leads.since = Some(before);
        Ok(None)
    }

    async fn repair(
        &self,
        options: &Options,
        examination: Examination,
        goal: Goal,
    ) -> Result<Report, String> {
        let (view, findings) = (examination.storage.as_deref(), &examination.findings);
        let materials = match goal {
            Goal::Fix => {
                repair::survey(findings, &examination.unsettled, view, &*self.mirror, 1, &Silent).await
            }
            Goal::Purge | Goal::Collection | Goal::Restart => Materials::default(),
        };
        let situation = Situation {
            findings,
            storage: view,
            daemon: &options.daemon,
            redis: examination.redis,
            purges: &examination.purges,
            unsettled: &examination.unsettled,
        };
        let means = Means { materials: &materials, services: &[] };
        let plan = plan(goal, &situation, means, Target::default(), Timestamp::now());
        if plan.is_empty() {
            return Ok(report(examination));
        }
        let repair = self.under_way();
        if let Err(refused) = repair::preflight(&repair, &plan).await {
            return Ok(report(Examination { refusal: Some(refused.to_string()), ..examination }));
        }
        let approved = Approved::new(plan, Consent::BeforeHand);
        let outcomes = repair::execute(&repair, &approved).await.map_err(|error| error.to_string())?;
        let proven = repair::prove(&repair, options, findings, approved.plan(), &outcomes).await;
        let proven = proven.map_err(|error| error.to_string())?;
        Ok(report(Examination { findings: proven.findings, ..proven.after }))
    }
}

fn report(examination: Examination) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        tool: Tool::default(),
        started: examination.started,
        finished: examination.finished,
        target: Target::default(),
        verdict: Verdict::Coherent,
        exit_status: 0,
        coverage: examination.coverage,
        refusal: examination.refusal,
        plan: None,
        outcomes: None,
        proof: None,
        summary: summarise(&examination.findings),
        findings: examination.findings,
        images: Images::default(),
    };
    verdict::conclude(&mut report, Severity::Error);
    report
}
