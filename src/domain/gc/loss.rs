//! What a garbage collection would take that an image still needs, or would need to be repaired.
//!
//! | the image | why it is taken | content |
//! |---|---|---|
//! | its manifest's data is gone | it is passed over, and what it needs is not marked | stored, linked in its repository, and marked by nothing; exactly what it needs where an earlier snapshot knows the manifest |
//! | its manifest is stored, but not linked | only links are followed | all that it needs |
//! | a child of an index (2.x) | children are marked, what they need is not; with -m their links go too | all that it needs |
//! | it has no tag, and its repository no folder of tags (3.x with -m) | its data goes, and its link stays | all that it needs |
//! | it has no tag, and names a kept one as its subject (-m) | only tags count: signatures, attestations | all that it needs |

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Collection;
use crate::domain::digest::Digest;
use crate::domain::images::{Holders, Marks, below, room};
use crate::domain::manifest::Manifest;
use crate::domain::name::{Image, RepositoryName};
use crate::domain::views::storage::{Link, ReadManifest, Repository, StorageView, StoredBlob, TagTarget};

/// What one image would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The images that need it: tags of one manifest, or the manifest itself where it has none.
    pub images: Vec<Image>,
    /// Why garbage collection takes it.
    pub reason: LossReason,
    /// The blobs that would be deleted, sorted by digest.
    pub content: Vec<StoredBlob>,
    /// The manifests whose links would be deleted, sorted.
    pub links: Vec<Digest>,
    /// Whether there may be more: what many images would lose is not all named with each of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

/// Why garbage collection takes what an image needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum LossReason {
    /// These manifests are gone.
    ManifestLost {
        /// The manifests.
        manifests: BTreeSet<Digest>,
        /// Whether what they need is known, from a snapshot; else it is whatever nothing else accounts for.
        is_known: bool,
    },
    /// The manifests are there, and garbage collection does not get to them.
    NotFollowed,
    /// It has no tag, and is attached to a manifest that is kept.
    Attached {
        /// That manifest.
        subject: Digest,
    },
    /// It has no tag, nor its repository a folder of them: its data goes, and its link stays.
    Hollowed,
}

/// What the images of `view` would lose by `collection`; `before` is an earlier look, which may know lost manifests.
#[must_use]
pub fn losses(
    view: &StorageView,
    collection: &Collection,
    delete_untagged: bool,
    before: Option<&StorageView>,
) -> Vec<Loss> {
    let pulled = view.repositories.iter();
    let pulled = pulled.flat_map(|repository| roots(repository, delete_untagged).into_keys()).collect();
    let taken = Taken::from(view, collection, before, &pulled);
    let mut losses = untagged(view, collection);
    for repository in &view.repositories {
        let linked = LazyCell::new(|| taken.linked(repository));
        for (root, images) in roots(repository, delete_untagged) {
            let things = taken.of.get(&root);
            losses.extend(things.and_then(|things| taken.loss(&repository.name, images, things, &linked)));
        }
    }
    losses
}

/// What goes for having no tag, and is wanted all the same.
fn untagged(view: &StorageView, collection: &Collection) -> Vec<Loss> {
    let taken = Taken { view, before: None, collection, of: HashMap::new(), is_cut: false, most: 0 };
    let hollowed = collection.hollowed.iter();
    let hollowed = hollowed.map(|(name, digest)| ((name, *digest), LossReason::Hollowed));
    let attached = attached(view, collection).into_iter();
    let attached = attached.map(|(pair, subject)| (pair, LossReason::Attached { subject }));
    let loss = |((name, digest), reason): ((&RepositoryName, Digest), LossReason)| {
        let needs = taken.manifest(&digest).into_iter().flat_map(|manifest| &manifest.needs);
        let mut content: Vec<_> =
            needs.map(|need| need.digest).chain([digest]).filter_map(|it| taken.garbage(&it)).collect();
        content.sort_by_key(|blob| blob.digest);
        content.dedup();
        let links =
            if collection.untagged.contains(&(name.clone(), digest)) { vec![digest] } else { Vec::new() };
        let images = vec![Image::untagged(name.clone(), digest)];
        Loss { images, reason, content, links, is_cut: false }
    };
    hollowed.chain(attached).map(loss).collect()
}

/// The manifests without a tag that are attached to one that is kept in their repository, or to such a one.
fn attached<'a>(
    view: &StorageView,
    collection: &'a Collection,
) -> BTreeMap<(&'a RepositoryName, Digest), Digest> {
    let subject = |digest: &Digest| view.manifests.manifest(digest)?.subject.as_deref().copied();
    let subjects =
        collection.untagged.iter().filter_map(|(name, digest)| Some(((name, *digest), subject(digest)?)));
    let subjects: BTreeMap<_, _> = subjects.collect();
    let is_kept = |name: &RepositoryName, subject: &Digest| {
        let is_linked = |repository: &Repository| repository.revisions.find(subject).is_some();
        collection.marked.contains(subject) && view.repository(name).is_some_and(is_linked)
    };
    let kept = subjects.iter().filter(|((name, _), subject)| is_kept(name, subject));
    let holders = Holders::new(subjects.iter().map(|(pair, subject)| (*pair, (pair.0, *subject))));
    let attached = holders.above(kept.map(|(pair, _)| (*pair, ())));
    attached.filter_map(|(pair, ())| Some((pair, *subjects.get(&pair)?))).collect()
}

/// The manifests by which images are pulled, with the images' names.
fn roots(repository: &Repository, delete_untagged: bool) -> BTreeMap<Digest, Vec<Image>> {
    let mut roots: BTreeMap<Digest, Vec<Image>> = BTreeMap::new();
    for tag in &repository.tags {
        if let TagTarget::Digest(digest) = tag.current {
            roots.entry(digest).or_default().push(Image::tagged(repository.name.clone(), tag.tag.clone()));
        }
    }
    if !delete_untagged {
        for digest in repository.revisions.iter().map(|link| link.data().unwrap_or(link.digest)) {
            roots.entry(digest).or_insert_with(|| vec![Image::untagged(repository.name.clone(), digest)]);
        }
    }
    roots
}

/// What is taken and an image may need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// The blob, which is garbage.
    Blob(Digest),
    /// A manifest that is lost, or whose link is taken in some repository.
    Manifest(Digest),
}

struct Taken<'a> {
    view: &'a StorageView,
    before: Option<&'a StorageView>,
    collection: &'a Collection,
    /// What each manifest would lose, itself and all below it.
    of: HashMap<Digest, Vec<Thing>>,
    /// Whether that is not all; who loses anything is in there.
    is_cut: bool,
    /// How many things are named with each image.
    most: usize,
}

impl<'a> Taken<'a> {
    fn from(
        view: &'a StorageView,
        collection: &'a Collection,
        before: Option<&'a StorageView>,
        roots: &BTreeSet<Digest>,
    ) -> Self {
        let mut taken = Self { view, before, collection, of: HashMap::new(), is_cut: false, most: 0 };
        let untagged: HashSet<Digest> = collection.untagged.iter().map(|(_, digest)| *digest).collect();
        let (mut listed, mut by_itself) = (Vec::new(), Vec::new());
        for (digest, manifest) in below(roots.iter().copied(), |digest| taken.manifest(digest)) {
            listed
                .extend(manifest.into_iter().flat_map(|it| &it.children).map(|child| (digest, child.digest)));
            let needs = manifest.into_iter().flat_map(|manifest| &manifest.needs).map(|need| need.digest);
            let garbage = needs.chain([digest]).filter(|needed| taken.garbage(needed).is_some());
            by_itself.extend(garbage.map(|garbage| (digest, Thing::Blob(garbage))));
            if untagged.contains(&digest) || taken.is_lost(&digest) {
                by_itself.push((digest, Thing::Manifest(digest)));
            }
        }
        let holders = Holders::new(listed);
        // Whichever are fewer are followed: what is taken, upwards, or what is pulled, downwards.
        let marks = if by_itself.len() <= roots.len() {
            let most = room(by_itself.len());
            holders.marks(by_itself, most)
        } else {
            taken.downwards(roots, &holders, &by_itself)
        };
        (taken.of, taken.is_cut) = (marks.of, marks.is_cut);
        taken.most = room(taken.of.len());
        taken
    }

    /// What each of the roots would lose, itself and all below it: the nearest.
    fn downwards(
        &self,
        roots: &BTreeSet<Digest>,
        holders: &Holders<Digest>,
        by_itself: &[(Digest, Thing)],
    ) -> Marks<Digest, Thing> {
        let mut own: HashMap<Digest, Vec<Thing>> = HashMap::new();
        for (digest, thing) in by_itself {
            own.entry(*digest).or_default().push(*thing);
        }
        let leading: HashMap<Digest, Thing> = holders.above(by_itself.iter().copied()).collect();
        let broken: Vec<_> = roots.iter().filter_map(|root| leading.get_key_value(root)).collect();
        let (most, mut is_cut) = (room(broken.len()), false);
        let followed = |digest: &Digest| self.manifest(digest).filter(|_| leading.contains_key(digest));
        let things = |(root, nearest): (&Digest, &Thing)| {
            let mut met = below([*root], followed);
            let mut found =
                met.by_ref().take(most).filter_map(|(digest, _)| own.get(&digest)).flatten().copied();
            let mut things: Vec<Thing> = found.by_ref().take(most).collect();
            is_cut |= found.next().is_some() || met.next().is_some();
            things.extend(things.is_empty().then_some(*nearest));
            things.sort_unstable();
            things.dedup();
            (*root, things)
        };
        let of = broken.into_iter().map(things).collect();
        Marks { of, is_cut }
    }

    /// The manifest as it is stored, or as it was.
    fn manifest(&self, digest: &Digest) -> Option<&'a Manifest> {
        let sides = [Some(self.view), self.before];
        sides
            .into_iter()
            .flatten()
            .find_map(|view| view.manifests.get(digest))
            .and_then(ReadManifest::manifest)
    }

    fn garbage(&self, digest: &Digest) -> Option<StoredBlob> {
        let garbage = &self.collection.garbage;
        let at = garbage.binary_search_by(|blob| blob.digest.cmp(digest)).ok()?;
        garbage.get(at).copied()
    }

    fn is_lost(&self, digest: &Digest) -> bool {
        !self.view.manifests.contains_key(digest) && self.view.blob(digest).is_none()
    }

    /// The garbage that a repository links.
    fn linked(&self, repository: &Repository) -> Vec<StoredBlob> {
        let linked = repository.layers.iter().filter_map(Link::data);
        linked.filter_map(|digest| self.garbage(&digest)).collect()
    }

    fn loss(
        &self,
        name: &RepositoryName,
        images: Vec<Image>,
        things: &[Thing],
        linked: &[StoredBlob],
    ) -> Option<Loss> {
        let (mut content, mut links, mut lost) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        for thing in things {
            match thing {
                Thing::Blob(digest) => content.extend(self.garbage(digest).map(|blob| (*digest, blob))),
                Thing::Manifest(digest) => {
                    let pair: (RepositoryName, Digest) = (name.clone(), *digest);
                    links.extend(self.collection.untagged.contains(&pair).then_some(*digest));
                    lost.extend(self.is_lost(digest).then_some(*digest));
                }
            }
        }
        // What a lost manifest needs is known, or is whatever of its repository nothing marks.
        let is_known = lost.iter().all(|digest| self.manifest(digest).is_some());
        if !is_known {
            content.extend(linked.iter().take(self.most).map(|blob| (blob.digest, *blob)));
        }
        let is_cut = self.is_cut || !is_known && linked.len() > self.most;
        if content.is_empty() && links.is_empty() {
            return None;
        }
        let reason = if lost.is_empty() {
            LossReason::NotFollowed
        } else {
            LossReason::ManifestLost { manifests: lost, is_known }
        };
        let content = content.into_values().collect();
        Some(Loss { images, reason, content, links, is_cut })
    }
}
