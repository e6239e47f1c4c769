//! What a garbage collection would do, told from storage's view alone.
//!
//! ```text
//! mark   2.x  every revision link whose data is stored, and what its manifest names; nothing deeper
//!        3.x  the same, and on into the children that the repository links
//!        -m   revisions that no tag names are passed over, and deleted
//! sweep  every blob that is not marked
//! ```
//!
//! A manifest whose data is gone is passed over without a word, so what only it needs is deleted. Foreign layers
//! that somebody stored all the same are taken for garbage here, which the real one keeps.

mod loss;

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

pub use self::loss::{Loss, LossReason, losses};
use super::digest::Digest;
use super::images::Frontier;
use super::layout::{self, FolderPlace, LinkPlace, Part, Place};
use super::manifest::{Kind, Manifest};
use super::name::RepositoryName;
use super::views::storage::{Link, ReadManifest, Repository, StorageView, StoredBlob, TagTarget, Target};

/// Whose garbage collector it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Release {
    /// distribution 2.x.
    #[serde(rename = "2")]
    V2,
    /// distribution 3.x.
    #[serde(rename = "3")]
    V3,
}

/// What makes a garbage collection give up, with everything left as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Abort {
    /// The file or folder.
    #[serde(rename = "path")]
    pub place: Place,
    /// Why.
    pub why: String,
}

/// What a garbage collection would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Why it would give up, where it would.
    pub aborts: BTreeSet<Abort>,
    /// What it would keep.
    pub marked: HashSet<Digest>,
    /// The blobs that it would delete, sorted by digest.
    pub garbage: Vec<StoredBlob>,
    /// The revision links that it would delete for having no tag.
    pub untagged: BTreeSet<(RepositoryName, Digest)>,
    /// The manifests without a tag whose links it would keep, though not their data.
    pub hollowed: BTreeSet<(RepositoryName, Digest)>,
}

/// Run it in mind.
#[must_use]
pub fn collect(view: &StorageView, flavour: Release, delete_untagged: bool) -> Collection {
    let mut mark =
        Mark { view, flavour, delete_untagged, open: Frontier::of([]), collection: Collection::default() };
    for repository in &view.repositories {
        if mark.enumerates(repository) {
            mark.repository(repository);
        }
    }
    mark.stray_data();
    let mut collection = Collection { marked: mark.open.into_seen(), ..mark.collection };
    if flavour == Release::V3 {
        collection.spare_referenced();
    }
    let is_garbage = |blob: &&StoredBlob| !collection.marked.contains(&blob.digest);
    collection.garbage = view.blobs.iter().filter(is_garbage).copied().collect();
    collection
}

impl Collection {
    /// 3.x keeps untagged manifests that a marked index needs; 2.x deletes their links.
    fn spare_referenced(&mut self) {
        let Self { untagged, hollowed, marked, .. } = self;
        untagged.retain(|(_, digest)| !marked.contains(digest));
        hollowed.retain(|(_, digest)| !marked.contains(digest));
    }
}

struct Mark<'a> {
    view: &'a StorageView,
    flavour: Release,
    delete_untagged: bool,
    /// What was met is what is marked: like the real one it is met once for all repositories, and not followed in a
    /// second one.
    open: Frontier<Digest>,
    collection: Collection,
}

impl<'a> Mark<'a> {
    /// 2.x goes by the `_layers` folder, 3.x by `_manifests`.
    const fn enumerates(&self, repository: &Repository) -> bool {
        match self.flavour {
            Release::V2 => repository.has_layers,
            Release::V3 => repository.has_manifests,
        }
    }

    fn abort(&mut self, place: Place, why: impl Into<String>) {
        self.collection.aborts.insert(Abort { place, why: why.into() });
    }

    fn repository(&mut self, repository: &'a Repository) {
        let mut is_asked_for_tags = false;
        let tagged = tagged(repository);
        for link in &repository.revisions {
            self.invalid(repository, link, LinkPlace::Revision(link.digest));
            let Some(digest) = link.data().filter(|digest| self.knows(repository, digest)) else { continue };
            is_asked_for_tags = true;
            if self.delete_untagged && !tagged.contains(&digest) {
                self.untagged(repository, digest);
            } else {
                self.open.see(&digest);
                self.open.open(digest);
                self.references(repository);
            }
        }
        if self.delete_untagged && is_asked_for_tags {
            self.tags(repository);
        }
        if self.flavour == Release::V3 {
            self.layers(repository);
        }
    }

    fn invalid(&mut self, repository: &Repository, link: Link<'_>, place: LinkPlace) {
        if matches!(link.target, Target::Invalid(_)) {
            self.abort(Place::Link(repository.name.clone(), place), "the link holds no digest");
        }
    }

    /// Whether the manifest is linked in the repository and its data is stored.
    fn knows(&self, repository: &Repository, digest: &Digest) -> bool {
        let layers = (self.flavour == Release::V2).then_some(&repository.layers);
        let linked = [Some(&repository.revisions), layers].into_iter().flatten();
        let is_there = |link: &Link<'_>| !matches!(link.target, Target::Missing);
        let link = linked.filter_map(|links| links.find(digest)).find(|link| is_there(link));
        let data = link.and_then(Link::data);
        data.is_some_and(|data| self.view.blob(&data).is_some())
    }

    fn untagged(&mut self, repository: &Repository, digest: Digest) {
        let pair = (repository.name.clone(), digest);
        match self.flavour {
            _ if repository.has_tags => {
                self.collection.untagged.insert(pair);
            }
            Release::V2 => {
                let tags = Place::Folder(FolderPlace::Part(repository.name.clone(), Part::Tags));
                self.abort(tags, "the folder is missing, and 2.x gives up on that with -m");
            }
            Release::V3 => {
                self.collection.hollowed.insert(pair);
            }
        }
    }

    fn tags(&mut self, repository: &Repository) {
        for tag in &repository.tags {
            if matches!(tag.current, TagTarget::Invalid(_)) {
                let link = Place::Link(repository.name.clone(), LinkPlace::Tag(tag.tag.clone()));
                self.abort(link, "the tag's link holds no digest");
            }
        }
    }

    fn layers(&mut self, repository: &Repository) {
        if !repository.has_layers {
            let layers = Place::Folder(FolderPlace::Part(repository.name.clone(), Part::Layers));
            self.abort(layers, "the folder is missing, and 3.x gives up on that");
        }
        for link in &repository.layers {
            self.invalid(repository, link, LinkPlace::Layer(link.digest));
        }
    }

    fn references(&mut self, repository: &'a Repository) {
        while let Some(digest) = self.open.next() {
            let Some(manifest) = self.read(&digest) else { continue };
            for need in manifest.references() {
                let is_new = self.open.see(&need.digest);
                if is_new && self.flavour == Release::V3 && self.knows(repository, &need.digest) {
                    self.open.open(need.digest);
                }
            }
        }
    }

    fn read(&mut self, digest: &Digest) -> Option<&'a Manifest> {
        let data = Place::Data(*digest);
        match self.view.manifests.get(digest) {
            Some(ReadManifest::Manifest(manifest)) => {
                if manifest.kind == Kind::Schema1 && self.flavour == Release::V3 {
                    self.abort(data, "it is a manifest of schema 1, which 3.x cannot read");
                }
                Some(manifest)
            }
            Some(ReadManifest::Unreadable(why)) => {
                self.abort(data, format!("it is linked as a manifest, and is none: {why}"));
                None
            }
            None => None,
        }
    }

    /// Data files below folders that are no digests.
    fn stray_data(&mut self) {
        for stray in self.view.stray.iter().filter(|stray| stray.place.is_nameless_data()) {
            self.abort(stray.place.clone(), STRAY_DATA);
        }
    }
}

/// Why a `data` file where no digest is aborts.
const STRAY_DATA: &str = "a file named `data` below a folder that is no digest";

/// The folders among the repositories that do not belong there: garbage collection gives up where a repository lies in one,
/// for its name is none.
pub fn strange_folders(view: &StorageView) -> impl Iterator<Item = &Place> {
    let repositories = Place::Folder(FolderPlace::Repositories);
    let stray = view.stray.iter().map(|stray| &stray.place);
    stray.filter(move |place| place.repository().is_none() && place.is_within(&repositories))
}

impl Release {
    /// What makes a folder a repository.
    #[must_use]
    pub const fn makes_repository(self) -> &'static str {
        match self {
            Self::V2 => layout::LAYERS,
            Self::V3 => layout::MANIFESTS,
        }
    }
}

impl Abort {
    /// A repository whose name is none.
    #[must_use]
    pub fn misnamed(place: Place) -> Self {
        Self { place, why: "it lies in a folder that is no repository's name".into() }
    }
}

/// What aborts if it is there: a look at storage's view does not go into folders that do not belong.
#[must_use]
pub fn possible_aborts(view: &StorageView) -> Vec<Abort> {
    let inside = view.stray.iter().map(|stray| stray.place.join(layout::DATA));
    let nameless = inside.filter(Place::is_nameless_data);
    nameless.map(|place| Abort { place, why: STRAY_DATA.into() }).collect()
}

fn tagged(repository: &Repository) -> BTreeSet<Digest> {
    let named = repository.tags.iter().filter_map(|tag| match tag.current {
        TagTarget::Digest(digest) => Some(digest),
        TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
    });
    named.collect()
}

#[cfg(test)]
mod tests;
