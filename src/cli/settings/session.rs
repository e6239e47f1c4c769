//! All that a repair needs: its adapters, built once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::starts::witnesses;
use super::target::Target;
use super::{check, services, sources, state};
use crate::adapters::journal::new_run;
use crate::adapters::lock::StateLock;
use crate::adapters::opened::OpenedStorage;
use crate::adapters::source::SourceList;
use crate::cli::args::check::CheckArguments;
use crate::cli::args::content::PartArguments;
use crate::cli::args::means::{RestartArguments, SourceArguments, StateArguments};
use crate::cli::terminal::Terminal;
use crate::cli::terminal::interrupt::Interrupt;
use crate::domain::finding::Finding;
use crate::domain::plan::{Consent, Plan};
use crate::engine::ports::{Agreed, Approver, Census, Declined};
use crate::engine::repair::{Patience, Resources};
use crate::engine::session::Session;

/// A session in the making, and what of its target the arguments said.
pub(in crate::cli) struct Opening<'a> {
    arguments: &'a CheckArguments,
    target: Target,
    /// Where the state of this registry is.
    pub(in crate::cli) state: PathBuf,
    /// The name of this run.
    pub(in crate::cli) run: String,
    session: Session,
}

impl<'a> Opening<'a> {
    /// A session without sources and restarts.
    ///
    /// # Errors
    /// When the arguments name no registry, or one that cannot be looked at.
    pub(in crate::cli) async fn new(
        arguments: &'a CheckArguments,
        kept: &StateArguments,
        terminal: &Terminal,
    ) -> Result<Self> {
        let target = Target::find(arguments).await?;
        let mut options = check::options(arguments, &PartArguments::default(), kept, &target)?;
        // A repair asks about manifests too: without that it cannot know what a push would do.
        options.asking.probe_manifests = true;
        let state = state::folder(kept, &target.named)?;
        let run = new_run(Timestamp::now());
        let address = target.named.registry.as_deref();
        let lock = StateLock::new(state.clone(), target.storage.clone(), address, run.clone());
        let session = Session {
            sides: target.sides.clone(),
            resources: resources(options.asking.jobs),
            options,
            lock: Arc::new(lock),
            approver: Arc::new(terminal.clone()),
            events: terminal.progress(),
            fail_on: arguments.fail_on,
        };
        Ok(Self { arguments, target, state, run, session })
    }

    /// With somebody who agreed beforehand, if somebody did.
    pub(in crate::cli) fn agreed(mut self, is_agreed: bool) -> Self {
        if is_agreed {
            self.session.approver = Arc::new(Agreed) as Arc<dyn Approver>;
        }
        self
    }

    /// With sources to take bytes from.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(in crate::cli) async fn with_sources(mut self, arguments: &SourceArguments) -> Result<Self> {
        let list = sources::sources(arguments, &self.arguments.connection, &self.target, &self.state).await?;
        self.session.resources.supply = Arc::new(list);
        self.session.resources.pusher = sources::pusher(arguments, &self.target)?;
        Ok(self)
    }

    /// With something to restart, and so much patience for it.
    ///
    /// # Errors
    /// When there are more or fewer than daemons, or one cannot be reached at all.
    pub(in crate::cli) fn with_restarts(mut self, arguments: &RestartArguments) -> Result<Self> {
        services::count(&arguments.restart, &self.target)?;
        let patience = Patience {
            quiet: Duration::try_from(arguments.drain).context("--drain")?,
            restart: Duration::try_from(arguments.restart_timeout).context("--restart-timeout")?,
            ..Patience::default()
        };
        let services = services::connected(&arguments.restart, &self.target, patience.restart)?;
        let state = Some(self.state.as_path());
        let starts = witnesses(&self.target, &arguments.restart, state, self.arguments.started);
        self.session.options.starts = Some(Arc::new(starts));
        self.session.resources.services = services;
        self.session.resources.patience = patience;
        Ok(self)
    }

    /// What counts its blobs, where that is cheap.
    pub(in crate::cli) fn census(&self) -> Option<Arc<dyn Census>> {
        self.target.storage.as_ref().and_then(OpenedStorage::census)
    }

    /// The session.
    pub(in crate::cli) fn session(self) -> Session {
        self.session
    }

    /// A session that a signal ends between two steps, once somebody agreed to them: before that it ends the program.
    pub(in crate::cli) fn stoppable(self) -> Session {
        let approver = Arc::new(Stoppable(Arc::clone(&self.session.approver)));
        Session { approver, ..self.session }
    }
}

/// Asks another, and watches for signals when that one agreed.
struct Stoppable(Arc<dyn Approver>);

impl Approver for Stoppable {
    fn ask(&self, plan: &Plan, findings: &[Finding]) -> Result<Consent, Declined> {
        let consent = self.0.ask(plan, findings)?;
        Interrupt::watch_changes();
        Ok(consent)
    }
}

/// Nothing to repair with but what the registry itself can do.
fn resources(jobs: usize) -> Resources {
    Resources {
        supply: Arc::new(SourceList::default()),
        pusher: None,
        services: Vec::new(),
        patience: Patience::default(),
        jobs,
    }
}
