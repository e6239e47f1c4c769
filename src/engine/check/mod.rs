//! The check: collect the views, compare them, look again, and say what is wrong.
//!
//! ```text
//! storage ─► accusations ─► suspects ─► served ─► accusations ─► second look ─► findings
//! ```

mod api;
mod budget;
mod probe;
mod recheck;
mod same;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use super::ports::{Event, Events, Registry, Scope, Storage, StorageError};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Unlooked;
use crate::domain::report::{Coverage, ServedCoverage, StorageCoverage};
use crate::domain::rules::{
    Accusations, Daemon, Facts, affected, remedies, served as served_rules, storage as storage_rules,
};
use crate::domain::served::ServedView;
use crate::domain::shard::Shard;
use crate::domain::storage::StorageView;

pub use self::budget::Budget;
pub use crate::domain::content::ContentSubset;

/// The sides that a check can look at; at least one.
#[derive(Clone, Default)]
pub struct Sides {
    /// Storage, where it can be reached.
    pub storage: Option<Arc<dyn Storage>>,
    /// The daemon, where it can be reached.
    pub registry: Option<Arc<dyn Registry>>,
}

/// How much of the daemon is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Probe {
    /// Only about what can be wrong.
    #[default]
    Suspects,
    /// About every tag and every link.
    All,
}

/// A pair that somebody says may be wrong; without a repository, in whichever holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suspect {
    /// The repository, where it is known.
    pub repository: Option<RepositoryName>,
    /// The content.
    pub digest: Digest,
}

/// What a check is asked to do.
#[derive(Clone)]
pub struct Options {
    /// Which repositories.
    pub scope: Arc<dyn Scope>,
    /// What is younger than this is in flight.
    pub grace: SignedDuration,
    /// How much of the daemon is asked.
    pub probe: Probe,
    /// Whether manifests that storage lacks may be asked about by a PUT that must be refused.
    pub probe_manifests: bool,
    /// Whether, and which part of, the content is hashed.
    pub content: Option<ContentSubset>,
    /// How much content may be hashed.
    pub budget: Budget,
    /// Which part of the registry is judged; `None` is all of it. Storage is always walked as a whole.
    pub shard: Option<Shard>,
    /// How many questions at once.
    pub jobs: usize,
    /// What is known of the daemon's configuration.
    pub daemon: Daemon,
    /// Pairs handed in.
    pub suspects: Vec<Suspect>,
}

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
    let mut run = Run { sides, options, events, coverage: Coverage::default() };
    let (findings, refusal) = match &sides.storage {
        Some(storage) => run.with_storage(storage, started).await?,
        None => run.api_only().await,
    };
    Ok(Examination { started, finished: Timestamp::now(), coverage: run.coverage, refusal, findings })
}

/// One check under way.
struct Run<'a> {
    sides: &'a Sides,
    options: &'a Options,
    events: Arc<dyn Events>,
    coverage: Coverage,
}

/// Findings, and why the run was refused where it was.
type Judgement = (Vec<Finding>, Option<String>);

impl Run<'_> {
    async fn with_storage(
        &mut self,
        storage: &Arc<dyn Storage>,
        now: Timestamp,
    ) -> Result<Judgement, StorageError> {
        let view = self.collect(storage).await?;
        let facts = Facts {
            now,
            grace: self.options.grace,
            everything: self.options.scope.is_everything(),
            daemon: self.options.daemon.clone(),
        };
        let judged = Arc::clone(&view);
        let mut accusations = blocking(move || storage_rules::accuse(&judged, &facts)).await;
        self.keep_own(&mut accusations);
        self.content(storage, &view, &mut accusations).await;
        let mut served = None;
        if let Some(registry) = self.reachable().await {
            match same::registry(&*registry, &view).await {
                same::Same::Refused(why) => return Ok((Vec::new(), Some(why))),
                same::Same::Unknown(unlooked) => self.coverage.unknown.push(unlooked),
                same::Same::Shown(sample) => {
                    served = Some(self.serve(&*registry, &view, &mut accusations, sample).await);
                }
            }
        } else {
            self.coverage.limits.push(
                "only storage was looked at: what the daemon claims, in its cache or to its clients, is not known; \
                 give --registry URL"
                    .into(),
            );
        }
        drop(served);
        self.keep_own(&mut accusations);
        let findings = self.second_look(storage, &view, accusations).await;
        Ok((self.conclude(&view, findings), None))
    }

    /// Leave what belongs to other shards to them: before the daemon is asked about it, and before it is
    /// looked at again.
    fn keep_own(&self, accusations: &mut Accusations) {
        if let Some(shard) = self.options.shard {
            accusations.retain(|subject| shard.has_subject(subject));
        }
    }

    async fn collect(&mut self, storage: &Arc<dyn Storage>) -> Result<Arc<StorageView>, StorageError> {
        let (storage, scope, events) =
            (Arc::clone(storage), Arc::clone(&self.options.scope), Arc::clone(&self.events));
        let view = blocking(move || storage.collect(&*scope, &*events)).await?;
        self.coverage.storage = Some(cover(&view));
        self.coverage.shard = self.options.shard;
        self.coverage.limits.extend(self.options.shard.map(|shard| shard.limit()));
        self.coverage.unknown.extend(view.unknown.iter().cloned());
        if !self.options.scope.is_everything() {
            let limit = "only some repositories were looked at: content that nothing needs is not reported";
            self.coverage.limits.push(limit.into());
        }
        Ok(Arc::new(view))
    }

    /// The daemon, if it was given and lets us in.
    async fn reachable(&mut self) -> Option<Arc<dyn Registry>> {
        let registry = self.sides.registry.clone()?;
        match registry.ping().await {
            Ok(()) => Some(registry),
            Err(error) => {
                let why = match error.hint {
                    Some(hint) => format!("{}; {hint}", error.message),
                    None => error.message,
                };
                self.coverage.unknown.push(Unlooked { what: registry.location(), why });
                None
            }
        }
    }

    /// Ask the daemon about what can be wrong, and accuse what it says.
    async fn serve(
        &mut self,
        registry: &dyn Registry,
        view: &Arc<StorageView>,
        accusations: &mut Accusations,
        sample: ServedView,
    ) -> ServedView {
        let served = probe::ask(registry, view, accusations, self.options, &*self.events, sample).await;
        served_rules::accuse(view, &served, accusations, &mut self.coverage.unknown);
        self.coverage.unknown.extend(served.unknown.iter().cloned());
        self.coverage.served = Some(ServedCoverage {
            requests: registry.requests(),
            tags: served.resolved.len() as u64,
            manifests: (served.manifests.len() + served.beliefs.len()) as u64,
            blobs: served.blobs.len() as u64,
        });
        self.coverage.limits.extend(probe::limits(&served, self.options));
        served
    }

    async fn second_look(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: Accusations,
    ) -> Vec<Finding> {
        let (storage, events) = (Arc::clone(storage), Arc::clone(&self.events));
        let collected = view.collected;
        let looked = blocking(move || {
            let accusations = accusations.into_vec();
            events.emit(Event::Stage("looking again", Some(accusations.len() as u64)));
            let looked = recheck::look_again(&*storage, accusations, collected, &*events);
            events.emit(Event::Finished);
            looked
        });
        let looked = looked.await;
        self.coverage.unknown.extend(looked.unknown);
        looked.findings
    }

    /// Name the images and remedies, and sort.
    fn conclude(&mut self, view: &StorageView, mut findings: Vec<Finding>) -> Vec<Finding> {
        let accused: BTreeSet<Digest> =
            findings.iter().filter_map(|finding| finding.subject.digest).collect();
        let affected = affected::find(view, &accused);
        for finding in &mut findings {
            finding.affects = affected.by(finding);
            finding.remedies = remedies::of(finding, &self.options.daemon);
        }
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        self.coverage.unknown.sort();
        self.coverage.unknown.dedup();
        findings
    }
}

/// Run what blocks where blocking is allowed; a panic in there goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn cover(view: &StorageView) -> StorageCoverage {
    let sum = |count: fn(&crate::domain::storage::Repository) -> usize| {
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
