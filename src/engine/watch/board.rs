//! What a watch knows, shared by those that find out, those that tell it and those that show it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::OpenRegistry;
use super::queue::{Outlook, Queue, Queued, SeenPush};
use crate::domain::digest::Digest;
use crate::domain::report::{Report, Target, Verdict};
use crate::domain::views::served::Subject;
use crate::domain::watch::{
    BrokenPush, Figures, Lead, LeadList, Mishap, PushedImage, Removed, Schedule, Spent, Told, WatchMemory,
    WatchStatus,
};
use crate::engine::ports::Recalled;

/// The board.
pub struct Board {
    state: Mutex<State>,
    /// Notified when there is something new to verify.
    pub(super) pushed: Notify,
    /// Notified when a check is wanted before it is due.
    pub(super) wanted: Notify,
    /// Notified when there is something new to keep.
    pub(super) changed: Notify,
}

struct State {
    started: Timestamp,
    target: Target,
    zone: TimeZone,
    schedule: String,
    figures: Figures,
    report: Option<Arc<Report>>,
    /// When the last check ended, with a report or without.
    ended: Option<Timestamp>,
    blind: Option<Mishap>,
    stale: Option<Mishap>,
    checking: Option<Timestamp>,
    next: Option<Timestamp>,
    queue: Queue,
    leads: LeadList,
    spent: Option<Spent>,
    /// Whether pushes can be verified at all.
    can_verify: bool,
    /// Whether blobs are counted.
    counts: bool,
}

impl Board {
    /// A board of a watch that begins now, of this registry.
    #[must_use]
    pub fn new(started: Timestamp, opened: &OpenRegistry, schedule: &Schedule) -> Self {
        let state = State {
            started,
            target: opened.session.sides.target(),
            zone: schedule.zone(),
            schedule: schedule.to_string(),
            figures: Figures::default(),
            report: None,
            ended: None,
            blind: None,
            stale: None,
            checking: None,
            next: None,
            queue: Queue::default(),
            leads: LeadList::default(),
            spent: None,
            can_verify: opened.session.sides.daemon().is_some(),
            counts: opened.census.is_some(),
        };
        let (pushed, wanted, changed) = (Notify::new(), Notify::new(), Notify::new());
        Self { state: Mutex::new(state), pushed, wanted, changed }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a daemon to verify pushes on.
    #[must_use]
    pub fn can_verify(&self) -> bool {
        self.state().can_verify
    }

    /// The last report.
    #[must_use]
    pub fn report(&self) -> Option<Arc<Report>> {
        self.state().report.clone()
    }

    /// All that can be shown.
    #[must_use]
    pub fn status(&self) -> WatchStatus {
        let state = self.state();
        let (waiting, oldest) = state.queue.waiting();
        WatchStatus {
            started: state.started,
            target: state.target.clone(),
            zone: state.zone.clone(),
            schedule: state.schedule.clone(),
            figures: state.figures.clone(),
            report: state.report.clone(),
            blind: state.blind.clone(),
            stale: state.stale.clone(),
            checking: state.checking,
            next: state.next,
            broken: state.queue.broken(),
            waiting: waiting as u64,
            oldest,
            leads: state.leads.len() as u64,
            counts: state.counts,
        }
    }

    /// Take note of what a registry told.
    pub fn hear(&self, told: Vec<Told>, now: Timestamp) {
        let mut state = self.state();
        for told in told {
            state.figures.told += 1;
            match told {
                Told::Pushed(image) => match state.queue.add(image, now) {
                    Queued::New => {}
                    Queued::Joined => state.figures.joined += 1,
                    Queued::NoRoom => state.figures.dropped += 1,
                },
                Told::Removed(removal) => {
                    state.queue.remove(&removal);
                    if let Removed::Content(digest) = removal.what {
                        let repository = Some(removal.repository);
                        state.leads.note(Lead {
                            repository,
                            digest,
                            is_manifest: false,
                            told: now,
                            gone: None,
                        });
                    }
                }
            }
        }
        drop(state);
        self.pushed.notify_one();
        self.changed.notify_one();
    }

    /// Know what an earlier watch knew. What it had not looked at yet a check will.
    pub(super) fn recall(&self, recalled: Recalled, now: Timestamp) {
        let mut state = self.state();
        let Recalled { memory, report, damage } = recalled;
        let report = report.filter(|report| report.target == state.target);
        state.ended = report.as_ref().map(|report| report.finished);
        state.report = report.map(Arc::new);
        // What was not looked at then stands in what cannot be read now.
        let mut unseen = !damage.is_empty();
        let memory = memory.unwrap_or_default();
        unseen |= memory.unseen;
        (state.leads, state.spent) = (memory.leads, memory.spent);
        for broken in memory.broken {
            state.queue.restore(broken, now);
        }
        drop(state);
        if unseen {
            self.wanted.notify_one();
        }
    }

    /// What is to be remembered.
    pub(super) fn memory(&self) -> WatchMemory {
        let state = self.state();
        WatchMemory {
            leads: state.leads.clone(),
            broken: state.queue.broken(),
            unseen: state.queue.waiting().0 > 0,
            spent: state.spent,
            ..WatchMemory::default()
        }
    }

    /// The registry was opened again.
    pub(super) fn reopened(&self, opened: &OpenRegistry) {
        let mut state = self.state();
        state.target = opened.session.sides.target();
        state.can_verify = opened.session.sides.daemon().is_some();
        state.counts = opened.census.is_some();
        state.stale = None;
    }

    /// It could not be.
    pub(super) fn not_reopened(&self, at: Timestamp, why: String) {
        self.state().stale = Some(Mishap { at, why });
    }

    /// When the last check ended, and whether it could look.
    pub(super) fn ended(&self) -> (Option<Timestamp>, bool) {
        let state = self.state();
        (state.ended, state.blind.is_none())
    }

    pub(super) fn due(&self, at: Timestamp) {
        self.state().next = Some(at);
    }

    /// A check begins.
    pub(super) fn begin(&self, at: Timestamp) {
        self.state().checking = Some(at);
    }

    /// A check ended without a report.
    pub(super) fn blind(&self, at: Timestamp, why: String) {
        let mut state = self.state();
        state.figures.blind_checks += 1;
        (state.ended, state.checking, state.blind) = (Some(at), None, Some(Mishap { at, why }));
    }

    /// A check was given up.
    pub(super) fn give_up(&self) {
        self.state().checking = None;
    }

    /// A check ended. What is broken is looked at again: it may have been repaired.
    pub(super) fn conclude(
        &self,
        report: &Arc<Report>,
        unsettled: &[Subject],
        is_stored: impl Fn(&Digest) -> bool,
        now: Timestamp,
    ) {
        let mut state = self.state();
        state.figures.checks += 1;
        state.leads.settle(report, unsettled, is_stored);
        state.queue.hurry(now);
        if report.verdict == Verdict::Coherent {
            state.queue.forget(now);
        }
        (state.ended, state.checking, state.blind) = (Some(now), None, None);
        state.report = Some(Arc::clone(report));
        drop(state);
        self.pushed.notify_one();
        self.changed.notify_one();
    }

    /// What checks are to ask about.
    pub(super) fn leads(&self) -> LeadList {
        self.state().leads.clone()
    }

    /// These blobs went.
    pub(super) fn gone(&self, blobs: &[Digest], at: Timestamp) {
        if !blobs.is_empty() {
            self.state().leads.gone(blobs, at);
            self.changed.notify_one();
        }
    }

    /// And no more went for a while: garbage was collected.
    pub(super) fn collected(&self) {
        self.state().figures.collections += 1;
        self.wanted.notify_one();
    }

    /// Up to so many pushes that are due, or when the next will be.
    pub(super) fn due_pushes(
        &self,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<PushedImage>, Option<Timestamp>> {
        let mut state = self.state();
        let due = state.queue.due(now, most);
        if due.is_empty() { Err(state.queue.next()) } else { Ok(due) }
    }

    /// What a look at a push showed.
    pub(super) fn settle(
        &self,
        image: &PushedImage,
        seen: SeenPush,
        now: Timestamp,
        settle: SignedDuration,
    ) -> Outlook {
        let mut state = self.state();
        let settled = state.queue.settle(image, seen, now, settle);
        let delay = match &settled {
            Outlook::Right { delay, was_broken: false } => {
                state.figures.verified += 1;
                Some(*delay)
            }
            Outlook::Broken(BrokenPush { notified, found, .. }) => {
                state.figures.failed += 1;
                Some(found.duration_since(*notified))
            }
            Outlook::Right { was_broken: true, .. } | Outlook::Open => None,
        };
        if let Some(delay) = delay {
            state.figures.delays.note(delay);
        }
        drop(state);
        if settled != Outlook::Open {
            self.changed.notify_one();
        }
        settled
    }

    /// How many pushes there was no room for since that was asked last.
    pub(super) fn dropped(&self) -> u64 {
        self.state().figures.dropped
    }

    /// What was repaired so far.
    pub(super) fn spent(&self) -> Option<Spent> {
        self.state().spent
    }

    /// So many steps are taken on that day, all in all.
    pub(super) fn spend(&self, spent: Spent, steps: u64) {
        let mut state = self.state();
        state.spent = Some(spent);
        state.figures.steps += steps;
    }

    /// A repair was over the limit.
    pub(super) fn declined(&self) {
        self.state().figures.declined += 1;
    }
}
