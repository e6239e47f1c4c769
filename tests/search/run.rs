//! regfsck itself, over ports that lead into memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use jiff::SignedDuration;
use regfsck::adapters::sandbox::Caching;
use regfsck::domain::code::Severity;
use regfsck::domain::digest::Digest;
use regfsck::domain::gc::Release;
use regfsck::domain::plan::Goal;
use regfsck::domain::report::Report;
use regfsck::domain::rules;
use regfsck::domain::suspects::SuspectText;
use regfsck::domain::views::storage::StorageView;
use regfsck::engine::check::{Asking, Extent, Options, Probe};
use regfsck::engine::guard::{Behind, Guard, Wishes, guard};
use regfsck::engine::ports::{
    Agreed, Cache, CollectionLog, Daemon, GarbageCollection, GcEnd, GuardFolder, Held, KeepError, LockError,
    LockHeld, Onlooker, RegistryLock, Silent, Stream,
};
use regfsck::engine::repair::{Patience, Resources};
use regfsck::engine::session::{Session, look};
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

/// How a command ended.
pub struct Ended {
    pub status: u8,
    /// None where the gate was shut.
    pub report: Option<Report>,
}

impl From<Report> for Ended {
    fn from(report: Report) -> Self {
        Self { status: report.exit_status, report: Some(report) }
    }
}

/// Carries the command out.
///
/// # Errors
/// regfsck itself fails.
pub fn run(ports: &Arc<Ports>, command: Command) -> Result<Ended, String> {
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
    fn sides(&self) -> Sides {
        let storage = StorageHandle {
            reader: Arc::clone(self.ports) as _,
            writer: None,
            uploads: Arc::clone(self.ports) as _,
        };
        let daemon = Daemon { reader: Arc::clone(self.ports) as _, writer: Arc::clone(self.ports) as _ };
        let redis = self.ports.cache == Caching::Redis;
        let cache = redis.then(|| Arc::clone(self.ports) as Arc<dyn Cache>);
        Sides { storage: Some(storage), daemons: vec![daemon], cache, flags: Vec::new() }
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
            ..rules::DaemonSettings::default()
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

    fn session(&self, command: Command) -> Session {
        Session {
            sides: self.sides(),
            options: self.options(command),
            resources: Resources {
                supply: Arc::clone(&self.mirror) as _,
                pusher: None,
                services: Vec::new(),
                patience: Patience::default(),
                jobs: 1,
            },
            lock: Arc::new(Open(Arc::clone(self.ports))),
            approver: Arc::new(Agreed),
            events: Arc::new(Silent),
            fail_on: Severity::Error,
        }
    }

    async fn carry_out(&self, command: Command) -> Result<Ended, String> {
        let session = self.session(command);
        let ended = match command {
            Command::Check => {
                let seen = look(&session.sides, &session.options, session.fail_on, Arc::new(Silent)).await;
                seen.map_err(|error| error.to_string())
            }
            Command::Fix => session.run(Goal::Fix).await.map_err(|error| error.to_string()),
            Command::Purge => session.run(Goal::Purge).await.map_err(|error| error.to_string()),
            Command::Guard(untagged) => return self.guard(session, untagged).await,
        };
        ended.map(Ended::from)
    }

    async fn guard(&self, session: Session, untagged: bool) -> Result<Ended, String> {
        // What it brings back it kept itself.
        let resources = Resources { supply: Arc::new(Mirror::default()), ..session.resources.clone() };
        let collection = Collection { ports: self.ports, untagged };
        let wishes = Wishes {
            flavour: None,
            delete_untagged: false,
            fix: false,
            accept_loss: false,
            behind: Behind::Settle { restart: false },
        };
        let guarded = guard(Guard {
            session: Session { resources, ..session },
            collection: Some(&collection),
            onlooker: &collection,
            folder: Arc::new(Forgetful),
            wishes,
        });
        let guarded = guarded.await.map_err(|error| error.to_string())?;
        Ok(Ended { status: guarded.exit_status, report: guarded.report })
    }
}

/// Nobody else is there.
struct Open(Arc<Ports>);

impl RegistryLock for Open {
    fn hold(&self) -> Result<Held, LockError> {
        Ok(Held::new(()))
    }

    fn take(&self) -> Result<LockHeld, LockError> {
        let storage = Some(Arc::clone(&self.0) as _);
        Ok(LockHeld { held: Held::new(()), journal: Arc::new(Notebook::default()), storage })
    }
}

/// The sandbox's garbage collection, as its command.
struct Collection<'a> {
    ports: &'a Ports,
    untagged: bool,
}

#[async_trait]
impl GarbageCollection for Collection<'_> {
    fn words(&self) -> Vec<String> {
        vec!["gc".to_owned()]
    }

    fn deletes_untagged(&self) -> bool {
        self.untagged
    }

    async fn flavour(&self) -> Option<Release> {
        Some(if self.ports.flavour.is_3() { Release::V3 } else { Release::V2 })
    }

    async fn run(&self, _: &dyn Onlooker) -> io::Result<GcEnd> {
        let log = self.ports.registry.garbage_collect(self.untagged, false);
        let mut text = SuspectText::default();
        log.output.lines().for_each(|line| text.line(line));
        Ok(GcEnd { status: Some(log.exit_status().into()), signal: None, suspects: text.finish() })
    }
}

impl Onlooker for Collection<'_> {
    fn see(&self, _: Stream, _: &[u8]) {}
}

/// Nothing outlasts a run.
struct Forgetful;

impl GuardFolder for Forgetful {
    fn keep(&self, _: &StorageView) -> Result<String, KeepError> {
        Ok(String::new())
    }

    fn keep_manifests(&self, _: &BTreeMap<Digest, Vec<u8>>) -> Result<(), KeepError> {
        Ok(())
    }

    fn log(&self) -> Result<CollectionLog, KeepError> {
        Ok(CollectionLog { path: String::new(), file: Box::new(io::sink()) })
    }
}
