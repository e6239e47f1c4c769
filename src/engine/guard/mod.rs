//! Guarding a garbage collection: a look before and after, so that it loses nothing and leaves no phantoms.
//!
//! ```text
//! gate ─► snapshot, manifests kept ─► garbage collection ─► check ─► restart? ─► claims cleared, beliefs made true ─► proof
//! ```

pub mod gate;
mod kept;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use thiserror::Error;

use self::gate::{Intent, gate};
use self::kept::{Kept, KeptSupply};
use super::blocking::blocking;
use super::check::{Examination, same};
use super::ports::{
    Agreed, Event, GarbageCollection, GcEnd, GuardFolder, KeepError, LockError, Notice, Onlooker,
    StorageError, Stream,
};
use super::session::{Session, SessionError};
use crate::domain::difference;
use crate::domain::digest::Digest;
use crate::domain::gc::Release;
use crate::domain::guard::{Collected, Gate, Guarded, Returned, Stage};
use crate::domain::plan::{Goal, StepAction};
use crate::domain::report::{Report, SCHEMA, Target, Tool, Verdict};
use crate::domain::rules::CacheKind;
use crate::domain::suspects::Suspects;
use crate::domain::verdict;
use crate::domain::views::storage::StorageView;

/// What is wanted of a guarded garbage collection.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// Whose garbage collector it is, where that was said.
    pub flavour: Option<Release>,
    /// Whether to reckon with one that deletes untagged manifests, whatever its command says.
    pub delete_untagged: bool,
    /// Whether what keeps the gate shut is repaired first.
    pub fix: bool,
    /// Whether it may take what broken images would need to be repaired.
    pub accept_loss: bool,
    /// What is done behind the gate.
    pub behind: Behind,
}

/// What is done behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Nothing: only whether it is open was asked.
    Nothing,
    /// Garbage is collected, and what is found then is reported.
    Report,
    /// And the daemon is made to forget what is gone.
    Settle {
        /// By a restart, where it remembers in its own memory.
        restart: bool,
    },
}

/// A garbage collection that is to be guarded, and who takes part.
pub struct Guard<'a> {
    /// The registry, and how it is checked and repaired.
    pub session: Session,
    /// The garbage collection, where there is one.
    pub collection: Option<&'a dyn GarbageCollection>,
    /// Who sees its output.
    pub onlooker: &'a dyn Onlooker,
    /// Where what outlasts the run is kept.
    pub folder: Arc<dyn GuardFolder>,
    /// What is wanted.
    pub wishes: Wishes,
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum GuardError {
    /// The check or the repair failed as such.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Storage was not given.
    #[error("a guard looks at storage: use --config FILE or --storage DIR")]
    NoStorage,
    /// What must outlast the run cannot be kept; garbage collection was not run.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

impl From<StorageError> for GuardError {
    fn from(error: StorageError) -> Self {
        Self::Session(error.into())
    }
}

/// Guard it.
///
/// # Errors
/// When there is no result; what garbage collection itself does wrong is part of one.
pub async fn guard(guard: Guard<'_>) -> Result<Guarded, GuardError> {
    let intent = guard.intent().await;
    let mut run =
        Run { guarded: begun(&intent, guard.session.sides.target()), intent, guard, kept: Arc::default() };
    run.stages().await?;
    let mut guarded = run.guarded;
    guarded.finished = Timestamp::now();
    guarded.exit_status = verdict::of_guarded(&guarded);
    Ok(guarded)
}

fn begun(intent: &Intent, target: Target) -> Guarded {
    let (now, Intent { flavours, delete_untagged }) = (Timestamp::now(), intent.clone());
    Guarded {
        schema: SCHEMA,
        tool: Tool::default(),
        started: now,
        finished: now,
        target,
        failed: None,
        exit_status: 0,
        refusal: None,
        gate: Gate { flavours, delete_untagged, ..Gate::default() },
        snapshot: None,
        collection: None,
        restart: None,
        returned: None,
        report: None,
    }
}

impl Guard<'_> {
    /// What garbage collection is reckoned with.
    async fn intent(&self) -> Intent {
        let flavour = match (self.collection, self.wishes.flavour) {
            (Some(collection), None) => collection.flavour().await,
            (_, given) => given,
        };
        let both = || BTreeSet::from([Release::V2, Release::V3]);
        let deletes = self.collection.is_some_and(GarbageCollection::deletes_untagged);
        Intent {
            flavours: flavour.map_or_else(both, |flavour| BTreeSet::from([flavour])),
            delete_untagged: self.wishes.delete_untagged || deletes,
        }
    }
}

/// A guarded garbage collection under way.
struct Run<'a> {
    guard: Guard<'a>,
    intent: Intent,
    guarded: Guarded,
    /// The manifests that garbage collection may take.
    kept: Arc<Kept>,
}

impl Run<'_> {
    async fn stages(&mut self) -> Result<(), GuardError> {
        // From the gate to the proof: what another run changes in between is neither kept nor checked.
        let _held = match self.guard.wishes.behind {
            Behind::Nothing => None,
            Behind::Report | Behind::Settle { .. } => match self.guard.session.lock.hold() {
                Ok(held) => Some(held),
                Err(error) => return self.refuse(error),
            },
        };
        let Some(before) = self.open().await? else {
            self.guarded.failed = Some(Stage::Gate);
            return Ok(());
        };
        let collection = self.guard.collection.filter(|_| self.guard.wishes.behind != Behind::Nothing);
        let Some(collection) = collection else { return Ok(()) };
        self.keep(&before).await?;
        let suspects = self.collect(collection).await?;
        let leads = &mut self.guard.session.options.leads;
        let (kept, gone) = kept::leads(&self.kept, &before);
        leads.suspects.extend(suspects.pairs.into_iter().chain(kept));
        leads.gone = gone;
        self.offer();
        self.after(&before).await
    }

    fn refuse(&mut self, error: LockError) -> Result<(), GuardError> {
        let why = error.refusal().ok_or_else(|| SessionError::from(error))?;
        self.guarded.refusal = Some(why);
        self.guarded.failed = Some(Stage::Gate);
        Ok(())
    }

    /// What storage holds, if garbage collection may be let run on it.
    async fn open(&mut self) -> Result<Option<Arc<StorageView>>, GuardError> {
        let Wishes { fix, accept_loss, .. } = self.guard.wishes;
        let mut before = self.gate().await?;
        if !self.guarded.gate.open && fix && self.guarded.refusal.is_none() {
            self.guarded.report = Some(self.guard.session.run(Goal::Fix).await?);
            before = self.gate().await?;
        }
        let Guarded { gate, refusal, .. } = &self.guarded;
        let is_accepted =
            accept_loss && refusal.is_none() && gate.aborts.is_empty() && gate.unknown.is_empty();
        Ok((gate.open || is_accepted).then_some(before))
    }

    /// Look at storage, and enter in the result what garbage collection would do.
    async fn gate(&mut self) -> Result<Arc<StorageView>, GuardError> {
        let Session { sides, options, events, .. } = &self.guard.session;
        let storage = sides.storage().ok_or(GuardError::NoStorage)?;
        let earlier = options.leads.since.clone();
        let (mut gate, view) = gate(Arc::clone(&storage), &self.intent, earlier, Arc::clone(events)).await?;
        if let Some(daemon) = sides.daemon()
            && let Some(why) = same::lists_others(&*daemon.reader, &storage, &view, &options.daemon).await
        {
            gate.open = false;
            self.guarded.refusal = Some(why);
        }
        self.guarded.gate = gate;
        Ok(view)
    }

    /// Keep what storage holds, so that an interrupted run can be gone on with.
    async fn keep(&mut self, before: &Arc<StorageView>) -> Result<(), GuardError> {
        let (folder, view) = (Arc::clone(&self.guard.folder), Arc::clone(before));
        let storage = self.guard.session.sides.storage().ok_or(GuardError::NoStorage)?;
        let intent = self.intent.clone();
        let keep = move || {
            let path = folder.keep(&view)?;
            let (kept, are_all) = kept::read(&*storage, &view, &intent);
            folder.keep_manifests(&kept)?;
            Ok::<_, KeepError>((path, kept, are_all))
        };
        let (path, kept, are_all) = blocking(keep).await?;
        self.kept = Arc::new(kept);
        let leads = &mut self.guard.session.options.leads;
        (leads.since, leads.is_whole) = (Some(Arc::clone(before)), are_all);
        let target = self.guard.session.sides.target().into();
        let kept = Notice::SnapshotKept { path: path.clone(), target };
        self.guard.session.events.emit(Event::Notice(kept));
        self.guarded.snapshot = Some(path);
        Ok(())
    }

    /// Let what was kept be put back.
    fn offer(&mut self) {
        let supply = &mut self.guard.session.resources.supply;
        *supply = Arc::new(KeptSupply { kept: Arc::clone(&self.kept), others: Arc::clone(supply) });
    }

    async fn collect(&mut self, collection: &dyn GarbageCollection) -> Result<Suspects, GuardError> {
        let log = self.guard.folder.log()?;
        let logged = Logged { log: Mutex::new(log.file), next: self.guard.onlooker };
        let (end, error) = match collection.run(&logged).await {
            Ok(end) => (end, None),
            Err(error) => (GcEnd::default(), Some(error.to_string())),
        };
        let collected = Collected {
            command: collection.words(),
            status: end.status,
            signal: end.signal,
            error,
            suspects: end.suspects.pairs.len() as u64,
            log: Some(log.path),
        };
        if !collected.is_success() {
            self.guarded.failed = Some(Stage::Collection);
        }
        self.guarded.collection = Some(collected);
        Ok(end.suspects)
    }

    /// Check, and make the daemon forget what is gone.
    async fn after(&mut self, before: &StorageView) -> Result<(), GuardError> {
        let mut examination = self.guard.session.check().await?;
        if self.is_restart_due(&examination, before) {
            self.restart().await?;
            examination = self.guard.session.check().await?;
        }
        let session = &self.guard.session;
        let report = match self.guard.wishes.behind {
            // Of half a look nothing is changed.
            _ if session.events.stop_requested() => session.report(examination),
            Behind::Nothing | Behind::Report => session.report(examination),
            // What is cleared after garbage collection is what guarding it means: nobody is asked.
            Behind::Settle { .. } => session.settle(examination, Goal::Collection, &Agreed).await?,
        };
        self.conclude(report);
        Ok(())
    }

    fn conclude(&mut self, report: Report) {
        if report.verdict != Verdict::Coherent {
            self.guarded.failed = self.guarded.failed.or(Some(Stage::Check));
        }
        self.guarded.returned = self.returned(&report);
        self.guarded.report = Some(report);
    }

    /// The manifests that were put back, where any were.
    fn returned(&self, report: &Report) -> Option<Returned> {
        let steps = report.plan.iter().flat_map(|plan| &plan.steps);
        let done =
            steps.zip(report.outcomes.iter().flatten()).filter(|(_, outcome)| outcome.result.is_done());
        let returned = done.filter_map(|(step, _)| {
            if let StepAction::ReturnManifest { digest, .. } = &step.action { Some(*digest) } else { None }
        });
        let returned: BTreeSet<Digest> = returned.collect();
        let sizes = returned.iter().filter_map(|digest| self.kept.get(digest));
        let bytes = sizes.map(|bytes| bytes.len() as u64).sum();
        (!returned.is_empty()).then_some(Returned { manifests: returned.len() as u64, bytes })
    }

    async fn restart(&mut self) -> Result<(), GuardError> {
        let restarted = self.guard.session.restart().await.map_err(SessionError::from)?;
        if restarted.is_err() {
            self.guarded.failed = self.guarded.failed.or(Some(Stage::Restart));
        }
        self.guarded.restart = Some(restarted.unwrap_or_else(|why| format!("failed: {why}")));
        Ok(())
    }

    /// A daemon that remembers in its own memory is restarted as soon as anything is gone: not all that it believes can
    /// be asked.
    fn is_restart_due(&self, examination: &Examination, before: &StorageView) -> bool {
        let is_wanted = self.guard.wishes.behind == Behind::Settle { restart: true };
        let cache = self.guard.session.options.daemon.cache;
        let remembers = !matches!(cache, CacheKind::Redis | CacheKind::None);
        let is_gone = |after: &Arc<StorageView>| !difference::between(before, after).blobs_gone.is_empty();
        is_wanted && remembers && examination.storage.as_ref().is_none_or(is_gone)
    }
}

/// Writes garbage collection's output down before it is passed on.
struct Logged<'a> {
    log: Mutex<Box<dyn Write + Send>>,
    next: &'a dyn Onlooker,
}

impl Onlooker for Logged<'_> {
    fn see(&self, stream: Stream, bytes: &[u8]) {
        // Not even a full disk may keep garbage collection from its end.
        let _ = self.log.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
        self.next.see(stream, bytes);
    }

    fn ended(&self) {
        self.next.ended();
    }
}
