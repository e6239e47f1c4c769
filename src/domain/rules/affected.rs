//! Which images a finding breaks.
//!
//! An image is broken by a digest that its manifest is, needs, or, for an index, that a child is or needs.
//! A tagged image is named by its tag; a manifest that no tag reaches, by its digest.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::images::{Holders, Marks, below, room};
use crate::domain::limit::Limit;
use crate::domain::name::{Image, Reference, RepositoryName};
use crate::domain::views::storage::{Repository, StorageView, StoredManifests, TagTarget};

/// For each digest asked about, the images that need it. Many lost layers below many tags are not all named with all:
/// whoever pushes decides on both numbers. Each image that is broken is named for one digest at least.
#[derive(Debug, Default)]
pub struct Affected {
    images: HashMap<Digest, BTreeSet<Image>>,
    /// The most that are named for a digest.
    most: usize,
    /// The manifests that reach nothing for which more are named.
    spent: HashSet<Digest>,
    is_cut: bool,
}

/// Which of the accused each manifest reaches. Few reach any, and only those are kept.
struct Reach<'a> {
    manifests: &'a StoredManifests,
    accused: HashSet<Digest>,
    known: Marks<&'a Digest, &'a Digest>,
}

impl<'a> Reach<'a> {
    fn new(manifests: &'a StoredManifests, accused: &BTreeSet<Digest>, most: usize) -> Self {
        let accused: HashSet<Digest> = accused.iter().copied().collect();
        let by_itself = manifests.readable().flat_map(|(digest, manifest)| {
            let named = manifest.references().map(|named| &named.digest);
            named.filter(|named| accused.contains(*named)).map(move |named| (digest, named))
        });
        let known = Holders::listing(manifests.readable()).marks(by_itself, most);
        Self { manifests, accused, known }
    }

    /// The accused that pulling this manifest meets, itself among them.
    fn of(&self, digest: &Digest) -> impl Iterator<Item = Digest> {
        self.accused
            .get(digest)
            .into_iter()
            .chain(self.known.of.get(digest).into_iter().flatten().copied())
            .copied()
    }

    fn is_broken(&self, digest: &Digest) -> bool {
        self.accused.contains(digest) || self.known.of.contains_key(digest)
    }

    /// What the repository's tags lead to, as far as it is broken.
    fn tagged(&self, repository: &Repository) -> HashSet<Digest> {
        let named = repository.tags.iter().filter_map(|tag| match tag.current {
            TagTarget::Digest(digest) => Some(digest),
            TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
        });
        let follow = |digest: &Digest| self.manifests.manifest(digest).filter(|_| self.is_broken(digest));
        below(named, follow).map(|(digest, _)| digest).collect()
    }
}

/// Find the images that need any of `accused`.
#[must_use]
pub fn find(view: &StorageView, accused: &BTreeSet<Digest>) -> Affected {
    let most = room(accused.len());
    let mut affected = Affected { most, ..Affected::default() };
    if accused.is_empty() {
        return affected;
    }
    let reach = Reach::new(&view.manifests, accused, most);
    affected.is_cut = reach.known.is_cut;
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
                self.note(Image::tagged(name.clone(), tag.tag.clone()), digest, reach);
            }
        }
        let links = repository.revisions.iter().map(|link| link.data().unwrap_or(link.digest));
        let broken: Vec<Digest> = links.filter(|digest| reach.is_broken(digest)).collect();
        if broken.is_empty() {
            return;
        }
        let tagged = reach.tagged(repository);
        for digest in broken.iter().filter(|digest| !tagged.contains(*digest)) {
            self.note(Image::untagged(name.clone(), *digest), digest, reach);
        }
    }

    /// Name `image`, whose manifest is `top`, for what it reaches.
    fn note(&mut self, image: Image, top: &Digest, reach: &Reach<'_>) {
        let mut is_named = false;
        if !self.spent.contains(top) {
            for digest in reach.of(top) {
                let images = self.images.entry(digest).or_default();
                let has_room = images.len() < self.most;
                if has_room {
                    images.insert(image.clone());
                }
                is_named |= has_room;
                self.is_cut |= !has_room;
            }
        }
        if !is_named && let Some(first) = reach.of(top).next() {
            self.spent.insert(*top);
            self.insert(first, image);
        }
    }

    /// What is not all named, if so.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        self.is_cut.then_some(Limit::ImagesUnnamed { most: self.most as u64 })
    }

    /// Say that `image` needs `digest`.
    pub fn insert(&mut self, digest: Digest, image: Image) {
        self.images.entry(digest).or_default().insert(image);
    }

    /// The images that a finding breaks: those of its repository where it has one, else all.
    #[must_use]
    pub fn by(&self, finding: &Finding) -> Vec<Image> {
        let subject = &finding.subject;
        if let (Some(repository), Some(tag)) = (&subject.repository, &subject.tag) {
            return vec![Image::tagged(repository.clone(), tag.clone())];
        }
        let Some(digest) = subject.digest else { return Vec::new() };
        let images = self.needing(digest, subject.repository.as_ref());
        images.filter(|image| !is_itself(image, Some(digest))).cloned().collect()
    }

    /// The images that need a digest: in that repository, or in any.
    pub fn needing(
        &self,
        digest: Digest,
        repository: Option<&RepositoryName>,
    ) -> impl Iterator<Item = &Image> {
        // As many repositories may lack a link to it as need it: those of one are found, not looked for.
        let from = repository.cloned().map(Image::first_of).map_or(Bound::Unbounded, Bound::Included);
        let images = self.images.get(&digest).into_iter();
        let images = images.flat_map(move |images| images.range((from.clone(), Bound::Unbounded)));
        images.take_while(move |image| repository.is_none_or(|here| *here == image.repository))
    }
}

/// An untagged manifest is not broken *by* itself: its own finding names it already.
fn is_itself(image: &Image, digest: Option<Digest>) -> bool {
    matches!(&image.reference, Reference::Digest(own) if Some(*own) == digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code::Code;
    use crate::domain::finding::Subject;
    use crate::domain::images::tests::{LAYER, digest, edges_of, hostile, manifest, stored};
    use crate::domain::manifest::Manifest;
    use crate::domain::views::storage::{Links, StoredTag, Target, Traces};

    #[test]
    fn images_of_one_repository_are_found_among_those_of_its_neighbours() {
        let mut affected = Affected::default();
        let names = ["a", "a-b", "a/b", "ab", "b"].map(|name| name.parse::<RepositoryName>().unwrap());
        for name in &names {
            for tag in ["0", "_x", "Z", "z", "0.1"] {
                affected.insert(digest(1), Image::tagged(name.clone(), tag.parse().unwrap()));
            }
            affected.insert(digest(1), Image::untagged(name.clone(), digest(2)));
        }
        for name in &names {
            let found: Vec<_> = affected.needing(digest(1), Some(name)).collect();
            assert!(found.len() == 6 && found.iter().all(|image| image.repository == *name), "{found:?}");
        }
        assert_eq!(affected.needing(digest(1), None).count(), 30);
        assert_eq!(affected.needing(digest(3), None).count(), 0);
    }

    /// One repository with these manifests, all linked, and these tags.
    fn view(graph: &[(usize, Manifest)], tags: &[(&str, usize)]) -> StorageView {
        let tag = |(tag, n): &(&str, usize)| StoredTag {
            tag: tag.parse().unwrap(),
            current: TagTarget::Digest(digest(*n)),
        };
        let repository = Repository {
            name: "a".parse().unwrap(),
            layers: Links::default(),
            revisions: graph.iter().map(|(n, _)| (digest(*n), Target::Same)).collect(),
            tags: tags.iter().map(tag).collect(),
            has_layers: true,
            has_manifests: true,
            has_tags: true,
            traces: Traces::default(),
        };
        StorageView {
            changed: None,
            root: "/r".into(),
            collected: jiff::Timestamp::UNIX_EPOCH,
            blobs: Vec::new(),
            repositories: vec![repository],
            manifests: stored(graph),
            uploads: Vec::new(),
            stray: Vec::new(),
            closed: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn by(view: &StorageView, lost: usize) -> Vec<String> {
        let finding = Finding::new(Code::MissingBlob, Subject::data(digest(lost)), "");
        let images = find(view, &BTreeSet::from([digest(lost)])).by(&finding);
        images.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_image_goes_by_its_tag_and_what_no_tag_reaches_by_its_digest() {
        let graph = [
            (0, manifest(&[], &[1, 2])),
            (1, manifest(&[], &[3])),
            (2, manifest(&[8], &[])),
            (3, manifest(&[9], &[])),
            (4, manifest(&[], &[3])),
        ];
        let view = view(&graph, &[("x", 0), ("y", 2)]);
        assert_eq!(by(&view, 8), ["a:x", "a:y"]);
        assert_eq!(by(&view, 9), ["a:x".to_owned(), format!("a@{}", digest(4))]);
        assert_eq!(by(&view, 3), ["a:x".to_owned(), format!("a@{}", digest(4))], "not by itself");
        assert_eq!(by(&view, 7), [] as [&str; 0]);
    }

    #[test]
    fn nested_indexes_cost_their_edges() {
        for (graph, edges) in hostile() {
            let tagged = view(&graph, &[("x", 0)]);
            let (images, passed) = edges_of(|| by(&tagged, LAYER));
            assert_eq!(images, ["a:x"]);
            assert!(passed <= 3 * edges + graph.len(), "{passed} for {edges}");
            let (images, passed) = edges_of(|| by(&view(&graph, &[]), LAYER));
            assert_eq!(images.len(), graph.len());
            assert!(passed <= 3 * edges + graph.len(), "{passed} for {edges}");
        }
    }

    #[test]
    fn many_lost_layers_below_many_tags_are_not_all_named_with_all() {
        let lost: Vec<usize> = (10..5_010).collect();
        let graph = [(0, manifest(&lost, &[]))];
        let tags: Vec<String> = (0..100).map(|at| format!("t{at}")).collect();
        let tags: Vec<_> = tags.iter().map(|tag| (tag.as_str(), 0)).collect();
        let view = view(&graph, &tags);
        let accused: BTreeSet<Digest> = lost.iter().map(|n| digest(*n)).collect();
        let affected = find(&view, &accused);
        assert_eq!(affected.limit(), Some(Limit::ImagesUnnamed { most: 64 }));
        let of = |n: &usize| affected.by(&Finding::new(Code::MissingBlob, Subject::data(digest(*n)), ""));
        let named: usize = lost.iter().map(|n| of(n).len()).sum();
        assert_eq!(named, 5_000 * 64 + 36);
        let all: BTreeSet<Image> = lost.iter().flat_map(of).collect();
        assert_eq!(all.len(), 100, "each is named somewhere");
        assert_eq!(find(&view, &BTreeSet::from([digest(10)])).limit(), None);
    }
}
