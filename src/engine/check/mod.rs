//! The check: collect the views, compare them, look again, and say what is wrong.
//!
//! ```text
//! storage ─► accusations ─► suspects ─► served ─► accusations ─► second look ─► findings
//! ```

mod again;
pub(super) mod api;
mod beliefs;
mod budget;
mod cache;
mod departed;
mod earlier;
mod homeless;
mod memory;
mod mirror;
mod nameless;
mod options;
mod probe;
mod recheck;
mod removed;
mod replicas;
pub(super) mod same;
mod sizes;
mod suspects;

pub use recheck::observe;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use self::memory::Answers;
use super::blocking::blocking;
use super::ports::{Event, Events, RegistryReader, Storage, StorageError};
use super::sides::Sides;
use crate::domain::action::Need;
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::last_look::LastLook;
use crate::domain::limit::Limit;
use crate::domain::observed::{Reason, Request, Thing, Unlooked};
use crate::domain::remedy::{Capabilities, Case, Obstacle, Redis, offered};
use crate::domain::report::{Coverage, ServedCoverage, StorageCoverage};
use crate::domain::rules::{Accusations, Facts, affected, served as served_rules, storage as storage_rules};
use crate::domain::start::Start;
use crate::domain::views::cache::StaleKeys;
use crate::domain::views::served::{ServedView, Subject};
use crate::domain::views::storage::{Departures, Removal, StorageView};

pub use self::options::{Asking, Budget, ContentCheck, Extent, Leads, Options, Probe};
pub use crate::domain::content::ContentSubset;
pub use crate::domain::suspects::Suspect;

/// What a check saw and concluded.
#[derive(Debug, Clone)]
pub struct Examination {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// What was looked at.
    pub coverage: Coverage,
    /// Why it was refused, where it was.
    pub refusal: Option<String>,
    /// What is wrong, sorted.
    pub findings: Vec<Finding>,
    /// Storage as it was seen, where it was.
    pub storage: Option<Arc<StorageView>>,
    /// The keys that a purge of the cache deletes for a finding, by the finding's id.
    pub purges: BTreeMap<String, StaleKeys>,
    /// The cache's members that lack both link and data: an upload elsewhere makes the daemon serve them.
    pub dormant: Vec<StaleKeys>,
    /// What may be done with the cache: nothing where another registry shares it.
    pub redis: Redis,
    /// Manifests that storage lacks and the daemon may believe in: nothing settles it.
    pub unsettled: Vec<Subject>,
}

/// Check.
///
/// # Errors
/// When storage cannot be read at all. A daemon that cannot be asked is part of the result.
pub async fn check(
    sides: &Sides,
    options: &Options,
    events: Arc<dyn Events>,
) -> Result<Examination, StorageError> {
    let started = Timestamp::now();
    let mut run = Run {
        sides,
        options,
        events,
        coverage: Coverage::default(),
        view: None,
        cached: cache::Cached::default(),
        unsettled: Vec::new(),
        start: None,
        removals: Vec::new(),
        departures: Departures::default(),
        is_untraced: false,
        last: None,
    };
    let (findings, refusal) = match sides.storage() {
        Some(storage) => run.with_storage(&storage, started).await?,
        None => run.api_only().await?,
    };
    if run.events.stop_requested() {
        run.coverage.note_interrupt();
    }
    let (purges, dormant, redis) = (run.cached.purges(&findings), run.cached.dormant(), run.redis());
    let (coverage, storage, unsettled) = (run.coverage, run.view, run.unsettled);
    Ok(Examination {
        started,
        finished: Timestamp::now(),
        coverage,
        refusal,
        findings,
        storage,
        purges,
        dormant,
        redis,
        unsettled,
    })
}

/// One check under way.
struct Run<'a> {
    sides: &'a Sides,
    options: &'a Options,
    events: Arc<dyn Events>,
    coverage: Coverage,
    view: Option<Arc<StorageView>>,
    cached: cache::Cached,
    unsettled: Vec<Subject>,
    /// When the daemon started, or why that is not known, where it matters.
    start: Option<Result<Start, Box<str>>>,
    /// The folders that something has left, as far as a daemon may remember what it was.
    removals: Vec<Removal>,
    /// What the folders of repositories tell of those that are gone.
    departures: Departures,
    /// Whether nothing tells what was gone before any look, and a daemon may remember it.
    is_untraced: bool,
    /// What the last check saw, where one did and it matters.
    last: Option<Arc<LastLook>>,
}

/// Findings, and why the run was refused where it was.
type Judgement = (Vec<Finding>, Option<String>);

impl Run<'_> {
    async fn with_storage(
        &mut self,
        storage: &Arc<dyn Storage>,
        now: Timestamp,
    ) -> Result<Judgement, StorageError> {
        let cache = self.read_cache().await;
        let view = self.collect(storage).await?;
        self.view = Some(Arc::clone(&view));
        if self.events.stop_requested() {
            // Of half a view most would look wrong.
            return Ok((Vec::new(), None));
        }
        let facts = Facts {
            // What is young when it is seen may have its links a moment later.
            now: now.min(view.collected),
            grace: self.options.extent.grace,
            everything: self.options.extent.scope.is_everything(),
            daemon: self.options.daemon.clone(),
        };
        let judged = Arc::clone(&view);
        let mut accusations = blocking(move || storage_rules::accuse(&judged, &facts)).await;
        self.coverage.limits.0.extend(accusations.limits());
        self.keep_own(&mut accusations);
        self.content(storage, &view, &mut accusations).await;
        self.cached = self.compare_cache(cache, &view, &mut accusations);
        self.keep_own(&mut accusations);
        if let Some(registry) = self.reachable().await {
            match same::registry(&*registry, storage, &view, (&self.options.daemon, &self.cached.asleep))
                .await
            {
                same::Same::Refused(why) => return Ok((Vec::new(), Some(why))),
                same::Same::Unknown(unlooked) => self.coverage.unknown.push(unlooked),
                same::Same::Shown(sample) => {
                    self.serve(storage, &*registry, &view, &mut accusations, sample).await;
                    self.keep_own(&mut accusations);
                }
            }
        } else if self.sides.daemons.is_empty() {
            self.coverage.limits.0.push(Limit::OnlyStorage);
        }
        let findings = self.second_look(storage, &view.root, accusations).await;
        Ok((self.conclude(&view, findings), None))
    }

    /// Drop what other shards accuse.
    fn keep_own(&self, accusations: &mut Accusations) {
        if let Some(shard) = self.options.extent.shard {
            accusations.retain(|subject| shard.has_subject(subject));
        }
    }

    async fn collect(&mut self, storage: &Arc<dyn Storage>) -> Result<Arc<StorageView>, StorageError> {
        let (storage, scope, events) =
            (Arc::clone(storage), Arc::clone(&self.options.extent.scope), Arc::clone(&self.events));
        let view = blocking(move || storage.collect_shared(&*scope, &*events)).await?;
        let scope = &self.options.extent.scope;
        if !scope.is_everything() && view.repositories.is_empty() && view.unknown.is_empty() {
            return Err(StorageError::NothingMatches { whole: view.root.clone() });
        }
        self.coverage.storage = Some(cover(&view));
        self.coverage.shard = self.options.extent.shard;
        self.coverage.limits.0.extend(self.options.extent.shard.map(Limit::Shard));
        self.coverage.unknown.extend(view.unknown.iter().cloned());
        if !self.options.extent.scope.is_everything() {
            self.coverage.limits.0.push(Limit::SomeRepositories);
        }
        Ok(view)
    }

    /// The daemon, if it was given and lets us in.
    async fn reachable(&mut self) -> Option<Arc<dyn RegistryReader>> {
        let registry = Arc::clone(&self.sides.daemon()?.reader);
        match registry.ping().await {
            Ok(()) => Some(registry),
            Err(error) => {
                let asked = Request { shown: error.asked().into(), content: None };
                self.coverage.unknown.push(Unlooked::new(asked, error.reason_and_hint()));
                None
            }
        }
    }

    /// Ask the daemon about what can be wrong, and accuse what it says.
    async fn serve(
        &mut self,
        storage: &Arc<dyn Storage>,
        registry: &dyn RegistryReader,
        view: &Arc<StorageView>,
        accusations: &mut Accusations,
        sample: ServedView,
    ) {
        self.recall(view).await;
        self.look_for_removals(storage, view).await;
        self.look_for_departures(storage, view).await;
        self.learn_start(storage, view, accusations).await;
        let suspects = self.suspects(storage, view, accusations).await;
        let round = |settled| probe::Round {
            view,
            accusations,
            settled,
            suspects: &suspects,
            options: self.options,
            events: &*self.events,
        };
        let by_cache = &self.cached.settled;
        let mut known = self.settle(storage, round(by_cache).beliefs()).await;
        known.subjects.extend(by_cache.iter().cloned());
        let mut served = round(&known.subjects).ask(registry, sample).await;
        again::ask(registry, storage, view, &mut served).await;
        let replicas = self.ask_replicas(storage, view, accusations, &suspects, &known.subjects).await;
        let first = (&*registry.location(), &served);
        self.judge(first, &replicas, accusations, |served, accusations, unknown| {
            served_rules::accuse(view, served, accusations, unknown);
        });
        served_rules::note_known_losses(&served, accusations);
        let all = std::iter::once(&served).chain(replicas.iter().map(|told| &told.served));
        self.leave_open(&known, all, accusations);
        self.without_repository(view);
        if !self.without_name(storage, view, accusations).await {
            self.without_trace(view, accusations);
            self.untraced(&**storage, accusations);
        }
        let served_by = std::iter::once(&served).chain(replicas.iter().map(|told| &told.served)).collect();
        self.remember(storage, view, Answers { suspects: &suspects, known: &known, served: served_by }).await;
        self.coverage.unknown.extend(served.unknown.iter().cloned());
        self.coverage.served = Some(ServedCoverage {
            requests: registry.requests(),
            tags: served.resolved.len() as u64,
            manifests: (served.manifests.len() + served.beliefs.len()) as u64,
            blobs: served.blobs.len() as u64,
            ..ServedCoverage::default()
        });
    }

    async fn second_look(
        &mut self,
        storage: &Arc<dyn Storage>,
        root: &str,
        accusations: Accusations,
    ) -> Vec<Finding> {
        let mut accusations = accusations.into_vec();
        if let Some(cache) = &self.sides.cache {
            accusations = cache::look_again(&**cache, accusations, &mut self.coverage.unknown).await;
        }
        let (storage, events) = (Arc::clone(storage), Arc::clone(&self.events));
        let most = if self.options.content.is_some() { u64::MAX } else { sizes::UNASKED };
        let looked = blocking(move || {
            events.emit(Event::Stage("looking again", Some(accusations.len() as u64)));
            let looked = recheck::look_again(&*storage, accusations, most, &*events);
            events.emit(Event::Finished);
            looked
        });
        let looked = looked.await;
        self.coverage.limits.0.extend(looked.limit);
        // Paths as the walk gives them, so that what neither could look at is said once.
        let root: Arc<str> = root.into();
        let below = |unlooked: Unlooked| Unlooked { what: unlooked.what.below(&root), ..unlooked };
        self.coverage.unknown.extend(looked.unknown.into_iter().map(below));
        looked.findings
    }

    fn redis(&self) -> Redis {
        if self.sides.cache.is_some() { self.cached.access() } else { Redis::NotGiven }
    }

    /// Name the images and remedies, and sort.
    fn conclude(&mut self, view: &StorageView, mut findings: Vec<Finding>) -> Vec<Finding> {
        let accused: BTreeSet<Digest> =
            findings.iter().filter_map(|finding| finding.subject.digest).collect();
        let affected = affected::find(view, &accused);
        self.coverage.limits.0.extend(affected.limit());
        let (keyed, is_manifest) =
            (self.cached.keyed(), |digest: &Digest| view.manifests.contains_key(digest));
        let capabilities = Capabilities::found(&self.options.daemon, true, self.redis());
        for finding in &mut findings {
            finding.affects = affected.by(finding);
            // Findings are kept to the end of the run; the room that their lists grew into is not.
            finding.affects.shrink_to_fit();
            finding.evidence.shrink_to_fit();
            let has_keys = finding.subject.digest.is_some_and(|digest| keyed.contains(&digest));
            let mut case = Case::found(finding, is_manifest, has_keys);
            if finding.code == Code::MissingLink && lacks_needs(view, finding) {
                // A daemon refuses a manifest whose blobs it lacks.
                case.bytes = Err(Obstacle::Lacks(Need::Bytes));
            }
            finding.remedies = offered(&case, capabilities);
        }
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        let is_allowed = |it: &Finding| {
            matches!(it.code, Code::HollowIndex | Code::PartialIndex) && it.severity == Severity::Note
        };
        if self.options.daemon.may_be_of_2 && findings.iter().any(is_allowed) {
            self.coverage.unknown.push(Unlooked::new(Thing::Sparse, Reason::MayBeOf2));
        }
        Unlooked::sort(&mut self.coverage.unknown);
        findings
    }
}

/// Whether storage lacks a config or layer of the manifest that a finding is about.
fn lacks_needs(view: &StorageView, finding: &Finding) -> bool {
    let manifest = finding.subject.digest.and_then(|digest| view.manifests.manifest(&digest));
    manifest.is_some_and(|manifest| manifest.needs.iter().any(|need| view.blob(&need.digest).is_none()))
}

fn cover(view: &StorageView) -> StorageCoverage {
    let sum = |count: fn(&crate::domain::views::storage::Repository) -> usize| {
        view.repositories.iter().map(|repository| count(repository) as u64).sum()
    };
    StorageCoverage {
        repositories: view.repositories.len() as u64,
        tags: sum(|repository| repository.tags.len()),
        revision_links: sum(|repository| repository.revisions.len()),
        layer_links: sum(|repository| repository.layers.len()),
        blobs: view.blobs.len() as u64,
        bytes: view.blobs.iter().map(|blob| blob.size).sum(),
        manifests: view.manifests.len() as u64,
        uploads: view.uploads.len() as u64,
        hashed_blobs: 0,
        hashed_bytes: 0,
    }
}
