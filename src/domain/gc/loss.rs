//! What a garbage collection would take that an image still needs, or would need to be repaired.
//!
//! | the image | why it is taken | content |
//! |---|---|---|
//! | its manifest's data is gone | it is passed over, and what it needs is not marked | stored, linked in its repository, and marked by nothing; exactly what it needs where an earlier snapshot knows the manifest |
//! | its manifest is stored, but not linked | only links are followed | all that it needs |
//! | a child of an index (2.x) | children are marked, what they need is not; with -m their links go too | all that it needs |

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Collection;
use crate::domain::digest::Digest;
use crate::domain::name::{Image, RepositoryName};
use crate::domain::views::storage::{ReadManifest, Repository, StorageView, StoredBlob, TagTarget};

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
}

/// What the images of `view` would lose by `collection`; `before` is an earlier look, which may know lost manifests.
#[must_use]
pub fn losses(
    view: &StorageView,
    collection: &Collection,
    delete_untagged: bool,
    before: Option<&StorageView>,
) -> Vec<Loss> {
    let garbage: BTreeMap<Digest, StoredBlob> =
        collection.garbage.iter().map(|blob| (blob.digest, *blob)).collect();
    let mut losses = Vec::new();
    for repository in &view.repositories {
        for (root, images) in roots(repository, delete_untagged) {
            let mut walk = Walk { before, ..Walk::new(view, collection, &garbage, repository) };
            walk.from(root);
            losses.extend(walk.loss(images));
        }
    }
    losses
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

struct Walk<'a> {
    view: &'a StorageView,
    before: Option<&'a StorageView>,
    collection: &'a Collection,
    garbage: &'a BTreeMap<Digest, StoredBlob>,
    repository: &'a Repository,
    seen: BTreeSet<Digest>,
    content: BTreeMap<Digest, StoredBlob>,
    links: BTreeSet<Digest>,
    lost: BTreeSet<Digest>,
    is_known: bool,
}

impl<'a> Walk<'a> {
    const fn new(
        view: &'a StorageView,
        collection: &'a Collection,
        garbage: &'a BTreeMap<Digest, StoredBlob>,
        repository: &'a Repository,
    ) -> Self {
        Self {
            view,
            before: None,
            collection,
            garbage,
            repository,
            seen: BTreeSet::new(),
            content: BTreeMap::new(),
            links: BTreeSet::new(),
            lost: BTreeSet::new(),
            is_known: true,
        }
    }

    fn from(&mut self, root: Digest) {
        let mut open = vec![root];
        while let Some(digest) = open.pop() {
            if self.seen.insert(digest) {
                self.take(digest);
                open.extend(self.children(&digest));
            }
        }
    }

    /// Note what is taken of the manifest itself and of its needs.
    fn take(&mut self, digest: Digest) {
        let pair: (RepositoryName, Digest) = (self.repository.name.clone(), digest);
        if self.collection.untagged.contains(&pair) {
            self.links.insert(digest);
        }
        self.take_blob(&digest);
        match self.view.manifests.get(&digest) {
            Some(ReadManifest::Manifest(manifest)) => {
                manifest.needs.iter().for_each(|need| self.take_blob(&need.digest));
            }
            Some(ReadManifest::Unreadable(_)) => {}
            None if self.view.blob(&digest).is_some() => {}
            None => self.lost(digest),
        }
    }

    fn take_blob(&mut self, digest: &Digest) {
        if let Some(blob) = self.garbage.get(digest) {
            self.content.insert(*digest, *blob);
        }
    }

    /// A manifest without data: what it needs is known, or is whatever of its repository nothing marks.
    fn lost(&mut self, digest: Digest) {
        self.lost.insert(digest);
        if let Some(ReadManifest::Manifest(manifest)) =
            self.before.and_then(|before| before.manifests.get(&digest))
        {
            manifest.needs.iter().for_each(|need| self.take_blob(&need.digest));
            return;
        }
        self.is_known = false;
        let linked = self.repository.layers.iter().filter_map(crate::domain::views::storage::Link::data);
        linked.for_each(|data| self.take_blob(&data));
    }

    fn children(&self, digest: &Digest) -> Vec<Digest> {
        let sides = [Some(self.view), self.before];
        let manifest = sides.into_iter().flatten().find_map(|view| view.manifests.get(digest));
        let Some(ReadManifest::Manifest(manifest)) = manifest else { return Vec::new() };
        manifest.children.iter().map(|child| child.digest).collect()
    }

    fn loss(self, images: Vec<Image>) -> Option<Loss> {
        if self.content.is_empty() && self.links.is_empty() {
            return None;
        }
        let reason = if self.lost.is_empty() {
            LossReason::NotFollowed
        } else {
            LossReason::ManifestLost { manifests: self.lost, is_known: self.is_known }
        };
        let content = self.content.into_values().collect();
        Some(Loss { images, reason, content, links: self.links.into_iter().collect() })
    }
}
