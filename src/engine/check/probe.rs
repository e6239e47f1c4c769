//! What the daemon is asked: only what can be wrong, each pair once.
//!
//! | suspect | question |
//! |---|---|
//! | a layer link or a need without data | HEAD; where that claims, one byte |
//! | a damaged file, a broken or missing layer link | HEAD |
//! | a broken or missing revision link, an unreadable manifest | GET manifest |
//! | a broken tag | GET manifest by tag |
//! | what the daemon's user may not read | the same, and one byte of a blob |
//! | a manifest without data | what the daemon believes of it (`beliefs`) |

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{Asking, Extent, Options, Probe, Suspect, beliefs};
use crate::domain::code::Code;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::rules::Accusations;
use crate::domain::suspects::SuspectKind;
use crate::domain::views::served::{Answer, ServedBlob, ServedView, Subject};
use crate::domain::views::storage::{Links, ReadManifest, Repository, StorageView, Target};
use crate::engine::ports::{Event, Events, RegistryReader};

/// So much of what the daemon's user may not read is asked about.
const CLOSED: usize = 64;

/// Everything that will be asked.
#[derive(Debug, Default)]
struct Questions {
    blobs: BTreeSet<Subject>,
    manifests: BTreeSet<Subject>,
    tags: BTreeSet<(RepositoryName, Tag)>,
    beliefs: BTreeSet<Subject>,
}

/// A round of questions: to the daemon, and to each of its replicas.
pub(super) struct Round<'a> {
    pub(super) view: &'a StorageView,
    pub(super) accusations: &'a Accusations,
    /// What needs no question: the cache itself has answered.
    pub(super) settled: &'a BTreeSet<Subject>,
    /// Pairs that somebody named, each in a repository by now.
    pub(super) suspects: &'a [Suspect],
    pub(super) options: &'a Options,
    pub(super) events: &'a dyn Events,
}

impl Round<'_> {
    /// Ask a daemon; `served` holds the answers that are known already.
    pub(super) async fn ask(&self, registry: &dyn RegistryReader, mut served: ServedView) -> ServedView {
        let Self { view, events, .. } = *self;
        let questions = self.questions(&mut served);
        events.emit(Event::Stage("asking the daemon", Some(questions.len())));
        questions.ask(registry, view, &self.options.asking, events, &mut served).await;
        events.emit(Event::Finished);
        served.requests = registry.requests();
        served
    }

    /// The beliefs that are to be asked about.
    pub(super) fn beliefs(&self) -> BTreeSet<Subject> {
        self.questions(&mut ServedView::default()).beliefs
    }

    /// What is to be asked, without what was.
    fn questions(&self, served: &mut ServedView) -> Questions {
        let (view, Extent { shard, .. }) = (self.view, &self.options.extent);
        let mut questions = Questions::default();
        let (probe, fetches) = (self.options.asking.probe, self.options.daemon.fetches());
        let is_ours = |name: &RepositoryName| shard.is_none_or(|shard| shard.has_repository(name));
        if !fetches {
            questions.accused(view, self.accusations);
            questions.closed(view, is_ours);
        }
        for repository in view.repositories.iter().filter(|repository| is_ours(&repository.name)) {
            if fetches {
                questions.held(view, repository, probe);
            } else {
                questions.repository(view, repository, probe);
            }
        }
        questions.handed_in(view, self.suspects);
        questions.beliefs.retain(|subject| !self.settled.contains(subject));
        questions.blobs.retain(|(name, _)| is_ours(name));
        questions.beliefs.retain(|(name, _)| is_ours(name));
        served.blobs.retain(|((name, _), _)| is_ours(name));
        for (known, _) in &served.blobs {
            questions.blobs.remove(known);
        }
        questions
    }
}

impl Questions {
    fn len(&self) -> u64 {
        (self.blobs.len() + self.manifests.len() + self.tags.len() + self.beliefs.len()) as u64
    }

    /// What the accusations of storage name themselves.
    fn accused(&mut self, view: &StorageView, accusations: &Accusations) {
        for accusation in accusations.iter() {
            let subject = &accusation.finding.subject;
            let Some(name) = &subject.repository else { continue };
            if let Some(tag) = &subject.tag {
                self.tags.insert((name.clone(), tag.clone()));
            }
            let Some(digest) = subject.digest else { continue };
            let pair = (name.clone(), digest);
            let is_layer = matches!(subject.as_link(), Some(LinkPlace::Layer(_)));
            let code = accusation.finding.code;
            if code == Code::MissingManifest {
                self.beliefs.insert(pair);
            } else if code == Code::MissingLink || code == Code::InvalidLink && !misleads(view, &pair) {
                if is_layer { &mut self.blobs } else { &mut self.manifests }.insert(pair);
            }
        }
    }

    /// Some of what is kept from the daemon's user, once each: whether it reads that tells the rest.
    fn closed(&mut self, view: &StorageView, is_ours: impl Fn(&RepositoryName) -> bool) {
        let ours = || view.repositories.iter().filter(|repository| is_ours(&repository.name));
        for closed in view.closed.iter().take(CLOSED) {
            let what = closed.what();
            if let Place::Data(digest) = what {
                let has = |links: fn(&Repository) -> &Links| {
                    let holder = ours().find(|repository| links(repository).find(&digest).is_some());
                    holder.map(|repository| (repository.name.clone(), digest))
                };
                self.blobs.extend(has(|repository| &repository.layers));
                self.manifests.extend(has(|repository| &repository.revisions));
            } else if let Place::Link(name, link) = what
                && is_ours(&name)
            {
                match link {
                    LinkPlace::Layer(digest) => self.blobs.extend([(name, digest)]),
                    LinkPlace::Revision(digest) => self.manifests.extend([(name, digest)]),
                    LinkPlace::Tag(tag) => self.tags.extend([(name, tag)]),
                }
            }
        }
    }

    fn repository(&mut self, view: &StorageView, repository: &Repository, probe: Probe) {
        let name = &repository.name;
        let all = probe == Probe::All;
        for link in &repository.layers {
            let suspicious = link.data().is_none_or(|data| view.blob(&data).is_none());
            if all || suspicious && *link.target != Target::Missing {
                self.blobs.insert((name.clone(), link.digest));
            }
        }
        for link in &repository.revisions {
            let digest = link.data().unwrap_or(link.digest);
            match view.manifests.get(&digest) {
                Some(ReadManifest::Manifest(manifest)) => {
                    for need in &manifest.needs {
                        let data = repository
                            .layers
                            .find(&need.digest)
                            .and_then(crate::domain::views::storage::Link::data)
                            .unwrap_or(need.digest);
                        // A file of the wrong size is not asked about: a daemon that has just been started
                        // would learn that size, and remember it when the file is right again.
                        if view.blob(&data).is_none() {
                            self.blobs.insert((name.clone(), need.digest));
                        }
                    }
                    if all {
                        self.manifests.insert((name.clone(), link.digest));
                    }
                }
                Some(ReadManifest::Unreadable(_)) => {
                    self.manifests.insert((name.clone(), link.digest));
                }
                None => {}
            }
        }
        if all {
            self.tags.extend(repository.tags.iter().map(|tag| (name.clone(), tag.tag.clone())));
        }
    }

    /// Of a pull-through cache only what it holds: whatever it lacks it would fetch, and a tag from where it is newer.
    fn held(&mut self, view: &StorageView, repository: &Repository, probe: Probe) {
        if probe != Probe::All {
            return;
        }
        let own = |links: &Links| -> Vec<Subject> {
            let own = links.iter().filter(|link| *link.target == Target::Same);
            own.map(|link| (repository.name.clone(), link.digest)).collect()
        };
        let layers = own(&repository.layers).into_iter();
        self.blobs.extend(layers.filter(|(_, digest)| view.blob(digest).is_some_and(|blob| blob.size > 0)));
        let manifests = own(&repository.revisions).into_iter();
        self.manifests.extend(manifests.filter(|(_, digest)| view.manifests.manifest(digest).is_some()));
    }

    /// Pairs that somebody named, each in a repository by now.
    fn handed_in(&mut self, view: &StorageView, suspects: &[Suspect]) {
        for suspect in suspects {
            let Some(name) = &suspect.repository else { continue };
            let pair = (name.clone(), suspect.digest);
            // What may be a manifest may be believed in.
            if suspect.kind != SuspectKind::Manifest {
                self.blobs.insert(pair.clone());
            }
            if suspect.kind != SuspectKind::Layer && view.blob(&suspect.digest).is_none() {
                self.beliefs.insert(pair);
            }
        }
    }

    async fn ask(
        self,
        registry: &dyn RegistryReader,
        view: &StorageView,
        asking: &Asking,
        events: &dyn Events,
        served: &mut ServedView,
    ) {
        let jobs = asking.jobs.max(1);
        let blobs = stream::iter(self.blobs).map(|subject| async move {
            let blob = ask_blob(registry, view, &subject).await;
            events.emit(Event::Advanced(1));
            (subject, blob)
        });
        served.blobs.extend(blobs.buffer_unordered(jobs).collect::<Vec<_>>().await);
        let manifests = stream::iter(self.manifests).map(|subject| async move {
            let manifest = registry.manifest(&subject.0, &subject.1).await;
            events.emit(Event::Advanced(1));
            (subject, manifest)
        });
        served.manifests.extend(manifests.buffer_unordered(jobs).collect::<Vec<_>>().await);
        let tags = stream::iter(self.tags).map(|(name, tag)| async move {
            let resolved = registry.resolve(&name, &tag).await;
            events.emit(Event::Advanced(1));
            (name, tag, resolved)
        });
        served.resolved.extend(tags.buffer_unordered(jobs).collect::<Vec<_>>().await);
        served.beliefs.extend(beliefs::ask(registry, view, self.beliefs, asking, events).await);
        served.blobs.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// Whether a link of this digest names other content: a daemon that is asked would learn that.
fn misleads(view: &StorageView, (name, digest): &Subject) -> bool {
    let Some(repository) = view.repository(name) else { return false };
    let links = [&repository.layers, &repository.revisions];
    let mut found = links.into_iter().filter_map(|links| links.find(digest));
    found.any(|link| matches!(link.target, Target::Other(_)))
}

/// HEAD; and where that claims what storage lacks, one byte.
pub(super) async fn ask_blob(
    registry: &dyn RegistryReader,
    view: &StorageView,
    (name, digest): &Subject,
) -> ServedBlob {
    let claim = registry.head_blob(name, digest).await;
    let link = view.repository(name).and_then(|repository| repository.layers.find(digest));
    let data = link.and_then(crate::domain::views::storage::Link::data).unwrap_or(*digest);
    let delivery = match &claim.answer {
        Answer::Yes(_) if view.blob(&data).is_none() || view.is_closed_data(&data) => {
            Some(registry.byte(name, digest, 0).await)
        }
        Answer::Yes(_) | Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => None,
    };
    ServedBlob { claim, delivery }
}
