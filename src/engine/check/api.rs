//! A check over the API alone: catalog, tags, manifests, one byte a blob, each asked for once.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Judgement, Options, Run};
use crate::domain::digest::Digest;
use crate::domain::images::Frontier;
use crate::domain::limit::Limit;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::report::ServedCoverage;
use crate::domain::rules::{Accusations, api};
use crate::domain::views::served::{Answer, Asked, Delivered, Delivery, ServedManifest, ServedView, Subject};
use crate::domain::views::storage::{
    Links, Repository, StorageView, StoredManifests, StoredTag, TagTarget, Target, Traces,
};
use crate::engine::ports::{Event, Events, RegistryReader, StorageError, fetch_images};

impl Run<'_> {
    /// Check what the daemon delivers, without a look at storage.
    pub(super) async fn api_only(&mut self) -> Result<Judgement, StorageError> {
        self.coverage.limits.0.push(Limit::OnlyServed);
        self.cache_alone().await;
        let Some(registry) = self.reachable().await else { return Ok((Vec::new(), None)) };
        let served = if self.options.daemon.fetches() { None } else { self.explore(&*registry).await };
        let Some(served) = served else {
            // Whatever it is asked for it fetches, and it notes what a tag names elsewhere.
            self.coverage.unknown.push(Unlooked::new(Thing::side(registry.location()), Reason::AsksRemote));
            return Ok((Vec::new(), None));
        };
        if self.matches_nothing(&*registry, &served).await {
            return Err(StorageError::NothingMatches { whole: registry.location() });
        }
        let mut accusations = Accusations::default();
        let daemon = &self.options.daemon;
        let replicas = self.explore_replicas(&served).await;
        let first = (&*registry.location(), &served);
        self.judge(first, &replicas, &mut accusations, |served, accusations, unknown| {
            api::accuse(served, daemon, accusations, unknown);
        });
        self.coverage.unknown.extend(served.unknown.iter().cloned());
        self.coverage.served = Some(ServedCoverage {
            requests: registry.requests(),
            tags: served.resolved.len() as u64,
            manifests: served.manifests.len() as u64,
            blobs: served.delivered.len() as u64,
            ..content::coverage(&served)
        });
        self.coverage.limits.0.extend(self.options.content.is_none().then_some(Limit::ContentUnhashed));
        let findings = accusations.into_vec().into_iter().map(|accusation| accusation.finding).collect();
        Ok((self.conclude(&picture(&served), findings), None))
    }

    /// Whether the repositories that were asked for are none that the daemon lists. One without tags answers as one
    /// that is not there, and is listed all the same.
    async fn matches_nothing(&self, registry: &dyn RegistryReader, served: &ServedView) -> bool {
        let scope = &self.options.extent.scope;
        if scope.is_everything() || !served.tags.is_empty() || !served.unknown.is_empty() {
            return false;
        }
        let catalog = registry.catalog().await;
        catalog.answer.yes().is_some_and(|names| !names.iter().any(|name| scope.includes(name)))
    }

    /// Ask about all that it lists; nothing where that would make a pull-through cache fetch.
    async fn explore(&mut self, registry: &dyn RegistryReader) -> Option<ServedView> {
        let mut explorer = Explorer {
            registry,
            jobs: self.options.asking.jobs.max(1),
            events: &*self.events,
            served: ServedView::default(),
        };
        let names = match self.options.extent.scope.names() {
            Some(names) => names,
            None => explorer.catalog().await,
        };
        let names: Vec<_> =
            names.into_iter().filter(|name| self.options.extent.scope.includes(name)).collect();
        if is_pull_through(registry, &names).await {
            return None;
        }
        explorer.tags(names).await;
        let names: Vec<_> = explorer.served.tags.keys().cloned().collect();
        explorer.manifests().await;
        explorer.blobs().await;
        if let Some(content) = &self.options.content {
            explorer.hash(content.subset).await;
        }
        self.coverage.limits.0.extend(explorer.hash_odd_sizes().await);
        explorer.suspects(self.options, &names).await;
        Some(explorer.served)
    }
}

/// In so many repositories it is asked what it is: one may be refused to us, and tell nothing.
const ASKED: usize = 16;
/// A repository that need not be there.
const ANY: &str = "regfsck";

/// Whether it is a pull-through cache, by the first repository that tells; an empty one lists none.
async fn is_pull_through(registry: &dyn RegistryReader, names: &[RepositoryName]) -> bool {
    for name in names.iter().take(ASKED).cloned().chain(ANY.parse()) {
        if let Some(told) = registry.is_pull_through(&name).await {
            return told;
        }
    }
    false
}

/// What came when a manifest was asked for.
pub(in crate::engine) type Read = Asked<Answer<ServedManifest>>;

/// Asks a registry about whole images, each thing once.
pub(in crate::engine) struct Explorer<'a> {
    pub(in crate::engine) registry: &'a dyn RegistryReader,
    pub(in crate::engine) jobs: usize,
    pub(in crate::engine) events: &'a dyn Events,
    /// The answers so far.
    pub(in crate::engine) served: ServedView,
}

/// So many tags are kept and resolved in one run: what a daemon lists has no end.
const MOST_TAGS: usize = 2_000_000;

/// What may still be taken.
struct Room(AtomicUsize);

impl Room {
    fn take(&self, count: usize) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(count)).is_ok()
    }
}

impl Explorer<'_> {
    /// Ask about each, so many at once.
    pub(in crate::engine) async fn ask_all<Q, A>(
        &self,
        stage: &'static str,
        questions: Vec<Q>,
        ask: impl AsyncFn(Q) -> A,
    ) -> Vec<A> {
        self.events.emit(Event::Stage(stage, Some(questions.len() as u64)));
        let ask = &ask;
        let answers = stream::iter(questions).map(|question| async move {
            let answer = ask(question).await;
            self.events.emit(Event::Advanced(1));
            answer
        });
        let answers = answers.buffer_unordered(self.jobs).collect().await;
        self.events.emit(Event::Finished);
        answers
    }

    fn unknown<T>(&mut self, asked: &Asked<T>, why: impl Into<Reason>) {
        self.served.unknown.push(Unlooked::new(asked.exchange.asked.clone(), why));
    }

    async fn catalog(&mut self) -> Vec<RepositoryName> {
        let asked = self.registry.catalog().await;
        match asked.answer {
            Answer::Yes(ref names) => {
                self.served.catalog = Some(names.clone());
                names.clone()
            }
            Answer::No(_) => {
                self.unknown(&asked, Reason::NoCatalog);
                Vec::new()
            }
            Answer::Broken(ref why) | Answer::Unknown(ref why) => {
                self.unknown(&asked, why.clone());
                Vec::new()
            }
        }
    }

    /// List the tags of each repository, and resolve them.
    async fn tags(&mut self, names: Vec<RepositoryName>) {
        let registry = self.registry;
        let room = Room(AtomicUsize::new(MOST_TAGS));
        let listed = self
            .ask_all("listing tags", names, async |name: RepositoryName| {
                let mut asked = registry.tags(&name).await;
                if let Answer::Yes(tags) = &asked.answer
                    && !room.take(tags.len())
                {
                    let why = "all repositories together list too many tags for one run; give --repo";
                    asked.answer = Answer::Unknown(why.into());
                }
                (name, asked)
            })
            .await;
        let mut questions = Vec::new();
        for (name, asked) in listed {
            match &asked.answer {
                Answer::Yes(tags) => {
                    questions.extend(tags.iter().map(|tag| (name.clone(), tag.clone())));
                    self.served.tags.insert(name, tags.clone());
                }
                // A repository whose last tag was deleted stays in the catalog.
                Answer::No(_) => {}
                Answer::Broken(why) | Answer::Unknown(why) => self.unknown(&asked, why.clone()),
            }
        }
        let resolved = self.ask_all("reading tags", questions, async |(name, tag): (RepositoryName, Tag)| {
            let resolved = registry.resolve(&name, &tag).await;
            (name, tag, resolved)
        });
        self.served.resolved = resolved.await;
        self.served.resolved.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    }

    /// Read the children of indexes.
    pub(in crate::engine) async fn manifests(&mut self) {
        let mut known = self.tagged();
        let read = self.read(&known, known.iter().flat_map(children).collect(), children).await;
        known.extend(read);
        self.served.manifests = known.into_iter().collect();
    }

    /// The manifests that came with the tags.
    pub(in crate::engine) fn tagged(&self) -> BTreeMap<Subject, Read> {
        let mut tagged = BTreeMap::new();
        for (name, _, asked) in &self.served.resolved {
            if let Answer::Yes(manifest) = &asked.answer {
                tagged.entry((name.clone(), manifest.digest)).or_insert_with(|| asked.clone());
            }
        }
        tagged
    }

    /// Read manifests, and what `next` says of each, all that is not known yet.
    pub(in crate::engine) async fn read(
        &self,
        known: &BTreeMap<Subject, Read>,
        wanted: Vec<Subject>,
        next: impl Fn((&Subject, &Read)) -> Vec<Subject>,
    ) -> Vec<(Subject, Read)> {
        let mut open = Frontier::of([]);
        for subject in known.keys() {
            open.see(subject);
        }
        open.meet(wanted);
        let mut all = Vec::new();
        self.events.emit(Event::Stage("reading manifests", None));
        let fetch = async |(name, digest): Subject| {
            let asked = self.registry.manifest(&name, &digest).await;
            self.events.emit(Event::Advanced(1));
            asked
        };
        let take = |subject, asked| {
            let below = next((&subject, &asked));
            all.push((subject, asked));
            below
        };
        fetch_images(open, self.jobs, fetch, take).await;
        self.events.emit(Event::Finished);
        all
    }

    /// Ask for one byte of each blob that a manifest needs, once a repository.
    pub(in crate::engine) async fn blobs(&mut self) {
        let mut wanted: BTreeMap<Subject, Option<u64>> = BTreeMap::new();
        for ((name, _), asked) in &self.served.manifests {
            if let Some(manifest) = asked.manifest() {
                wanted.extend(manifest.needs.iter().map(|need| ((name.clone(), need.digest), need.size())));
            }
        }
        let registry = self.registry;
        let questions = wanted.into_iter().collect();
        let delivered = self.ask_all("asking for blobs", questions, async |(subject, described)| {
            let delivered = deliver(registry, &subject, described).await;
            (subject, delivered)
        });
        self.served.delivered = delivered.await;
        self.served.delivered.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// So many questions about pairs handed in.
const SUSPECTS: usize = 4096;

impl Explorer<'_> {
    /// Ask about pairs handed in; only what is claimed and not delivered is kept.
    async fn suspects(&mut self, options: &Options, names: &[RepositoryName]) {
        let known: BTreeSet<Subject> =
            self.served.delivered.iter().map(|(subject, _)| subject.clone()).collect();
        let mut wanted: BTreeSet<Subject> = BTreeSet::new();
        for suspect in options.leads.suspects.iter().chain(&options.leads.written) {
            let places = suspect.repository.as_ref().map_or(names, std::slice::from_ref);
            let places = places.iter().filter(|name| options.extent.scope.includes(name));
            wanted.extend(places.map(|name| (name.clone(), suspect.digest)));
        }
        let count = wanted.difference(&known).count();
        if count > SUSPECTS {
            let why = Reason::TooManySuspects { asked: SUSPECTS, pairs: count };
            self.served.unknown.push(Unlooked::new(Thing::Suspects, why));
        }
        let registry = self.registry;
        let questions = wanted.difference(&known).take(SUSPECTS).cloned().collect();
        let delivered = self.ask_all("asking about suspects", questions, async |subject: Subject| {
            let delivered = deliver(registry, &subject, None).await;
            (subject, delivered)
        });
        let delivered = delivered.await;
        let is_denied = |delivered: &Delivered| matches!(delivered.last.answer, Answer::No(_));
        self.served.delivered.extend(delivered.into_iter().filter(|(_, delivered)| !is_denied(delivered)));
        self.served.delivered.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// Ask for the last byte; where it was promised and did not come, for the first; and where that makes an
/// accusation, once more, because a push may have been under way.
async fn deliver(
    registry: &dyn RegistryReader,
    (name, digest): &Subject,
    described: Option<u64>,
) -> Delivered {
    let at = described.unwrap_or_default().saturating_sub(1);
    let mut last = registry.byte(name, digest, at).await;
    if is_suspicious(&last.answer, described) {
        last = registry.byte(name, digest, at).await;
    }
    let first = match &last.answer {
        Answer::Yes(Delivery::Nothing) if at > 0 => Some(registry.byte(name, digest, 0).await),
        Answer::Yes(_) | Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => None,
    };
    Delivered { described, last, first }
}

fn is_suspicious(answer: &Answer<Delivery>, described: Option<u64>) -> bool {
    match answer {
        Answer::Yes(Delivery::Byte(size)) => described.is_some() && size.is_some() && *size != described,
        Answer::Yes(Delivery::Short(_)) => described != Some(0),
        Answer::Yes(Delivery::Nothing) | Answer::No(_) | Answer::Broken(_) => true,
        Answer::Unknown(_) => false,
    }
}

fn children(((name, _), asked): (&Subject, &Read)) -> Vec<Subject> {
    let children = asked.manifest().into_iter().flat_map(|manifest| &manifest.children);
    children.map(|child| (name.clone(), child.digest)).collect()
}

/// The served images in the form of a storage view, for what names the affected ones.
fn picture(served: &ServedView) -> StorageView {
    let mut repositories: BTreeMap<&RepositoryName, Repository> = BTreeMap::new();
    let mut revisions: BTreeMap<&RepositoryName, Vec<(Digest, Target)>> = BTreeMap::new();
    let mut manifests = StoredManifests::new();
    let empty = |name: &RepositoryName| Repository {
        name: name.clone(),
        layers: Links::default(),
        revisions: Links::default(),
        tags: Vec::new(),
        has_layers: true,
        has_manifests: true,
        has_tags: true,
        traces: Traces::default(),
    };
    for (name, tag, asked) in &served.resolved {
        if let Answer::Yes(manifest) = &asked.answer {
            let tag = StoredTag { tag: tag.clone(), current: TagTarget::Digest(manifest.digest) };
            repositories.entry(name).or_insert_with(|| empty(name)).tags.push(tag);
        }
    }
    for ((name, digest), asked) in &served.manifests {
        if let Answer::Yes(manifest) = &asked.answer {
            revisions.entry(name).or_default().push((*digest, Target::Same));
            manifests.insert(*digest, manifest.read.clone());
        }
    }
    for (name, links) in revisions {
        repositories.entry(name).or_insert_with(|| empty(name)).revisions = links.into_iter().collect();
    }
    StorageView {
        repositories: repositories.into_values().collect(),
        manifests,
        ..StorageView::empty(String::new(), Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_leaves_it_to_others() {
        let room = Room(AtomicUsize::new(10));
        assert_eq!([4, 7, 6, 1, 0].map(|count| room.take(count)), [true, false, true, false, true]);
    }
}
