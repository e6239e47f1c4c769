//! Which images a finding breaks.
//!
//! An image is broken by a digest that its manifest is, needs, or, for an index, that a child is or needs.
//! A tagged image is named by its tag; a manifest that no tag reaches, by its digest.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::manifest::Manifest;
use crate::domain::name::{Image, Reference, RepositoryName};
use crate::domain::views::storage::{ReadManifest, Repository, StorageView, StoredManifests, TagTarget};

/// For each digest asked about, the images that need it.
#[derive(Debug, Default)]
pub struct Affected(HashMap<Digest, BTreeSet<Image>>);

/// Which of the accused each manifest reaches. Few reach any, and only those are kept.
struct Reach<'a> {
    manifests: &'a StoredManifests,
    accused: HashSet<Digest>,
    known: HashMap<Digest, BTreeSet<Digest>>,
}

fn manifest<'a>(manifests: &'a StoredManifests, digest: &Digest) -> Option<&'a Manifest> {
    match manifests.get(digest)? {
        ReadManifest::Manifest(manifest) => Some(manifest),
        ReadManifest::Unreadable(_) => None,
    }
}

impl<'a> Reach<'a> {
    fn new(manifests: &'a StoredManifests, accused: &BTreeSet<Digest>) -> Self {
        let accused = accused.iter().copied().collect();
        let mut reach = Self { manifests, accused, known: HashMap::new() };
        for (digest, read) in manifests.iter() {
            if let ReadManifest::Manifest(manifest) = read {
                reach.note(*digest, manifest);
            }
        }
        // By now all images are known, so that an index has only to ask for its manifests.
        for (digest, read) in manifests.iter() {
            if let ReadManifest::Manifest(manifest) = read
                && !manifest.children.is_empty()
            {
                let reached = reach.below(*digest);
                reach.keep(*digest, reached);
            }
        }
        reach
    }

    /// What a manifest needs by itself.
    fn note(&mut self, digest: Digest, manifest: &Manifest) {
        let needs = manifest.needs.iter().chain(&manifest.children).map(|need| need.digest);
        let reached = needs.filter(|need| self.accused.contains(need)).collect();
        self.keep(digest, reached);
    }

    fn keep(&mut self, digest: Digest, reached: BTreeSet<Digest>) {
        if !reached.is_empty() {
            self.known.entry(digest).or_default().extend(reached);
        }
    }

    /// What an index and all below it reach, each looked at once: bad bytes may name themselves.
    fn below(&self, index: Digest) -> BTreeSet<Digest> {
        let mut reached = BTreeSet::new();
        let mut seen = HashSet::from([index]);
        let mut open = vec![index];
        while let Some(digest) = open.pop() {
            reached.extend(self.known.get(&digest).into_iter().flatten());
            let children = manifest(self.manifests, &digest).into_iter().flat_map(|index| &index.children);
            open.extend(children.map(|child| child.digest).filter(|child| seen.insert(*child)));
        }
        reached
    }

    /// The accused that pulling this manifest meets, itself among them.
    fn of(&self, digest: &Digest) -> impl Iterator<Item = Digest> {
        self.accused.get(digest).into_iter().chain(self.known.get(digest).into_iter().flatten()).copied()
    }

    fn is_broken(&self, digest: &Digest) -> bool {
        self.accused.contains(digest) || self.known.contains_key(digest)
    }
}

/// Find the images that need any of `accused`.
#[must_use]
pub fn find(view: &StorageView, accused: &BTreeSet<Digest>) -> Affected {
    let mut affected = Affected::default();
    if accused.is_empty() {
        return affected;
    }
    let reach = Reach::new(&view.manifests, accused);
    for repository in &view.repositories {
        affected.repository(repository, &reach);
    }
    affected
}

impl Affected {
    fn repository(&mut self, repository: &Repository, reach: &Reach<'_>) {
        let name = &repository.name;
        for tag in &repository.tags {
            if let TagTarget::Digest(digest) = &tag.current
                && reach.is_broken(digest)
            {
                self.note(&Image::tagged(name.clone(), tag.tag.clone()), reach.of(digest));
            }
        }
        let links = repository.revisions.iter().map(|link| link.data().unwrap_or(link.digest));
        let broken: Vec<Digest> = links.filter(|digest| reach.is_broken(digest)).collect();
        if broken.is_empty() {
            return;
        }
        let tagged = tagged(repository, reach.manifests);
        for digest in broken.iter().filter(|digest| !tagged.contains(*digest)) {
            self.note(&Image::untagged(name.clone(), *digest), reach.of(digest));
        }
    }

    fn note(&mut self, image: &Image, reached: impl Iterator<Item = Digest>) {
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

/// What tags name, and the manifests of the indexes among that.
fn tagged(repository: &Repository, manifests: &StoredManifests) -> HashSet<Digest> {
    let mut tagged = HashSet::new();
    for tag in &repository.tags {
        if let TagTarget::Digest(digest) = &tag.current {
            tagged.insert(*digest);
            let children = manifest(manifests, digest).into_iter().flat_map(|index| &index.children);
            tagged.extend(children.map(|child| child.digest));
        }
    }
    tagged
}

/// An untagged manifest is not broken *by* itself: its own finding names it already.
fn is_itself(image: &Image, digest: Option<Digest>) -> bool {
    matches!(&image.reference, Reference::Digest(own) if Some(*own) == digest)
}
