//! What a pull-through cache is asked: nothing that could make it fetch. It fetches what it lacks as soon as it is asked
//! for it, so only what it surely remembers is asked about.
//!
//! | storage lacks the data, and | then |
//! |---|---|
//! | the daemon keeps no blob descriptors, or Redis tells them | nothing is asked |
//! | the link is gone, and the scheduler's note of it | it expired, and the daemon forgot it |
//! | it was gone before the daemon started | the next pull fetches it |
//! | the link, or the scheduler's note, is younger than the daemon | the daemon fetched it and remembers it: asked |
//! | neither is so | it may remember it: not asked, and the check is incomplete |
//!
//! Expiry takes the scheduler's note and what the daemon remembers of that repository together; garbage collection beside
//! the daemon takes neither.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Run, Suspect};
use crate::domain::digest::Digest;
use crate::domain::layout::LinkPlace;
use crate::domain::limit::Limit;
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::CacheKind;
use crate::domain::schedule::{Expiries, WEEK};
use crate::domain::start::Start;
use crate::domain::suspects::SuspectKind;
use crate::domain::views::served::Subject;
use crate::domain::views::storage::{StorageView, Target};
use crate::engine::blocking::blocking;
use crate::engine::ports::Storage;

/// So many questions at most.
const MOST: usize = 4096;

impl Run<'_> {
    /// What it surely remembers and storage lacks. What it may remember beside that is said.
    pub(super) async fn remembered(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
    ) -> Vec<Suspect> {
        let cache = self.options.daemon.cache;
        if cache == CacheKind::None || cache == CacheKind::Redis && self.cached.is_whole {
            return Vec::new();
        }
        let shard = self.options.extent.shard;
        let is_ours = move |name: &RepositoryName| shard.is_none_or(|shard| shard.has_repository(name));
        // Replicas started at other times: what one remembers another would fetch.
        let is_alone = self.sides.daemons.len() == 1;
        let start = self.start.clone().and_then(Result::ok).filter(|_| is_alone);
        let ttl = self.options.daemon.ttl.unwrap_or(WEEK);
        let expires = !ttl.is_zero() && self.options.daemon.delete != Some(false);
        let (storage, view) = (Arc::clone(storage), Arc::clone(view));
        let (mut known, open) = blocking(move || {
            let gone = gone(&view).filter(|((name, _), _)| is_ours(name));
            // 2.x knows no other time than a week.
            let mirror = Mirror { storage: &*storage, start: start.as_ref(), expires, ttl: ttl.max(WEEK) };
            mirror.sort_out(gone)
        })
        .await;
        if open > 0 {
            let start = self.start.clone().unwrap_or_else(|| Err("nobody was asked".into()));
            let why = start.map_or_else(|why| format!("it is not known: {why}"), |start| start.to_string());
            let why = Reason::Fetches { blobs: open, start: why.into() };
            self.coverage.unknown.push(Unlooked::new(Thing::Suspects, why));
        }
        if known.len() > MOST {
            let (asked, traces) = (MOST as u64, known.len() as u64);
            self.coverage.limits.0.push(Limit::Traces { asked, traces });
            known.truncate(MOST);
        }
        known.into_iter().map(|(name, digest)| Suspect::new(Some(name), digest, SuspectKind::Layer)).collect()
    }
}

/// Whether anything is gone that was fetched once.
pub(super) fn lacks_any(view: &StorageView) -> bool {
    gone(view).next().is_some()
}

/// What was fetched once as a config or layer and is gone, and when its link went, where that did.
fn gone(view: &StorageView) -> impl Iterator<Item = (Subject, Option<i64>)> {
    view.repositories.iter().flat_map(|repository| {
        let links = repository.layers.iter().filter(|link| *link.target == Target::Same);
        let links = links.map(|link| (link.digest, None));
        let traces = repository.traces.layers.iter().map(|trace| (trace.digest, Some(trace.made)));
        let all = links.chain(traces).filter(|(digest, _)| view.blob(digest).is_none());
        all.map(|(digest, made)| ((repository.name.clone(), digest), made))
    })
}

struct Mirror<'a> {
    storage: &'a dyn Storage,
    start: Option<&'a Start>,
    /// Whether what expires is deleted, and forgotten with that.
    expires: bool,
    ttl: SignedDuration,
}

impl Mirror<'_> {
    /// What the daemon surely remembers, and how many others it may.
    fn sort_out(&self, gone: impl Iterator<Item = (Subject, Option<i64>)>) -> (Vec<Subject>, u64) {
        let (mut known, mut open) = (Vec::new(), 0);
        let mut forgotten: BTreeMap<Digest, bool> = BTreeMap::new();
        let mut schedule = None;
        for (subject, trace) in gone {
            let schedule = schedule.get_or_insert_with(|| self.schedule());
            let fetched = schedule.fetched(&subject, self.ttl);
            if trace.is_some() && fetched.is_none() && self.expires {
                continue;
            }
            let Some(start) = self.start else {
                open += 1;
                continue;
            };
            let went_before =
                || self.storage.gone_by(&subject.1).present().is_some_and(|at| start.is_after(*at));
            let is_older = trace.is_some_and(|made| made < start.second());
            if is_older || *forgotten.entry(subject.1).or_insert_with(went_before) {
                continue;
            }
            let fetched = if trace.is_none() { self.linked(&subject) } else { fetched };
            // The start is early by what the clock of a file server may be behind, and here a late one is safe.
            let is_later =
                |at: Timestamp| at.checked_sub(self.storage.skew() * 2).is_ok_and(|at| at > start.at);
            if fetched.is_some_and(is_later) {
                known.push(subject);
            } else {
                open += 1;
            }
        }
        (known, open)
    }

    /// When the link was made: nothing writes it a second time while it is there.
    fn linked(&self, (name, digest): &Subject) -> Option<Timestamp> {
        self.storage.link_changed(name, &LinkPlace::Layer(*digest)).present().copied()
    }

    fn schedule(&self) -> Expiries {
        self.storage.scheduler_state().present().map(|bytes| Expiries::parse(bytes)).unwrap_or_default()
    }
}
