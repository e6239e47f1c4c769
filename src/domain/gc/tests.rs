use jiff::Timestamp;

use super::*;
use crate::domain::manifest::Descriptor;
use crate::domain::views::storage::{Links, StoredManifests, StoredTag, StrayFile, Traces};

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn links(numbers: &[u8]) -> Links {
    numbers.iter().map(|n| (digest(*n), Target::Same)).collect()
}

fn manifest(needs: &[u8], children: &[u8]) -> ReadManifest {
    let of = |numbers: &[u8]| -> Box<[Descriptor]> {
        numbers.iter().map(|n| Descriptor::new(digest(*n), Some(10))).collect()
    };
    let kind = if children.is_empty() { Kind::Image } else { Kind::Index };
    ReadManifest::Manifest(Manifest {
        kind,
        needs: of(needs),
        children: of(children),
        platforms: Box::default(),
        foreign: Box::default(),
        flaw: None,
        subject: None,
    })
}

fn repository(name: &str, layers: &[u8], revisions: &[u8], tags: &[(&str, u8)]) -> Repository {
    let tag = |(tag, n): &(&str, u8)| StoredTag {
        tag: tag.parse().expect("a tag"),
        current: TagTarget::Digest(digest(*n)),
    };
    Repository {
        name: name.parse().expect("a name"),
        layers: links(layers),
        revisions: links(revisions),
        tags: tags.iter().map(tag).collect(),
        has_layers: true,
        has_manifests: true,
        has_tags: true,
        traces: Traces::default(),
    }
}

fn view(blobs: &[u8], manifests: &[(u8, ReadManifest)], repositories: Vec<Repository>) -> StorageView {
    StorageView {
        changed: None,
        root: "/r".into(),
        collected: Timestamp::UNIX_EPOCH,
        blobs: blobs.iter().map(|n| StoredBlob { digest: digest(*n), size: 10, modified: 0 }).collect(),
        repositories,
        manifests: manifests.iter().map(|(n, read)| (digest(*n), read.clone())).collect(),
        uploads: Vec::new(),
        stray: Vec::new(),
        closed: Vec::new(),
        unknown: Vec::new(),
    }
}

fn without(view: &StorageView, n: u8) -> StoredManifests {
    let all = view.manifests.iter().map(|(digest, read)| (*digest, read.clone()));
    all.filter(|(other, _)| *other != digest(n)).collect()
}

fn taken(collection: &Collection) -> Vec<u8> {
    collection.garbage.iter().map(|blob| blob.digest.bytes()[0]).collect()
}

fn lost(losses: &[Loss]) -> Vec<(String, Vec<u8>)> {
    let numbers = |loss: &Loss| loss.content.iter().map(|blob| blob.digest.bytes()[0]).collect();
    losses.iter().map(|loss| (loss.images[0].to_string(), numbers(loss))).collect()
}

/// Image 1 (2, 3) tagged, image 4 (2, 5) untagged, blob 6 of nobody.
fn usual() -> StorageView {
    let manifests = [(1, manifest(&[2, 3], &[])), (4, manifest(&[2, 5], &[]))];
    view(&[1, 2, 3, 4, 5, 6], &manifests, vec![repository("a", &[2, 3, 5], &[1, 4], &[("x", 1)])])
}

#[test]
fn what_nothing_needs_is_taken_and_no_image_loses_by_it() {
    for flavour in [Release::V2, Release::V3] {
        for (delete_untagged, garbage) in [(false, vec![6]), (true, vec![4, 5, 6])] {
            let view = usual();
            let collection = collect(&view, flavour, delete_untagged);
            assert_eq!(taken(&collection), garbage);
            assert_eq!(collection.aborts, BTreeSet::new());
            assert_eq!(collection.untagged.len(), usize::from(delete_untagged));
            assert_eq!(losses(&view, &collection, delete_untagged, None), []);
        }
    }
}

#[test]
fn a_lost_manifest_costs_the_image_its_layers() {
    let mut after = usual();
    after.blobs.retain(|blob| blob.digest != digest(1));
    after.manifests = without(&after, 1);
    let collection = collect(&after, Release::V2, false);
    assert_eq!(taken(&collection), [3, 6]);
    let said = losses(&after, &collection, false, None);
    assert_eq!(lost(&said), [("a:x".to_owned(), vec![3])]);
    assert_eq!(
        said[0].reason,
        LossReason::ManifestLost { manifests: BTreeSet::from([digest(1)]), is_known: false }
    );

    let collection = collect(&after, Release::V2, true);
    assert_eq!(taken(&collection), [2, 3, 4, 5, 6]);
    assert_eq!(lost(&losses(&after, &collection, true, None)), [("a:x".to_owned(), vec![2, 3, 5])]);
    let known = losses(&after, &collection, true, Some(&usual()));
    assert_eq!(lost(&known), [("a:x".to_owned(), vec![2, 3])], "a snapshot knows what it needs");
}

#[test]
fn a_tag_without_a_revision_link_is_not_followed() {
    let mut view = usual();
    view.repositories[0].revisions = links(&[4]);
    for flavour in [Release::V2, Release::V3] {
        let collection = collect(&view, flavour, false);
        let said = losses(&view, &collection, false, None);
        assert_eq!(lost(&said), [("a:x".to_owned(), vec![1, 3])]);
        assert_eq!(said[0].reason, LossReason::NotFollowed);
    }
}

#[test]
fn deleting_the_untagged_with_2_x_breaks_an_index() {
    let manifests = [(1, manifest(&[], &[4])), (4, manifest(&[2, 5], &[]))];
    let view = view(&[1, 2, 4, 5], &manifests, vec![repository("a", &[2, 5], &[1, 4], &[("x", 1)])]);
    let collection = collect(&view, Release::V2, true);
    assert_eq!(taken(&collection), [2, 5]);
    let said = losses(&view, &collection, true, None);
    assert_eq!(lost(&said), [("a:x".to_owned(), vec![2, 5])]);
    assert_eq!(said[0].links, [digest(4)]);
    let collection = collect(&view, Release::V3, true);
    assert_eq!((taken(&collection), collection.untagged.len()), (vec![], 0));
}

#[test]
fn what_aborts_is_named() {
    let mut bad = usual();
    bad.manifests.insert(digest(4), ReadManifest::Unreadable("it is empty".into()));
    bad.repositories[0].has_tags = false;
    bad.repositories[0].tags.clear();
    let invalid = (digest(2), Target::Invalid("x".into()));
    bad.repositories[0].layers = [invalid, (digest(3), Target::Same)].into_iter().collect();
    bad.stray.push(StrayFile { place: "blobs/sha256/ab/x/data".into(), why: String::new() });
    let aborts = |flavour, delete_untagged| -> Vec<String> {
        collect(&bad, flavour, delete_untagged)
            .aborts
            .into_iter()
            .map(|abort| abort.place.to_string())
            .collect()
    };
    let manifest = Place::Data(digest(4)).to_string();
    let stray = "blobs/sha256/ab/x/data".to_owned();
    let layer = Place::Link("a".parse().expect("a name"), LinkPlace::Layer(digest(2))).to_string();
    assert_eq!(aborts(Release::V2, false), [manifest.clone(), stray.clone()]);
    assert_eq!(aborts(Release::V2, true), [stray.clone(), "repositories/a/_manifests/tags".to_owned()]);
    assert_eq!(aborts(Release::V3, false), [manifest, stray.clone(), layer.clone()]);
    assert_eq!(aborts(Release::V3, true), [stray, layer]);
}

#[test]
fn images_of_nested_indexes_are_judged_at_the_cost_of_their_edges() {
    use crate::domain::images::tests as graphs;
    for (graph, edges) in graphs::hostile() {
        let mut repository = repository("a", &[], &[], &[]);
        repository.revisions = graph.iter().map(|(n, _)| (graphs::digest(*n), Target::Same)).collect();
        repository.layers = [(graphs::digest(graphs::LAYER), Target::Same)].into_iter().collect();
        let top = TagTarget::Digest(graphs::digest(0));
        repository.tags = vec![StoredTag { tag: "x".parse().expect("a tag"), current: top }];
        let mut view = view(&[], &[], vec![repository]);
        view.manifests = graphs::stored(&graph);
        let all = graph.iter().map(|(n, _)| *n).chain([graphs::LAYER]).map(graphs::digest);
        view.blobs = all.map(|digest| StoredBlob { digest, size: 10, modified: 0 }).collect();
        view.blobs.sort_by_key(|blob| blob.digest);
        for flavour in [Release::V2, Release::V3] {
            let (collection, passed) = graphs::edges_of(|| collect(&view, flavour, false));
            assert_eq!(collection.garbage, []);
            assert!(passed <= 3 * edges + graph.len(), "{passed} for {edges}");
        }
        // Only the topmost has a tag, so that -m of 2.x takes all that lies below what it lists.
        let (collection, passed) = graphs::edges_of(|| collect(&view, Release::V2, true));
        assert!(passed <= 3 * edges + graph.len(), "{passed} for {edges}");
        let (taken, passed) = graphs::edges_of(|| losses(&view, &collection, true, None));
        assert_eq!((taken.len(), taken[0].content.len()), (1, collection.garbage.len()));
        assert!(
            passed <= 4 * edges + graph.len() + 1,
            "{passed} for {edges}, and a manifest that is taken by two"
        );
        // Whatever lists the last one would lose what only that one needs.
        let last = graphs::digest(graph.len() - 1);
        view.blobs.retain(|blob| blob.digest != last);
        view.manifests = view
            .manifests
            .iter()
            .filter(|(digest, _)| **digest != last)
            .map(|(d, m)| (*d, m.clone()))
            .collect();
        let mut collection = collect(&view, Release::V3, false);
        collection.garbage = vec![*view.blob(&graphs::digest(graphs::LAYER)).expect("the layer")];
        let (losses, passed) = graphs::edges_of(|| losses(&view, &collection, false, None));
        let listing = graph.iter().filter(|(n, _)| *n == 0 || !graph[*n].1.children.is_empty()).count();
        assert!(losses.len() > listing && losses.iter().all(|loss| loss.content.len() == 1));
        assert!(passed <= 3 * edges + graph.len(), "{passed} for {edges}");
    }
}

/// A repository whose images are pulled by digest, and that never had a tag.
#[test]
fn without_a_folder_of_tags_3_takes_what_links_stay_of() {
    let mut view = usual();
    view.repositories[0].has_tags = false;
    view.repositories[0].tags.clear();
    let collection = collect(&view, Release::V3, true);
    assert_eq!(taken(&collection), [1, 2, 3, 4, 5, 6]);
    let lost = lost(&losses(&view, &collection, true, None));
    let image = |n: u8| format!("a@{}", digest(n));
    assert_eq!(lost, [(image(1), vec![1, 2, 3]), (image(4), vec![2, 4, 5])]);
    let spared = collect(&view, Release::V3, false);
    assert_eq!(losses(&view, &spared, false, None), []);
}

/// 4 is attached to 1, which is tagged, and 7 to 4; 8 is attached to what is not there.
#[test]
fn what_is_attached_to_a_kept_image_is_lost_with_the_untagged() {
    let mut view = usual();
    let attached = |needs: &[u8], subject| match manifest(needs, &[]) {
        ReadManifest::Manifest(read) => {
            ReadManifest::Manifest(Manifest { subject: Some(Box::new(digest(subject))), ..read })
        }
        other @ ReadManifest::Unreadable(_) => other,
    };
    for (n, read) in [(4, attached(&[2, 5], 1)), (7, attached(&[], 4)), (8, attached(&[], 9))] {
        view.manifests.insert(digest(n), read);
    }
    view.repositories[0].revisions = links(&[1, 4, 7, 8]);
    view.blobs.extend([7, 8].map(|n| StoredBlob { digest: digest(n), size: 10, modified: 0 }));
    for flavour in [Release::V2, Release::V3] {
        let collection = collect(&view, flavour, true);
        let losses = losses(&view, &collection, true, None);
        let told: Vec<_> =
            losses.iter().map(|loss| (loss.images[0].to_string(), loss.reason.clone())).collect();
        let image = |n: u8| format!("a@{}", digest(n));
        let to = |n| LossReason::Attached { subject: digest(n) };
        assert_eq!(told, [(image(4), to(1)), (image(7), to(4))]);
        assert_eq!(lost(&losses)[0].1, [4, 5]);
    }
}

/// Every second index of a chain has a tag, so that -m of 2.x takes what the others need.
#[test]
fn what_many_images_of_one_chain_would_lose_is_named_in_proportion() {
    use crate::domain::images::tests as graphs;
    const COUNT: usize = 4_000;
    let graph = graphs::chain(COUNT);
    let mut repository = repository("a", &[], &[], &[]);
    repository.revisions = graph.iter().map(|(n, _)| (graphs::digest(*n), Target::Same)).collect();
    let tag = |n: usize| StoredTag {
        tag: format!("t{n}").parse().expect("a tag"),
        current: TagTarget::Digest(graphs::digest(n)),
    };
    repository.tags = (0..COUNT).step_by(2).map(tag).collect();
    let mut view = view(&[], &[], vec![repository]);
    view.manifests = graphs::stored(&graph);
    let all = graph.iter().map(|(n, _)| *n).chain([graphs::LAYER]).map(graphs::digest);
    view.blobs = all.map(|digest| StoredBlob { digest, size: 10, modified: 0 }).collect();
    view.blobs.sort_by_key(|blob| blob.digest);
    let collection = collect(&view, Release::V2, true);
    let (losses, passed) = graphs::edges_of(|| losses(&view, &collection, true, None));
    let named: usize = losses.iter().map(|loss| loss.content.len() + loss.links.len()).sum();
    assert_eq!((losses.len(), losses.iter().all(|loss| loss.is_cut)), (COUNT / 2, true));
    assert!(losses.iter().all(|loss| !loss.content.is_empty() || !loss.links.is_empty()));
    assert!(named <= 2 << 18 && passed <= 2 << 18, "{named}, {passed}");
}
