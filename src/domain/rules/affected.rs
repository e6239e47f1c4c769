//! Which images a finding breaks.
//!
//! An image is broken by a digest that its manifest is, needs, or, for an index, that a child is or needs.
//! A tagged image is named by its tag; a manifest that no tag reaches, by its digest.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::name::{Image, Reference, RepositoryName};
use crate::domain::storage::{Link, ReadManifest, Repository, StorageView, TagTarget};

/// Indexes may hold indexes; deeper than this no client follows them.
const MAX_DEPTH: u8 = 8;

/// For each digest asked about, the images that need it.
#[derive(Debug, Default)]
pub struct Affected(HashMap<Digest, BTreeSet<Image>>);

/// What can be told of manifests, wherever they were read.
pub trait Manifests {
    /// The digests that a manifest needs: blobs and children.
    fn needs(&self, digest: &Digest) -> Vec<Digest>;
}

impl Manifests for BTreeMap<Digest, ReadManifest> {
    fn needs(&self, digest: &Digest) -> Vec<Digest> {
        let Some(ReadManifest::Manifest(manifest)) = self.get(digest) else { return Vec::new() };
        manifest.needs.iter().chain(&manifest.children).map(|need| need.digest).collect()
    }
}

/// Walks manifests once each, keeping for each the accused digests it reaches.
struct Reach<'a> {
    manifests: &'a dyn Manifests,
    accused: &'a BTreeSet<Digest>,
    known: HashMap<Digest, Vec<Digest>>,
}

impl Reach<'_> {
    fn of(&mut self, digest: &Digest, depth: u8) -> Vec<Digest> {
        if let Some(known) = self.known.get(digest) {
            return known.clone();
        }
        // Entered first, so that an index that holds itself ends here.
        self.known.insert(*digest, Vec::new());
        let mut reached: BTreeSet<Digest> = self.accused.get(digest).copied().into_iter().collect();
        for need in self.manifests.needs(digest) {
            reached.extend(self.accused.get(&need));
            if depth < MAX_DEPTH {
                reached.extend(self.of(&need, depth + 1));
            }
        }
        let reached: Vec<_> = reached.into_iter().collect();
        self.known.insert(*digest, reached.clone());
        reached
    }
}

/// Find the images that need any of `accused`.
#[must_use]
pub fn find(view: &StorageView, accused: &BTreeSet<Digest>) -> Affected {
    let mut affected = Affected::default();
    if accused.is_empty() {
        return affected;
    }
    let mut reach = Reach { manifests: &view.manifests, accused, known: HashMap::new() };
    for repository in &view.repositories {
        affected.repository(repository, &view.manifests, &mut reach);
    }
    affected
}

impl Affected {
    fn repository(&mut self, repository: &Repository, manifests: &dyn Manifests, reach: &mut Reach<'_>) {
        let name = &repository.name;
        let mut tagged = HashSet::new();
        for tag in &repository.tags {
            if let TagTarget::Digest(digest) = tag.current {
                tagged.insert(digest);
                tagged.extend(manifests.needs(&digest));
                self.note(&Image::tagged(name.clone(), tag.tag.clone()), reach.of(&digest, 0));
            }
        }
        for link in &repository.revisions {
            let digest = Link::data(link).unwrap_or(link.digest);
            if !tagged.contains(&digest) {
                self.note(&Image::untagged(name.clone(), digest), reach.of(&digest, 0));
            }
        }
    }

    fn note(&mut self, image: &Image, reached: Vec<Digest>) {
        for digest in reached {
            self.0.entry(digest).or_default().insert(image.clone());
        }
    }

    /// Say that `image` needs `digest`.
    pub fn insert(&mut self, digest: Digest, image: Image) {
        self.0.entry(digest).or_default().insert(image);
    }

    /// The images that a finding breaks: those of its repository where it has one, else all.
    #[must_use]
    pub fn by(&self, finding: &Finding) -> Vec<Image> {
        let subject = &finding.subject;
        if let (Some(repository), Some(tag)) = (&subject.repository, &subject.tag) {
            return vec![Image::tagged(repository.clone(), tag.clone())];
        }
        let images = subject.digest.and_then(|digest| self.0.get(&digest)).into_iter().flatten();
        let is_here = |name: &RepositoryName| subject.repository.as_ref().is_none_or(|here| here == name);
        images
            .filter(|image| is_here(&image.repository))
            .filter(|image| !is_itself(image, subject.digest))
            .cloned()
            .collect()
    }
}

/// An untagged manifest is not broken *by* itself: its own finding names it already.
fn is_itself(image: &Image, digest: Option<Digest>) -> bool {
    matches!(&image.reference, Reference::Digest(own) if Some(*own) == digest)
}
