//! What a check keeps for the next: storage as it was, and what is open still.
//!
//! A daemon that remembers in its own memory is asked about what has gone since, by its name, where nothing in storage names
//! it any more: the images of a repository that was removed, a manifest that garbage collection took with its folder. What the
//! daemon denied then it denies for ever, and is not asked about again.
//!
//! ```text
//! last look ─ what is gone since, what was open ─► suspects ─► answers ─ denied: done; else: open ─► last look
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use super::beliefs::Settled;
use super::earlier::Earlier;
use super::{Run, Suspect};
use crate::domain::last_look::{LastLook, LookOutcome};
use crate::domain::limit::Limit;
use crate::domain::observed::{Reason, Thing};
use crate::domain::start::Start;
use crate::domain::suspects::SuspectKind;
use crate::domain::views::served::{Answer, Belief, ServedBlob, ServedView, Subject};
use crate::domain::views::storage::{Removal, StorageView};
use crate::engine::blocking::blocking;
use crate::engine::ports::{Event, Memory, MemoryError, Notice, Storage};

/// A registry with more blobs and links than that is not remembered.
const MOST: usize = 4_000_000;
/// Nor is one of which more is open.
const MOST_OPEN: usize = 100_000;

/// What the daemons were asked, and said.
pub(super) struct Answers<'a> {
    pub(super) suspects: &'a [Suspect],
    pub(super) known: &'a Settled,
    /// Of each daemon that was asked.
    pub(super) served: Vec<&'a ServedView>,
}

impl Run<'_> {
    /// The last look, where a daemon may remember more than storage tells.
    pub(super) async fn recall(&mut self, view: &Arc<StorageView>) {
        let Some(memory) = self.options.memory.clone().filter(|_| self.is_remembered()) else { return };
        let now = Arc::clone(view);
        match blocking(move || memory.load(&now)).await {
            Ok(last) => self.last = last.and_then(|last| self.of_these_daemons(last)).map(Arc::new),
            Err(error) => self.not_remembered(&error),
        }
    }

    /// Whether the whole registry is looked at, and what its daemon remembers is hidden.
    fn is_remembered(&self) -> bool {
        !self.tells_what_it_remembers()
            && !self.sides.daemons.is_empty()
            && self.options.extent.scope.is_everything()
            && self.options.extent.shard.is_none()
    }

    fn not_remembered(&self, error: &MemoryError) {
        self.events.emit(Event::Notice(Notice::NotRemembered(error.to_string())));
    }

    /// What other daemons denied says nothing; nor does what other daemons have in another place: that registry keeps its
    /// state in the same folder.
    fn of_these_daemons(&self, mut last: LastLook) -> Option<LastLook> {
        if last.outcome.daemons != self.daemons() {
            last.outcome.settled = None;
            last.outcome.removals.clear();
            self.sides.storage().filter(|storage| storage.is_at(&last.view.root))?;
        }
        Some(last)
    }

    fn daemons(&self) -> Vec<String> {
        let daemons = self.sides.daemons.iter().map(|daemon| daemon.reader.location());
        daemons.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Keep this look for the next check, unless it was half a look.
    pub(super) async fn remember(
        &self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        answers: Answers<'_>,
    ) {
        let Some(memory) = self.options.memory.clone().filter(|_| self.is_remembered()) else { return };
        let links = view.repositories.iter().map(|one| one.layers.len() + one.revisions.len());
        let size = view.blobs.len() + links.sum::<usize>();
        let is_whole = view.unknown.is_empty() && answers.served.len() == self.sides.daemons.len();
        if !is_whole || size > MOST || self.events.stop_requested() {
            return;
        }
        let was_settled = self.last.as_ref().is_some_and(|last| last.outcome.settled.is_some());
        let is_new =
            !answers.suspects.is_empty() || !self.is_as_before(view) || !was_settled && self.is_all_asked();
        let keep = self.keep(&**storage, view, &answers);
        let (storage, view) = (Arc::clone(storage), Arc::clone(view));
        let saved = blocking(move || keep.save(&*storage, &view, &*memory, is_new)).await;
        if let Err(error) = saved {
            self.not_remembered(&error);
        }
    }

    /// Whether nothing came or went since.
    fn is_as_before(&self, view: &StorageView) -> bool {
        let Some(last) = &self.last else { return false };
        let is_same = |one: &StorageView, other: &StorageView| {
            let repositories = one.repositories.iter().zip(&other.repositories);
            one.blobs == other.blobs
                && one.repositories.len() == other.repositories.len()
                && repositories.into_iter().all(|(one, other)| {
                    one.name == other.name
                        && one.layers == other.layers
                        && one.revisions == other.revisions
                        && one.traces == other.traces
                })
        };
        is_same(&last.view, view)
    }

    fn keep(&self, storage: &dyn Storage, view: &StorageView, answers: &Answers<'_>) -> Keep {
        let before = self.last.iter().flat_map(|last| &last.outcome.open).cloned();
        let open = before.chain(answers.suspects.iter().cloned());
        let open: BTreeSet<_> = open.filter(|suspect| !answers.is_closed(view, suspect)).collect();
        let last = self.last.as_ref().map(|last| &last.outcome);
        let is_settled = self.is_all_asked();
        let removals = last.map(|last| last.removals.clone()).unwrap_or_default();
        Keep {
            earlier: self.earlier(storage),
            start: self.start.clone().and_then(Result::ok),
            open,
            daemons: self.daemons(),
            is_settled,
            settled: last.and_then(|last| last.settled),
            removals: if is_settled { self.removals.iter().copied().collect() } else { removals },
        }
    }

    /// Whether nothing was left that could not be asked about.
    fn is_all_asked(&self) -> bool {
        let is_hidden = |what: &Thing, why: &Reason| {
            matches!(what, Thing::Nameless | Thing::Departed)
                || matches!(why, Reason::NoRepository { .. } | Reason::TooManySuspects { .. })
        };
        let cut = |limit: &Limit| matches!(limit, Limit::Traces { .. } | Limit::BareSuspects { .. });
        !self.is_untraced
            && !self.coverage.unknown.iter().any(|unlooked| is_hidden(&unlooked.what, &unlooked.why))
            && !self.coverage.limits.0.iter().any(cut)
    }
}

/// What is to be kept.
struct Keep {
    earlier: Earlier,
    start: Option<Start>,
    open: BTreeSet<Suspect>,
    daemons: Vec<String>,
    /// Whether all is settled now.
    is_settled: bool,
    /// Until when it was before.
    settled: Option<i64>,
    removals: BTreeSet<Removal>,
}

impl Keep {
    fn save(
        self,
        storage: &dyn Storage,
        view: &StorageView,
        memory: &dyn Memory,
        is_new: bool,
    ) -> Result<(), MemoryError> {
        let Self { earlier, start, mut open, daemons, is_settled, settled, removals } = self;
        let is_forgotten = |suspect: &Suspect| {
            let gone = earlier.gone_by(storage, &suspect.digest);
            start.as_ref().is_some_and(|start| gone.is_some_and(|gone| start.is_after(gone)))
        };
        open.retain(|suspect| view.blob(&suspect.digest).is_some() || !is_forgotten(suspect));
        if open.len() > MOST_OPEN || !is_new && open.is_empty() && removals.is_empty() {
            return Ok(());
        }
        // Times in storage are some milliseconds behind, or those of another clock.
        let now = view.collected.checked_sub(storage.skew()).unwrap_or(view.collected).as_second() - 1;
        let settled = if is_settled { Some(now) } else { settled };
        memory.save(view, &LookOutcome { collected: view.collected, daemons, settled, open, removals })
    }
}

impl Answers<'_> {
    /// Whether nothing can be false about it any more.
    fn is_closed(&self, view: &StorageView, suspect: &Suspect) -> bool {
        let Suspect { repository: Some(name), digest, kind } = suspect else { return false };
        let subject = (name.clone(), *digest);
        let stored = view.blob(digest).map(|blob| blob.size);
        let is_stored = stored.is_some();
        let is_of_size = |blob: &ServedBlob| {
            let claimed = blob.claim.answer.yes().and_then(|claim| claim.size);
            claimed.is_none() || claimed == stored
        };
        if is_stored && !view.is_unlinked_layer(name, digest) {
            let mut about = self.served.iter().flat_map(|served| &served.blobs);
            return about.all(|(asked, blob)| *asked != subject || is_of_size(blob));
        }
        let claim = |served: &ServedView| {
            served
                .blobs
                .iter()
                .any(|(asked, blob)| *asked == subject && matches!(blob.claim.answer, Answer::No(_)))
        };
        let belief = |served: &ServedView| {
            served
                .beliefs
                .iter()
                .any(|(asked, belief)| *asked == subject && matches!(belief, Belief::Unclaimed(_)))
        };
        let everywhere =
            |denied: &dyn Fn(&ServedView) -> bool| self.served.iter().all(|served| denied(served));
        let is_unclaimed = *kind == SuspectKind::Manifest || everywhere(&claim);
        let is_settled = |subject: &Subject| self.known.subjects.contains(subject);
        let is_unbelieved =
            *kind == SuspectKind::Layer || is_stored || is_settled(&subject) || everywhere(&belief);
        is_unclaimed && is_unbelieved
    }
}
