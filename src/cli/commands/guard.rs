//! `regfsck guard`: garbage collection with a look before and after.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::session::Session;
use crate::adapters::gc::{GcCommand, Onlooker, Stream};
use crate::adapters::{journal, snapshot};
use crate::cli::args::guard::GuardCommand;
use crate::cli::settings::state;
use crate::cli::terminal::Terminal;
use crate::domain::gc::Release;
use crate::domain::guard::{COLLECTION_FAILED, Collected, Gate, Guarded, Stage};
use crate::domain::plan::Goal;
use crate::domain::report::{Report, SCHEMA, Tool, Verdict};
use crate::domain::rules::CacheKind;
use crate::domain::verdict;
use crate::domain::views::storage::StorageView;
use crate::domain::{difference, suspects::Suspects};
use crate::engine::check::Examination;
use crate::engine::guard::gate::{Intent, gate};
use crate::engine::ports::{Event, Events as _};
use crate::engine::repair::restart_now;
use crate::report::guard as drawn;

/// Guard it, report, and return the exit status.
pub(in crate::cli) fn run(arguments: &GuardCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&arguments.result).with_progress(&arguments.progress);
    let command = GcCommand::new(&arguments.command);
    if command.is_none() && !arguments.gate_only {
        bail!("which garbage collection? give its command after `--`, or --gate-only");
    }
    let guarded = super::runtime()?.block_on(async {
        let mut run = Run::open(arguments, &terminal, command).await?;
        run.stages().await?;
        anyhow::Ok(run.conclude())
    })?;
    terminal.write(&guarded, |drawing| drawn::draw(&guarded, drawing))?;
    Ok(guarded.exit_status)
}

/// A guarded garbage collection under way.
struct Run<'a> {
    arguments: &'a GuardCommand,
    terminal: &'a Terminal,
    command: Option<GcCommand>,
    guarded: Guarded,
}

impl<'a> Run<'a> {
    async fn open(
        arguments: &'a GuardCommand,
        terminal: &'a Terminal,
        command: Option<GcCommand>,
    ) -> Result<Self> {
        let told = match (&command, arguments.gc_version) {
            (Some(command), None) => command.flavour().await,
            (_, given) => given,
        };
        let flavours = told.map_or([Release::V2, Release::V3].into(), |flavour| BTreeSet::from([flavour]));
        let told = command.as_ref().is_some_and(GcCommand::deletes_untagged);
        let delete_untagged = arguments.delete_untagged || told;
        let now = Timestamp::now();
        let guarded = Guarded {
            schema: SCHEMA,
            tool: Tool::default(),
            started: now,
            finished: now,
            failed: None,
            exit_status: 0,
            gate: Gate { flavours, delete_untagged, ..Gate::default() },
            snapshot: None,
            collection: None,
            restart: None,
            report: None,
        };
        Ok(Self { arguments, terminal, command, guarded })
    }

    async fn stages(&mut self) -> Result<()> {
        // What is cleared after garbage collection is what guarding it means: nobody is asked.
        let mut session = self.session(true).await?;
        let mut before = self.gate(&session).await?;
        if !self.guarded.gate.open && self.arguments.fix {
            self.fix().await?;
            before = self.gate(&session).await?;
        }
        let gate = &self.guarded.gate;
        let is_accepted = self.arguments.accept_loss && gate.aborts.is_empty() && gate.unknown.is_empty();
        if !(gate.open || is_accepted) {
            self.guarded.failed = Some(Stage::Gate);
            return Ok(());
        }
        let Some(command) = self.command.clone().filter(|_| !self.arguments.gate_only) else { return Ok(()) };
        let place = self.snapshot(&session, &before)?;
        let suspects = self.collect(&command, &place).await?;
        session.options.leads.suspects.extend(suspects.pairs);
        session.options.leads.since = Some(Arc::clone(&before));
        self.after(&mut session, &before).await
    }

    async fn session(&self, is_agreed: bool) -> Result<Session<'a>> {
        let arguments = self.arguments;
        let session = Session::open(&arguments.check, &arguments.state, self.terminal).await?;
        let session = session.asking(is_agreed).with_sources(&arguments.source).await?;
        session.with_restarts(&arguments.restart)
    }

    /// Look at storage, and enter in the report what garbage collection would do.
    async fn gate(&mut self, session: &Session<'_>) -> Result<Arc<StorageView>> {
        let storage = session.target.sides.storage();
        let storage = storage.context("a guard looks at storage: use --config FILE or --storage DIR")?;
        let Gate { flavours, delete_untagged, .. } = &self.guarded.gate;
        let intent = Intent { flavours: flavours.clone(), delete_untagged: *delete_untagged };
        let (gate, view) =
            gate(storage, &intent, session.options.leads.since.clone(), session.events.clone()).await?;
        self.guarded.gate = gate;
        Ok(view)
    }

    /// Repair what keeps the gate shut, asking as `check --fix` does.
    async fn fix(&mut self) -> Result<()> {
        let mut session = self.session(self.arguments.consent.yes).await?;
        let examination = session.check().await?;
        let report = session.repair(examination, Goal::Fix).await?;
        self.guarded.report = Some(report);
        Ok(())
    }

    /// Keep storage's view of before, in a folder of its own.
    fn snapshot(&mut self, session: &Session<'_>, before: &StorageView) -> Result<PathBuf> {
        let state = state::folder(&self.arguments.state, &session.target.named)?;
        let place = state.join("guard").join(journal::new_run(self.guarded.started));
        std::fs::create_dir_all(&place).with_context(|| format!("cannot make `{}`", place.display()))?;
        let path = place.join("before.snapshot");
        snapshot::write(&path, before).context("cannot keep what storage held before")?;
        let shown = path.display().to_string();
        let notice =
            format!("what storage holds now is kept: if this is interrupted, regfsck check --since {shown}");
        session.events.emit(Event::Notice(notice));
        self.guarded.snapshot = Some(shown);
        Ok(place)
    }

    async fn collect(&mut self, command: &GcCommand, place: &Path) -> Result<Suspects> {
        let path = place.join("gc.log");
        let log = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        let onlooker = PassedOn { log: Mutex::new(log), way: Way::of(self.terminal) };
        let mut collected = Collected {
            command: command.words(),
            status: None,
            signal: None,
            error: None,
            suspects: 0,
            log: Some(path.display().to_string()),
        };
        let suspects = match command.run(&onlooker).await {
            Ok(end) => {
                (collected.status, collected.signal) = (end.status.code(), end.signal());
                end.suspects
            }
            Err(error) => {
                collected.error = Some(error.to_string());
                Suspects::default()
            }
        };
        collected.suspects = suspects.pairs.len() as u64;
        if !collected.is_success() {
            self.guarded.failed = Some(Stage::Collection);
        }
        self.guarded.collection = Some(collected);
        Ok(suspects)
    }

    /// Check, and make the daemon forget what is gone.
    async fn after(&mut self, session: &mut Session<'_>, before: &StorageView) -> Result<()> {
        let mut examination = session.check().await?;
        if self.is_restart_due(session, &examination, before) {
            let restarted = restart_now(&session.tools()?).await;
            if restarted.is_err() {
                self.guarded.failed = self.guarded.failed.or(Some(Stage::Restart));
            }
            self.guarded.restart = Some(restarted.unwrap_or_else(|why| format!("failed: {why}")));
            examination = session.check().await?;
        }
        let report = if self.arguments.report_only {
            session.report(examination)
        } else {
            session.repair(examination, Goal::Purge).await?
        };
        if report.verdict != Verdict::Coherent {
            self.guarded.failed = self.guarded.failed.or(Some(Stage::Check));
        }
        self.guarded.report = Some(report);
        Ok(())
    }

    /// A daemon that remembers in its own memory is restarted as soon as anything is gone: not all that it
    /// believes can be asked.
    fn is_restart_due(&self, session: &Session<'_>, examination: &Examination, before: &StorageView) -> bool {
        let is_wanted = !self.arguments.restart.restart.is_empty() && !self.arguments.report_only;
        let remembers = !matches!(session.target.daemon.cache, CacheKind::Redis | CacheKind::None);
        let is_gone = |after: &Arc<StorageView>| !difference::between(before, after).blobs_gone.is_empty();
        is_wanted && remembers && examination.storage.as_ref().is_none_or(is_gone)
    }

    fn conclude(self) -> Guarded {
        let mut guarded = self.guarded;
        guarded.finished = Timestamp::now();
        let of_report = guarded.report.as_ref().map_or(0, |report: &Report| report.exit_status);
        guarded.exit_status = match guarded.failed {
            None => 0,
            Some(Stage::Gate) => of_gate(&guarded.gate),
            Some(Stage::Collection) => COLLECTION_FAILED,
            Some(Stage::Restart) => of_report.max(1),
            Some(Stage::Check) => of_report,
        };
        guarded
    }
}

fn of_gate(gate: &Gate) -> u8 {
    let is_refused = !gate.aborts.is_empty() || !gate.losses.is_empty();
    verdict::exit_status(if is_refused { Verdict::Refused } else { Verdict::Incomplete })
}

/// Where garbage collection's own output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Its stdout to ours, its stderr to ours.
    Through,
    /// All to stderr: stdout is for a machine.
    Aside,
    /// Nowhere but into the log.
    Nowhere,
}

impl Way {
    fn of(terminal: &Terminal) -> Self {
        match (terminal.is_quiet(), terminal.is_for_machine()) {
            (true, _) => Self::Nowhere,
            (false, true) => Self::Aside,
            (false, false) => Self::Through,
        }
    }
}

struct PassedOn {
    log: Mutex<File>,
    way: Way,
}

impl Onlooker for PassedOn {
    fn see(&self, stream: Stream, bytes: &[u8]) {
        // Neither a full disk nor a closed pipe may keep garbage collection from its end.
        let _ = self.log.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
        let _ = match (self.way, stream) {
            (Way::Nowhere, _) => Ok(()),
            (Way::Through, Stream::Output) => std::io::stdout().write_all(bytes),
            (Way::Through, Stream::Errors) | (Way::Aside, _) => std::io::stderr().write_all(bytes),
        };
    }
}
