//! What daemons believe of manifests that storage lacks: a push of one that they believe in is swallowed.
//!
//! No read shows it. It is settled, without a question, where it is known what a daemon cannot remember; what is not
//! is asked as far as it can be, and what stays open makes the check incomplete.
//!
//! | what is known | what follows |
//! |---|---|
//! | the daemon keeps no blob descriptors, or is a pull-through cache, which fetches what it lacks | nothing is believed |
//! | its Redis was read to its end | what has an entry there is accused by that; nothing else is believed |
//! | it keeps them in memory and started after the manifest was gone | nothing is believed |
//! | HEAD of the digest as a blob says 200 | it is believed: manifests share the repository's entries with blobs (3.x) |
//! | it says 404 | nothing: that is the repository's entry, and a push asks the global one |
//! | a PUT that must be refused names it, or does not (2.x, while a link leads to it) | it is not believed, or it is |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::earlier::Earlier;
use super::{Asking, Run, mirror};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject as About;
use crate::domain::limit::Limit;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::rules::{Accusations, CacheKind};
use crate::domain::start::{Start, Unsettled};
use crate::domain::views::served::{Answer, Belief, ServedView, Subject};
use crate::domain::views::storage::{Departures, Links, ReadManifest, StorageView, Target};
use crate::engine::blocking::blocking;
use crate::engine::ports::{Event, Events, RegistryReader, Storage};

/// How many suspects one refused index can name.
const PROBE_SIZE: usize = 50;

/// What is known of beliefs without asking for them.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Those that are no longer open.
    pub(super) subjects: BTreeSet<Subject>,
    /// By when each manifest was gone, where that is known.
    gone: BTreeMap<Digest, Timestamp>,
}

impl Run<'_> {
    /// Whether nothing that the daemon remembers is hidden: it remembers nothing, fetches what it lacks, or its Redis
    /// was read to its end.
    pub(super) fn tells_what_it_remembers(&self) -> bool {
        let daemon = &self.options.daemon;
        let is_in_redis = daemon.cache == CacheKind::Redis && self.cached.is_whole;
        daemon.cache == CacheKind::None || daemon.fetches() || is_in_redis
    }

    /// Settle what can be settled of these beliefs without a question to the daemon.
    pub(super) async fn settle(&self, storage: &Arc<dyn Storage>, open: BTreeSet<Subject>) -> Settled {
        if self.tells_what_it_remembers() {
            return Settled { subjects: open, ..Settled::default() };
        }
        if open.is_empty() {
            return Settled::default();
        }
        let gone = gone(storage, self.earlier(&**storage), &open).await;
        let start = self.start.as_ref().and_then(|start| start.as_ref().ok());
        let is_settled = |digest: &Digest| {
            let mut known = [gone.get(digest), self.options.leads.gone.get(digest)].into_iter().flatten();
            known.any(|gone| start.is_some_and(|start| start.is_after(*gone)))
        };
        let subjects = open.into_iter().filter(|(_, digest)| is_settled(digest)).collect();
        Settled { subjects, gone }
    }

    /// Learn when the daemon started, where there is something that it may remember.
    pub(super) async fn learn_start(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &StorageView,
        accusations: &Accusations,
    ) {
        let leads = &self.options.leads;
        let is_handed_in = !leads.suspects.is_empty() || leads.since.is_some();
        let is_left = || view.repositories.iter().any(|repository| !repository.traces.is_empty());
        let codes = [Code::MissingManifest, Code::DanglingLayerLink];
        let is_lost = || accusations.iter().any(|known| codes.contains(&known.finding.code));
        let is_fetched = || self.options.daemon.fetches() && mirror::lacks_any(view);
        let is_untraced = !storage.keeps_traces();
        if !(is_handed_in
            || is_untraced
            || is_left()
            || is_lost()
            || is_fetched()
            || !self.removals.is_empty()
            || self.departures != Departures::default())
        {
            return;
        }
        let start = match (&self.options.starts, self.options.daemon.cache) {
            (_, CacheKind::None) => return,
            (_, CacheKind::Redis) => Err(Box::from("what is in Redis outlives a restart")),
            (_, CacheKind::Unknown) => {
                Err("nor is where it keeps what it remembers: give --config FILE or --redis URL".into())
            }
            (Some(starts), CacheKind::InMemory) => starts.oldest().await,
            (None, CacheKind::InMemory) => Err("nobody was asked".into()),
        };
        let storage = Arc::clone(storage);
        let skew = blocking(move || storage.skew()).await;
        // By the clock of the storage it may have started so much earlier.
        let earlier =
            |start: Start| Start { at: start.at.checked_sub(skew).unwrap_or(Timestamp::MIN), ..start };
        self.start = Some(start.map(earlier));
    }

    /// When the daemon began, in seconds since 1970: what storage lost before that it cannot remember.
    pub(super) fn began(&self) -> Option<i64> {
        match &self.start {
            _ if self.options.daemon.cache == CacheKind::None => Some(i64::MAX),
            Some(Ok(start)) => Some(start.second()),
            Some(Err(_)) | None => None,
        }
    }

    /// Say what stays open, unless the manifest itself is accused of being lost: whoever brings that back need not know.
    pub(super) fn leave_open<'v>(
        &mut self,
        settled: &Settled,
        served: impl IntoIterator<Item = &'v ServedView>,
        accusations: &Accusations,
    ) {
        let beliefs = served.into_iter().flat_map(|served| &served.beliefs);
        let open = beliefs.filter(|(_, belief)| matches!(belief, Belief::Unknown(_)));
        let open: BTreeSet<&Subject> = open.map(|(subject, _)| subject).collect();
        if !open.is_empty() {
            let (manifests, probed) = (open.len() as u64, self.options.asking.probe_manifests);
            self.coverage.limits.0.push(Limit::Beliefs { manifests, probed });
        }
        for subject in open {
            let about = About::linked(subject.0.clone(), subject.1);
            let is_said = [Code::MissingManifest, Code::PhantomManifest]
                .iter()
                .any(|code| accusations.has(*code, &about));
            if is_said {
                continue;
            }
            let gone = settled.gone.get(&subject.1).copied();
            let start = self.start.clone().unwrap_or_else(|| Err("nobody was asked".into()));
            let why = Reason::Unsettled(Unsettled { gone, start }.into());
            self.coverage.unknown.push(Unlooked::new(Thing::Belief(Box::new(subject.clone())), why));
            self.unsettled.push(subject.clone());
        }
    }
}

/// By when each was gone, as far as its folder in storage tells, or an earlier look.
async fn gone(
    storage: &Arc<dyn Storage>,
    earlier: Earlier,
    open: &BTreeSet<Subject>,
) -> BTreeMap<Digest, Timestamp> {
    let digests: BTreeSet<Digest> = open.iter().map(|(_, digest)| *digest).collect();
    let storage = Arc::clone(storage);
    let look = move || {
        let gone = |digest: Digest| Some((digest, earlier.gone_by(&*storage, &digest)?));
        digests.into_iter().filter_map(gone).collect()
    };
    blocking(look).await
}

/// Ask a daemon what it believes of these.
pub(super) async fn ask(
    registry: &dyn RegistryReader,
    view: &StorageView,
    suspects: BTreeSet<Subject>,
    asking: &Asking,
    events: &dyn Events,
) -> Vec<(Subject, Belief)> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let mut known = Vec::new();
    let mut open = Vec::new();
    for subject in suspects {
        let claim = registry.head_blob(&subject.0, &subject.1).await;
        match claim.answer {
            Answer::Yes(_) => known.push((subject, Belief::Claimed(claim.exchange))),
            Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => open.push(subject),
        }
        events.emit(Event::Advanced(1));
    }
    // 2.x believes in a manifest only through a link: without one its answer says nothing of what it remembers.
    let (linked, unlinked): (Vec<_>, Vec<_>) = open.into_iter().partition(|subject| is_linked(view, subject));
    let why = "no link leads to it any more, so the daemon cannot be asked; a restart makes sure";
    known.extend(unlinked.into_iter().map(|subject| (subject, Belief::Unknown(why.into()))));
    if !linked.is_empty() {
        let may_ask = asking.probe_manifests && !shares_cache(registry, view).await;
        known.extend(refused(registry, linked, may_ask).await);
    }
    known
}

fn is_linked(view: &StorageView, (name, digest): &Subject) -> bool {
    let Some(repository) = view.repository(name) else { return false };
    let links = [&repository.revisions, &repository.layers];
    let is_there = |links: &Links| links.find(digest).is_some_and(|link| *link.target != Target::Missing);
    links.into_iter().any(is_there)
}

/// Ask by a PUT that must be refused, where that may be done.
async fn refused(registry: &dyn RegistryReader, open: Vec<Subject>, may_ask: bool) -> Vec<(Subject, Belief)> {
    let mut known = Vec::new();
    for same in open.chunk_by(|a, b| a.0 == b.0) {
        for chunk in same.chunks(PROBE_SIZE) {
            let digests: Vec<Digest> = chunk.iter().map(|subject| subject.1).collect();
            let beliefs = match chunk.first() {
                Some((name, _)) if may_ask => registry.probe_manifests(name, &digests).await,
                _ => vec![Belief::Unknown("not asked; --probe-manifests asks".into()); digests.len()],
            };
            known.extend(chunk.iter().cloned().zip(beliefs));
        }
    }
    known
}

/// Whether manifests share the repository's cache with blobs: a healthy manifest, just read, that no
/// layer link names, is then claimed as a blob.
async fn shares_cache(registry: &dyn RegistryReader, view: &StorageView) -> bool {
    let healthy = view.repositories.iter().find_map(|repository| {
        let held = repository.revisions.iter().filter(|link| *link.target == Target::Same);
        let mut held = held.map(|link| link.digest).filter(|digest| {
            matches!(view.manifests.get(digest), Some(ReadManifest::Manifest(_)))
                && repository.layers.find(digest).is_none()
        });
        held.next().map(|digest| (&repository.name, digest))
    });
    let Some((name, digest)) = healthy else { return false };
    if registry.manifest(name, &digest).await.answer.yes().is_none() {
        return false;
    }
    registry.head_blob(name, &digest).await.answer.yes().is_some()
}
