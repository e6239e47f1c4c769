//! What changed between two looks at storage, and whom that makes suspect.
//!
//! After garbage collection of a 3.x registry neither data nor link of a deleted image is left, and storage alone
//! has nothing to ask about; the look before it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::digest::Digest;
use super::layout::LinkPlace;
use super::name::{RepositoryName, Tag};
use super::views::storage::{Link, Links, Repository, StorageView, StoredBlob, StoredTag, TagTarget};

/// What changed from one look at storage to a later one. Both have to be looks at all of it: what the later one
/// was not told to look at would seem to be gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Blobs that are gone.
    pub blobs_gone: Vec<StoredBlob>,
    /// Blobs that are new.
    pub blobs_new: Vec<StoredBlob>,
    /// Blobs whose file has another size now: the earlier and the later.
    pub blobs_changed: Vec<(StoredBlob, StoredBlob)>,
    /// Repositories whose folders are gone.
    pub repositories_gone: Vec<RepositoryName>,
    /// Repositories that are new.
    pub repositories_new: Vec<RepositoryName>,
    /// Layer and revision links that are gone, those of gone repositories among them.
    pub links_gone: Vec<(RepositoryName, LinkPlace)>,
    /// How many links are new.
    pub links_new: usize,
    /// Tags that are gone, and what they named.
    pub tags_gone: Vec<(RepositoryName, StoredTag)>,
    /// Tags that are new.
    pub tags_new: Vec<(RepositoryName, StoredTag)>,
    /// Tags that name something else: the earlier and the later.
    pub tags_moved: Vec<(RepositoryName, Tag, TagTarget, TagTarget)>,
    /// What the running daemon is to be asked about.
    pub suspects: LostContent,
}

/// Content whose data is gone, and that a daemon may claim still.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostContent {
    /// In these repositories, which linked it.
    pub linked: BTreeSet<(RepositoryName, Digest)>,
    /// In no repository that is known.
    pub unlinked: BTreeSet<Digest>,
}

/// Compare an earlier look with a later one.
#[must_use]
pub fn between(before: &StorageView, after: &StorageView) -> Difference {
    let mut difference = Difference::default();
    difference.compare_blobs(before, after);
    difference.compare_repositories(before, after);
    difference.suspects = suspects(before, after, &difference.blobs_gone);
    difference
}

impl Difference {
    fn compare_blobs(&mut self, before: &StorageView, after: &StorageView) {
        for blob in &before.blobs {
            match after.blob(&blob.digest) {
                None => self.blobs_gone.push(*blob),
                Some(now) if now.size != blob.size => self.blobs_changed.push((*blob, *now)),
                Some(_) => {}
            }
        }
        let new = after.blobs.iter().filter(|blob| before.blob(&blob.digest).is_none());
        self.blobs_new = new.copied().collect();
    }

    fn compare_repositories(&mut self, before: &StorageView, after: &StorageView) {
        for repository in &before.repositories {
            let now = after.repository(&repository.name);
            if now.is_none() {
                self.repositories_gone.push(repository.name.clone());
            }
            self.compare_links(repository, now);
            self.compare_tags(repository, now);
        }
        for repository in &after.repositories {
            let earlier = before.repository(&repository.name);
            if earlier.is_none() {
                self.repositories_new.push(repository.name.clone());
            }
            self.note_new(earlier, repository);
        }
    }

    fn compare_links(&mut self, before: &Repository, after: Option<&Repository>) {
        let now = after.map(|now| &now.layers);
        self.links_gone
            .extend(missing(&before.layers, now).map(|it| (before.name.clone(), LinkPlace::Layer(it))));
        let now = after.map(|now| &now.revisions);
        let gone = missing(&before.revisions, now);
        self.links_gone.extend(gone.map(|it| (before.name.clone(), LinkPlace::Revision(it))));
    }

    fn compare_tags(&mut self, before: &Repository, after: Option<&Repository>) {
        let now: BTreeMap<&Tag, &TagTarget> =
            after.into_iter().flat_map(|now| &now.tags).map(|tag| (&tag.tag, &tag.current)).collect();
        for tag in &before.tags {
            match now.get(&tag.tag) {
                None => self.tags_gone.push((before.name.clone(), tag.clone())),
                Some(target) if **target != tag.current => {
                    let moved =
                        (before.name.clone(), tag.tag.clone(), tag.current.clone(), (*target).clone());
                    self.tags_moved.push(moved);
                }
                Some(_) => {}
            }
        }
    }

    fn note_new(&mut self, before: Option<&Repository>, after: &Repository) {
        let layers = before.map(|earlier| &earlier.layers);
        let revisions = before.map(|earlier| &earlier.revisions);
        self.links_new +=
            missing(&after.layers, layers).count() + missing(&after.revisions, revisions).count();
        let known: BTreeSet<&Tag> =
            before.into_iter().flat_map(|earlier| &earlier.tags).map(|tag| &tag.tag).collect();
        let new = after.tags.iter().filter(|tag| !known.contains(&tag.tag));
        self.tags_new.extend(new.map(|tag| (after.name.clone(), tag.clone())));
    }
}

/// The digests of links that others lack.
fn missing<'a>(links: &'a Links, others: Option<&'a Links>) -> impl Iterator<Item = Digest> + 'a {
    let is_known = move |digest: &Digest| others.is_some_and(|others| others.find(digest).is_some());
    links.iter().map(|link| link.digest).filter(move |digest| !is_known(digest))
}

/// Data that went, in the repositories that linked it before or do so now; and links that went whose data was not
/// there even before. What is linked still without data needs no snapshot to be seen.
fn suspects(before: &StorageView, after: &StorageView, gone: &[StoredBlob]) -> LostContent {
    let gone: BTreeSet<Digest> = gone.iter().map(|blob| blob.digest).collect();
    let mut suspects = LostContent::default();
    let is_gone = |link: &Link<'_>| gone.contains(&link.data().unwrap_or(link.digest));
    for repository in before.repositories.iter().chain(&after.repositories) {
        let links = repository.layers.iter().chain(&repository.revisions).filter(|link| is_gone(link));
        suspects.linked.extend(links.map(|link| (repository.name.clone(), link.digest)));
    }
    for repository in &before.repositories {
        let now = after.repository(&repository.name);
        let layers = now.map(|now| &now.layers);
        let revisions = now.map(|now| &now.revisions);
        let went = missing(&repository.layers, layers).chain(missing(&repository.revisions, revisions));
        let without_data = went.filter(|digest| after.blob(digest).is_none());
        suspects.linked.extend(without_data.map(|digest| (repository.name.clone(), digest)));
    }
    let named: BTreeSet<Digest> = suspects.linked.iter().map(|(_, digest)| *digest).collect();
    suspects.unlinked = gone.difference(&named).copied().collect();
    suspects
}

impl fmt::Display for Difference {
    /// One line: `3 blobs gone (4.2 kB), 1 new; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: u64 = self.blobs_gone.iter().map(|blob| blob.size).sum();
        let Self { blobs_gone, blobs_new, blobs_changed, repositories_gone, repositories_new, .. } = self;
        write!(
            f,
            "blobs: {} gone ({bytes} bytes), {} new, {} of another size; repositories: {} gone, {} new; \
             links: {} gone, {} new; tags: {} gone, {} new, {} moved",
            blobs_gone.len(),
            blobs_new.len(),
            blobs_changed.len(),
            repositories_gone.len(),
            repositories_new.len(),
            self.links_gone.len(),
            self.links_new,
            self.tags_gone.len(),
            self.tags_new.len(),
            self.tags_moved.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::views::storage::{StoredManifests, Target, Traces};

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    fn name(text: &str) -> RepositoryName {
        text.parse().expect("a name")
    }

    /// A repository's name, its layers, its revisions, and its tags with what they name.
    type Planned<'a> = (&'a str, &'a [u8], &'a [u8], &'a [(&'a str, u8)]);

    fn view(blobs: &[u8], repositories: &[Planned<'_>]) -> StorageView {
        let links =
            |digests: &[u8]| -> Links { digests.iter().map(|n| (digest(*n), Target::Same)).collect() };
        let tags = |tags: &[(&str, u8)]| -> Vec<StoredTag> {
            let tag = |(tag, n): &(&str, u8)| StoredTag {
                tag: tag.parse().expect("a tag"),
                current: TagTarget::Digest(digest(*n)),
            };
            tags.iter().map(tag).collect()
        };
        StorageView {
            changed: None,
            root: "/r".into(),
            collected: Timestamp::UNIX_EPOCH,
            blobs: blobs.iter().map(|n| StoredBlob { digest: digest(*n), size: 10, modified: 0 }).collect(),
            repositories: repositories
                .iter()
                .map(|(repository, layers, revisions, named)| Repository {
                    name: name(repository),
                    layers: links(layers),
                    revisions: links(revisions),
                    tags: tags(named),
                    has_layers: true,
                    has_manifests: true,
                    has_tags: true,
                    traces: Traces::default(),
                })
                .collect(),
            manifests: StoredManifests::new(),
            uploads: Vec::new(),
            stray: Vec::new(),
            closed: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn pairs(pairs: &[(&str, u8)]) -> BTreeSet<(RepositoryName, Digest)> {
        pairs.iter().map(|(repository, n)| (name(repository), digest(*n))).collect()
    }

    #[test]
    fn the_same_twice_is_no_difference() {
        let view = view(&[1, 2], &[("a", &[1], &[2], &[("x", 2)])]);
        assert_eq!(between(&view, &view), Difference::default());
    }

    #[test]
    fn data_that_went_with_its_links_is_suspect_where_it_was_linked() {
        let before = view(&[1, 2, 3], &[("a", &[1], &[2], &[("x", 2)]), ("b", &[1], &[], &[])]);
        let after = view(&[], &[("a", &[], &[], &[]), ("b", &[1], &[], &[])]);
        let difference = between(&before, &after);
        assert_eq!(difference.suspects.linked, pairs(&[("a", 1), ("a", 2), ("b", 1)]));
        assert_eq!(difference.suspects.unlinked, BTreeSet::from([digest(3)]));
        insta::assert_snapshot!(
            difference,
            @"blobs: 3 gone (30 bytes), 0 new, 0 of another size; repositories: 0 gone, 0 new; links: 2 gone, 0 new; tags: 1 gone, 0 new, 0 moved"
        );
    }

    #[test]
    fn a_link_that_went_is_no_suspect_while_the_data_is_stored() {
        let before = view(&[1], &[("a", &[1, 2], &[], &[])]);
        let after = view(&[1], &[("a", &[], &[], &[])]);
        let difference = between(&before, &after);
        assert_eq!(difference.links_gone.len(), 2);
        assert_eq!(difference.suspects.linked, pairs(&[("a", 2)]), "2 was not stored, even before");
    }

    #[test]
    fn what_came_and_what_moved_is_told() {
        let before = view(&[1], &[("a", &[1], &[], &[("x", 1), ("y", 1)])]);
        let mut after = view(&[1, 2], &[("a", &[1, 2], &[], &[("x", 2)]), ("b", &[], &[1], &[("z", 1)])]);
        after.blobs[0].size = 5;
        let difference = between(&before, &after);
        assert_eq!(difference.suspects, LostContent::default());
        insta::assert_snapshot!(
            difference,
            @"blobs: 0 gone (0 bytes), 1 new, 1 of another size; repositories: 0 gone, 1 new; links: 0 gone, 2 new; tags: 1 gone, 1 new, 1 moved"
        );
    }
}
