//! Whom to ask about beside what storage itself shows: pairs handed in, what disappeared since a snapshot, what is
//! left of links in storage, and what the cache claims.
//!
//! What is stored and linked cannot be a phantom and is not asked about. A digest without a repository is asked about
//! where something still tells of it: a link, or the empty folder that is left of one. Where nothing does, in the
//! repositories that the other suspects name, then in all, as far as the budget reaches.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::{Options, Run, Suspect};
use crate::domain::difference::{self, Difference};
use crate::domain::digest::Digest;
use crate::domain::last_look::LastLook;
use crate::domain::layout::LinkPlace;
use crate::domain::limit::Limit;
use crate::domain::name::RepositoryName;
use crate::domain::rules::Accusations;
use crate::domain::suspects::SuspectKind;
use crate::domain::views::served::Subject;
use crate::domain::views::storage::{ReadManifest, Repository, StorageView, Target, Trace};
use crate::engine::ports::Storage;

/// So many questions about digests that nothing in storage tells of.
const ANYWHERE: usize = 4096;
/// So many questions about what is left of links, the newest: they pile up.
const LEFT: usize = 4096;
/// So many about a blob whose file has another size than before: what a daemon remembers of that is the same everywhere.
const RESIZED: usize = 16;
/// So many questions about pairs that the cache itself claims: its entries prove themselves.
const OF_CACHE: usize = 4096;

impl Run<'_> {
    /// Every pair to ask about, each with its repository.
    pub(super) async fn suspects(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: &Accusations,
    ) -> Vec<Suspect> {
        if self.options.daemon.fetches() {
            return self.remembered(storage, view).await;
        }
        let mut gathering = Gathering::new(view, self.options, BTreeMap::new());
        for suspect in &self.options.leads.suspects {
            gathering.add(suspect);
        }
        let last = self.last.clone();
        let before = self.options.leads.since.iter().chain(last.iter().map(|last| &last.view));
        before.for_each(|before| gathering.disappeared(before));
        for suspect in last.iter().flat_map(|last| &last.outcome.open) {
            gathering.add(suspect);
            gathering.still_open(suspect);
        }
        let limit = gathering.left(self.began(), last.as_deref());
        self.coverage.limits.0.extend(limit);
        let limit = gathering.settle_bare();
        self.coverage.limits.0.extend(limit);
        let (pairs, homeless) = (gathering.pairs, gathering.homeless);
        self.without_home(storage, view, accusations, homeless).await;
        let mut gathering = Gathering::new(view, self.options, pairs);
        let of_cache = self.cached.suspects.len();
        for suspect in self.cached.suspects.iter().take(OF_CACHE) {
            gathering.add(suspect);
        }
        if of_cache > OF_CACHE {
            let limit = Limit::CachedPairs { asked: OF_CACHE as u64, pairs: of_cache as u64 };
            self.coverage.limits.0.push(limit);
        }
        let written = self.options.leads.written.iter().cloned();
        gathering.into_suspects().into_iter().chain(written).collect()
    }
}

struct Gathering<'a> {
    view: &'a StorageView,
    options: &'a Options,
    pairs: BTreeMap<Subject, SuspectKind>,
    bare: BTreeMap<Digest, SuspectKind>,
    /// How many of those no repository tells of.
    homeless: usize,
}

impl<'a> Gathering<'a> {
    const fn new(view: &'a StorageView, options: &'a Options, pairs: BTreeMap<Subject, SuspectKind>) -> Self {
        Self { view, options, pairs, bare: BTreeMap::new(), homeless: 0 }
    }

    fn add(&mut self, suspect: &Suspect) {
        let Suspect { repository, digest, kind } = suspect;
        if !self.may_be_false(suspect) {
            return;
        }
        match repository {
            Some(name) if self.options.extent.scope.includes(name) => {
                let known = self.pairs.entry((name.clone(), *digest)).or_default();
                *known = (*known).max(*kind);
            }
            Some(_) => {}
            None => {
                let known = self.bare.entry(*digest).or_default();
                *known = (*known).max(*kind);
            }
        }
    }

    /// Whether storage lacks what makes a claim of it, or a belief in it, true.
    fn may_be_false(&self, suspect: &Suspect) -> bool {
        let Suspect { repository, digest, kind } = suspect;
        let is_unlinked = |name| *kind != SuspectKind::Manifest && self.view.is_unlinked_layer(name, digest);
        self.view.blob(digest).is_none() || repository.as_ref().is_some_and(is_unlinked)
    }

    /// What is left of links. Such folders pile up: what is older than the daemon, or was denied when it was last asked,
    /// costs no question.
    fn left(&mut self, began: Option<i64>, last: Option<&LastLook>) -> Option<Limit> {
        let mut newest = BinaryHeap::new();
        let mut traces = 0_u64;
        for repository in &self.view.repositories {
            for (made, digest, kind) in left_in(repository, began, last) {
                let suspect = Suspect::new(Some(repository.name.clone()), digest, kind);
                if self.may_be_false(&suspect) {
                    traces += 1;
                    newest.push(Reverse((made, suspect)));
                }
                if newest.len() > LEFT {
                    newest.pop();
                }
            }
        }
        let asked = newest.len() as u64;
        for Reverse((_, suspect)) in newest {
            self.add(&suspect);
        }
        (asked < traces).then_some(Limit::Traces { asked, traces })
    }

    /// What was open at the last look is asked about though it is stored: a daemon may remember the size that it had.
    fn still_open(&mut self, suspect: &Suspect) {
        if let Suspect {
            repository: Some(name),
            digest,
            kind: kind @ (SuspectKind::Layer | SuspectKind::Content),
        } = suspect
            && self.view.repository(name).is_some_and(|repository| repository.layers.find(digest).is_some())
        {
            self.pairs.entry((name.clone(), *digest)).or_insert(*kind);
        }
    }

    /// A blob whose file has another size now, which was cut, and has been restored: whoever links it.
    fn resized(&mut self, digest: &Digest) {
        let holders = self.view.repositories.iter().filter(|one| one.layers.find(digest).is_some());
        let pairs = holders.map(|one| ((one.name.clone(), *digest), SuspectKind::Layer));
        self.pairs.extend(pairs.take(RESIZED));
    }

    fn disappeared(&mut self, before: &StorageView) {
        let Difference { suspects, links_gone, blobs_changed, .. } = difference::between(before, self.view);
        for (_, now) in blobs_changed {
            self.resized(&now.digest);
        }
        for (name, place) in links_gone {
            let (digest, kind) = match place {
                LinkPlace::Layer(digest) => (digest, SuspectKind::Layer),
                LinkPlace::Revision(digest) => (digest, SuspectKind::Manifest),
                LinkPlace::Tag(_) => continue,
            };
            self.add(&Suspect::new(Some(name), digest, kind));
        }
        let kind = |digest: &Digest| match before.manifests.get(digest) {
            Some(ReadManifest::Manifest(_)) => SuspectKind::Manifest,
            Some(ReadManifest::Unreadable(_)) | None => SuspectKind::Content,
        };
        let linked = suspects.linked.into_iter().map(|(name, digest)| (Some(name), digest));
        let unlinked = suspects.unlinked.into_iter().map(|digest| (None, digest));
        for (repository, digest) in linked.chain(unlinked) {
            self.add(&Suspect { repository, digest, kind: kind(&digest) });
        }
    }

    /// Find the repositories of the digests that came without; returns what could not be asked.
    fn settle_bare(&mut self) -> Option<Limit> {
        let named: BTreeSet<Digest> = self.pairs.keys().map(|(_, digest)| *digest).collect();
        let mut bare = std::mem::take(&mut self.bare);
        bare.retain(|digest, _| !named.contains(digest));
        for (digest, names) in homes(self.view, &bare) {
            let kind = bare.remove(&digest).unwrap_or_default();
            self.pairs.extend(names.into_iter().map(|name| ((name, digest), kind)));
        }
        self.homeless = bare.len();
        let everywhere = self.everywhere();
        let most = (ANYWHERE.checked_div(bare.len())?).min(everywhere.len());
        let asked: Vec<_> = bare.iter().take(ANYWHERE).collect();
        for (digest, kind) in &asked {
            let places = everywhere.iter().take(most.max(1)).cloned();
            self.pairs.extend(places.map(|name| ((name, **digest), **kind)));
        }
        (most < everywhere.len() || asked.len() < bare.len()).then_some(Limit::BareSuspects {
            digests: bare.len() as u64,
            asked: most.max(1) as u64,
            repositories: everywhere.len() as u64,
        })
    }

    /// All repositories, those that suspects name first.
    fn everywhere(&self) -> Vec<RepositoryName> {
        let named: BTreeSet<&RepositoryName> = self.pairs.keys().map(|(name, _)| name).collect();
        let all = self.view.repositories.iter().map(|repository| &repository.name);
        let others = all.filter(|name| !named.contains(name));
        named.iter().copied().chain(others).cloned().collect()
    }

    fn into_suspects(self) -> Vec<Suspect> {
        let view = self.view;
        let suspect = |((name, digest), kind): (Subject, SuspectKind)| {
            let kind = kind.max(trace(view, &name, &digest));
            Suspect { repository: Some(name), digest, kind }
        };
        self.pairs.into_iter().map(suspect).collect()
    }
}

/// What is left of a repository's links, and when that was left, which something beside a lost link hides.
fn left_in(
    repository: &Repository,
    began: Option<i64>,
    last: Option<&LastLook>,
) -> impl Iterator<Item = (i64, Digest, SuspectKind)> {
    let Repository { name, layers, revisions, traces, .. } = repository;
    let is_open =
        move |trace: &Trace| trace.is_remembered(began) && !last.is_some_and(|last| last.denied(name, trace));
    let kinds =
        [(layers, &traces.layers, SuspectKind::Layer), (revisions, &traces.revisions, SuspectKind::Manifest)];
    kinds.into_iter().flat_map(move |(links, traces, kind)| {
        let lost = links.iter().filter(|link| *link.target == Target::Missing);
        let lost = lost.map(|link| Trace { digest: link.digest, made: i64::MAX });
        let remembered = traces.iter().copied().filter(is_open);
        lost.chain(remembered).map(move |trace| (trace.made, trace.digest, kind))
    })
}

/// The repositories that have a link to a digest, or the folder of one.
fn homes(
    view: &StorageView,
    wanted: &BTreeMap<Digest, SuspectKind>,
) -> BTreeMap<Digest, BTreeSet<RepositoryName>> {
    let mut homes: BTreeMap<Digest, BTreeSet<RepositoryName>> = BTreeMap::new();
    if wanted.is_empty() {
        return homes;
    }
    for repository in &view.repositories {
        for digest in links(repository).filter(|digest| wanted.contains_key(digest)) {
            homes.entry(digest).or_default().insert(repository.name.clone());
        }
    }
    homes
}

/// What a link, or the folder of one, tells of what it was.
fn trace(view: &StorageView, name: &RepositoryName, digest: &Digest) -> SuspectKind {
    let Some(Repository { layers, revisions, traces, .. }) = view.repository(name) else {
        return SuspectKind::Content;
    };
    if revisions.find(digest).is_some() || traces.revision(digest).is_some() {
        SuspectKind::Manifest
    } else if layers.find(digest).is_some() || traces.layer(digest).is_some() {
        SuspectKind::Layer
    } else {
        SuspectKind::Content
    }
}

fn links(repository: &Repository) -> impl Iterator<Item = Digest> {
    let traces =
        repository.traces.layers.iter().chain(&repository.traces.revisions).map(|trace| trace.digest);
    repository.layers.iter().chain(&repository.revisions).map(|link| link.digest).chain(traces)
}
