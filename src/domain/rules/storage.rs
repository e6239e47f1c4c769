//! The rules that need nothing but storage.

mod content;
mod leftovers;
mod tags;

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use super::{Accusations, Condition, Facts, closed};
use crate::domain::code::{Code, Severity};
use crate::domain::counted::counted;
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::finding::Subject;
use crate::domain::images::Frontier;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::manifest::{Descriptor, Manifest};
use crate::domain::observed::{Evidence, Side};
use crate::domain::views::storage::{
    ContentView, Link, Links, ReadManifest, Repository, StorageView, StoredBlob, Target,
};

/// The digest of nothing: the one blob that may be empty.
const EMPTY: Digest = Digest::sha256([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// So many repositories are judged at once by one of the cores.
const REPOSITORIES: usize = 16;

/// Accuse everything that storage alone shows to be wrong.
#[must_use]
pub fn accuse(view: &StorageView, facts: &Facts) -> Accusations {
    let needed: Vec<AtomicBool> = view.blobs.iter().map(|_| AtomicBool::new(false)).collect();
    let judge = || Judge { view, facts, needed: &needed, accusations: Accusations::default() };
    let some = view.repositories.par_chunks(REPOSITORIES).with_max_len(1).map(|some| {
        let mut judge = judge();
        for repository in some {
            judge.repository(repository);
        }
        judge.accusations
    });
    let some: Vec<Accusations> = some.collect();
    let mut last = judge();
    // In the order of the repositories, so that the same registry gives the same findings.
    for some in some {
        last.accusations.append(some);
    }
    last.leftovers();
    if !view.closed.is_empty() {
        let content = LazyCell::new(|| content_of(view));
        let is_wanted = |digest: &Digest| facts.everything || content.contains(digest);
        closed::accuse(view, is_wanted, &mut last.accusations);
    }
    last.accusations
}

/// Accuse the blobs whose content was hashed and is not what their digest says. Those whose size, or the reading of
/// them, says so already are not accused twice.
pub fn accuse_content(content: &ContentView, accusations: &mut Accusations) {
    let said = [Code::EmptyBlob, Code::TruncatedBlob, Code::UnreadableManifest];
    for blob in &content.wrong {
        if said.iter().any(|code| accusations.has(*code, &Subject::data(blob.digest))) {
            continue;
        }
        accusations.add(
            Code::CorruptBlob,
            Subject::data(blob.digest),
            || {
                format!(
                    "its {} bytes are not those of its digest: they hash to {}",
                    blob.size,
                    blob.actual.short()
                )
            },
            [Condition::WrongContent(blob.digest)],
        );
    }
}

/// The digest whose data a link stands for. One that is broken or names another content stands for what its folder
/// names; only a SHA-512 alias stands for what it names.
fn meant(link: Link<'_>) -> Digest {
    match link.target {
        Target::Other(named) if link.digest.algorithm() != Algorithm::Sha256 => **named,
        Target::Other(_) | Target::Same | Target::Invalid(_) | Target::Missing | Target::Unknown => {
            link.digest
        }
    }
}

/// The link to `digest`, if there is a file of it.
fn linked<'a>(links: &'a Links, digest: &Digest) -> Option<Link<'a>> {
    links.find(digest).filter(|link| *link.target != Target::Missing)
}

/// What the first look saw of data that is not there.
pub(super) fn walk_saw(view: &StorageView, digest: &Digest) -> Evidence {
    Evidence {
        view: Side::Storage,
        asked: Place::Data(*digest).into(),
        said: "not there (walk)".to_owned(),
        at: view.collected,
    }
}

/// The content that the repositories looked at link or need.
#[must_use]
pub fn content_of(view: &StorageView) -> BTreeSet<Digest> {
    let mut content = BTreeSet::new();
    for repository in &view.repositories {
        for link in repository.layers.iter().chain(&repository.revisions) {
            content.extend([Some(link.digest), link.data()].into_iter().flatten());
            if let Some(ReadManifest::Manifest(manifest)) = view.manifests.get(&meant(link)) {
                content.extend(manifest.references().map(|need| need.digest));
            }
        }
    }
    content
}

/// Whether everything that the repository holds as a manifest can say what it needs.
fn is_readable(view: &StorageView, repository: &Repository) -> bool {
    let is_read = |link| matches!(view.manifests.get(&meant(link)), Some(ReadManifest::Manifest(_)));
    repository.revisions.iter().all(is_read)
}

/// What the manifests of a repository want.
struct Unmet {
    /// What they need, as far as there is no data under its own digest.
    lost: BTreeSet<Digest>,
    /// The foreign layers that are not stored: clients get them from elsewhere.
    elsewhere: BTreeSet<Digest>,
    /// The stored children of indexes that no link leads to, each with whoever holds it.
    unlinked: Frontier<(Digest, Condition), Digest>,
}

impl Default for Unmet {
    fn default() -> Self {
        Self {
            lost: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            unlinked: Frontier::by(|(digest, _)| *digest, []),
        }
    }
}

struct Judge<'a> {
    view: &'a StorageView,
    facts: &'a Facts,
    /// Which of [`StorageView::blobs`] some link or manifest needs.
    needed: &'a [AtomicBool],
    accusations: Accusations,
}

impl<'a> Judge<'a> {
    /// The stored blob, noted as needed.
    fn need(&mut self, digest: &Digest) -> Option<StoredBlob> {
        let position = self.view.position(digest)?;
        if let Some(needed) = self.needed.get(position)
            && !needed.load(Relaxed)
        {
            needed.store(true, Relaxed);
        }
        self.view.blobs.get(position).copied()
    }

    fn repository(&mut self, repository: &'a Repository) {
        let mut wanted = Unmet::default();
        for link in &repository.revisions {
            self.link(repository, link, LinkPlace::Revision(link.digest));
            // What a link names is needed, right or wrong: nobody shall be told that it can go.
            link.data().map(|named| self.need(&named));
            self.revision(repository, link, meant(link), &mut wanted);
        }
        for tag in &repository.tags {
            self.tag(repository, tag, &mut wanted);
        }
        self.unlinked(repository, &mut wanted);
        let view = self.view;
        let is_whole = LazyCell::new(|| is_readable(view, repository));
        for link in &repository.layers {
            self.link(repository, link, LinkPlace::Layer(link.digest));
            self.layer(repository, link, &wanted, &is_whole);
        }
    }

    /// Accuse a link file that does not say what it should.
    fn link(&mut self, repository: &Repository, link: Link<'_>, place: LinkPlace) {
        let message = match link.target {
            Target::Invalid(text) if text.is_empty() => {
                "the link file is empty; the daemon answers 500".to_owned()
            }
            Target::Invalid(text) => {
                format!("the link file holds no digest but `{text}`; the daemon answers 500")
            }
            Target::Other(other) if link.digest.algorithm() == Algorithm::Sha256 => {
                format!("the link names {}; the daemon serves that content instead", other.short())
            }
            Target::Same | Target::Other(_) | Target::Missing | Target::Unknown => return,
        };
        let subject = Subject::link(repository.name.clone(), place.clone());
        let says = Condition::LinkSays(repository.name.clone(), place, link.target.clone());
        self.accusations.add(Code::InvalidLink, subject, || message, [says]);
    }

    /// A manifest that the repository holds by a revision link.
    fn revision(&mut self, repository: &'a Repository, link: Link<'_>, digest: Digest, wanted: &mut Unmet) {
        if matches!(link.target, Target::Missing | Target::Unknown) {
            return;
        }
        let place = LinkPlace::Revision(link.digest);
        let held = Condition::LinkSays(repository.name.clone(), place, link.target.clone());
        if self.need(&digest).is_none() {
            self.missing_manifest(repository, digest, "a revision link", held);
            return;
        }
        match self.view.manifests.get(&digest) {
            Some(ReadManifest::Manifest(manifest)) => {
                self.manifest(repository, digest, manifest, &held, wanted);
            }
            Some(ReadManifest::Unreadable(why)) => self.unreadable(digest, why, held),
            None => {}
        }
    }

    /// The stored children that no link leads to, down to the last: what they need is lost to the image all the same.
    fn unlinked(&mut self, repository: &'a Repository, wanted: &mut Unmet) {
        while let Some((digest, held)) = wanted.unlinked.next() {
            match self.view.manifests.get(&digest) {
                Some(ReadManifest::Manifest(manifest)) => {
                    self.manifest(repository, digest, manifest, &held, wanted);
                }
                Some(ReadManifest::Unreadable(why)) => self.unreadable(digest, why, held),
                None => {}
            }
        }
    }

    fn unreadable(&mut self, digest: Digest, why: &str, held: Condition) {
        // An empty file has its own code, with the same cure.
        if self.view.blob(&digest).is_some_and(|blob| blob.size == 0) {
            return;
        }
        let message = || format!("{why}; the daemon answers 500, and garbage collection aborts");
        let conditions = [Condition::NoManifest(digest), Condition::AnyOf(vec![held])];
        self.accusations.add(Code::UnreadableManifest, Subject::data(digest), message, conditions);
    }

    fn missing_manifest(&mut self, repository: &Repository, digest: Digest, who: &str, held: Condition) {
        if self.facts.daemon.fetches() {
            return;
        }
        let message = || format!("{who} needs it, its data is not stored; a plain push may be swallowed");
        let subject = Subject::linked(repository.name.clone(), digest);
        let walked = self.walk_saw(&digest);
        let conditions = [Condition::DataAbsent(digest), Condition::AnyOf(vec![held])];
        let accusation = self.accusations.add(Code::MissingManifest, subject, message, conditions);
        if accusation.finding.evidence.is_empty() {
            accusation.prove([walked]);
        }
    }

    fn walk_saw(&self, digest: &Digest) -> Evidence {
        walk_saw(self.view, digest)
    }

    /// What a manifest that is stored and, as `held` says, linked or tagged needs.
    fn manifest(
        &mut self,
        repository: &'a Repository,
        digest: Digest,
        manifest: &'a Manifest,
        held: &Condition,
        wanted: &mut Unmet,
    ) {
        for need in &manifest.needs {
            if !self.blob(repository, (digest, need), held) {
                wanted.lost.insert(need.digest);
            }
        }
        for layer in &manifest.foreign {
            self.foreign(repository, (digest, layer), held, wanted);
        }
        if let Some(flaw) = &manifest.flaw {
            let message = || format!("{flaw}; the daemon serves it, and no client can pull it");
            let conditions = [Condition::NoManifest(digest), Condition::AnyOf(vec![held.clone()])];
            self.accusations.add(Code::UnreadableManifest, Subject::data(digest), message, conditions);
        }
        self.index(repository, digest, manifest, held, wanted);
    }

    /// The children of an index, one by one and in sum.
    fn index(
        &mut self,
        repository: &'a Repository,
        digest: Digest,
        manifest: &Manifest,
        held: &Condition,
        wanted: &mut Unmet,
    ) {
        let children = &manifest.children;
        let (mut gone, mut is_harm) = (0, false);
        for (at, child) in children.iter().enumerate() {
            let is_wanted = self.facts.daemon.wants(manifest.platforms.get(at).map_or("", |it| it));
            if !self.child(repository, (digest, child), is_wanted, held, wanted) {
                gone += 1;
                is_harm |= is_wanted;
            }
        }
        if gone == 0 {
            return;
        }
        let code = if gone == children.len() { Code::HollowIndex } else { Code::PartialIndex };
        let message = || format!("gone: {gone} of its {}", counted(children.len() as u64, "manifest"));
        let lost = children.iter().map(|child| child.digest).filter(|child| self.view.blob(child).is_none());
        let needed = Condition::AnyOf(vec![held.clone()]);
        let conditions: Vec<_> = [needed].into_iter().chain(lost.map(Condition::DataAbsent)).collect();
        let subject = Subject::linked(repository.name.clone(), digest);
        let accusation = self.accusations.add(code, subject, message, conditions);
        if !is_harm {
            accusation.finding.severity = Severity::Note;
        }
    }

    /// Whether a child of an index is stored; accuse what keeps it from being pulled.
    fn child(
        &mut self,
        repository: &'a Repository,
        (index, child): (Digest, &Descriptor),
        is_wanted: bool,
        held: &Condition,
        wanted: &mut Unmet,
    ) -> bool {
        let Some(stored) = self.need(&child.digest) else {
            if is_wanted {
                self.missing_manifest(repository, child.digest, "an index", held.clone());
            }
            return false;
        };
        self.size((index, child), &stored, held);
        if linked(&repository.revisions, &child.digest).is_none() {
            let place = LinkPlace::Revision(child.digest);
            self.missing_link(repository, place, child.digest, "an index", held);
            wanted.unlinked.meet([(child.digest, held.clone())]);
        }
        true
    }
}
