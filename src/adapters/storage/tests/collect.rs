//! What a walk sees of a registry as daemons leave it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tree::{TemporaryTree, blob_folder, digest, layer_link, name, revision_link, tag, tag_link};
use crate::domain::digest::Digest;
use crate::domain::manifest::Kind;
use crate::domain::name::RepositoryName;
use crate::domain::views::storage::{Links, ReadManifest, StoredTag, StoredUpload, TagTarget, Target};
use crate::engine::ports::{Event, Events, Everything, Scope, Silent, Storage as _, Unhurried};

const SESSION: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn sorted(mut digests: Vec<Digest>) -> Vec<Digest> {
    digests.sort_unstable();
    digests
}

#[test]
fn a_healthy_image_is_seen_whole() {
    let tree = TemporaryTree::new();
    let image = tree.image("team/app", "1.0");
    let view = tree.view();
    let blobs: Vec<_> = view.blobs.iter().map(|blob| blob.digest).collect();
    assert_eq!(blobs, sorted(vec![image.manifest, image.config, image.layer]));
    assert_eq!(view.blob(&image.layer).map(|blob| blob.size), Some(21));
    let repository = view.repository(&name("team/app")).unwrap();
    assert_eq!(repository.layers, same([image.config, image.layer]));
    assert_eq!(repository.revisions, same([image.manifest]));
    assert_eq!(repository.tags, [StoredTag { tag: tag("1.0"), current: TagTarget::Digest(image.manifest) }]);
    assert!(repository.has_layers && repository.has_manifests && repository.has_tags);
    let ReadManifest::Manifest(manifest) = view.manifests.get(&image.manifest).unwrap() else {
        panic!("unreadable")
    };
    assert_eq!((manifest.kind, manifest.needs.len(), view.manifests.len()), (Kind::Image, 2, 1));
    assert_eq!((view.stray, view.unknown), (vec![], vec![]));
}

fn same<const N: usize>(digests: [Digest; N]) -> Links {
    digests.map(|digest| (digest, Target::Same)).into_iter().collect()
}

#[test]
fn what_daemons_leave_behind_is_no_fault() {
    let tree = TemporaryTree::new();
    let image = tree.image("app", "1");
    tree.folder(blob_folder(&digest("aa")));
    tree.folder("blobs/sha256/bb");
    tree.folder(layer_link("app", &digest("aa")).trim_end_matches("/link"));
    tree.folder(revision_link("app", &digest("aa")).trim_end_matches("/link"));
    tree.folder("repositories/gone/below");
    tree.folder(format!("repositories/app/_manifests/revisions/sha256/{}/signatures", image.manifest.hex()));
    std::fs::write(tree.base().join("scheduler-state.json"), "{}").unwrap();
    assert_eq!(tree.stray(), Vec::<String>::new());
    let repository = tree.repository();
    assert_eq!(repository.revisions, same([image.manifest]));
    let now = jiff::Timestamp::now().as_second();
    for left in [&repository.traces.layers, &repository.traces.revisions] {
        assert_eq!(left.iter().map(|trace| trace.digest).collect::<Vec<_>>(), [digest("aa")]);
        assert!(left.iter().all(|trace| (now - 60..=now).contains(&trace.made)), "{left:?}");
    }
}

#[test]
fn parts_of_a_repository_may_be_missing() {
    let tree = TemporaryTree::new();
    tree.folder("repositories/layers/_layers");
    tree.folder("repositories/manifests/_manifests/revisions");
    tree.folder("repositories/manifests/nested/_uploads");
    tree.folder("repositories/nothing");
    let view = tree.view();
    let has: Vec<_> = view
        .repositories
        .iter()
        .map(|one| (one.name.as_str(), one.has_layers, one.has_manifests, one.has_tags))
        .collect();
    assert_eq!(
        has,
        [
            ("layers", true, false, false),
            ("manifests", false, true, false),
            ("manifests/nested", false, false, false)
        ]
    );
}

#[test]
fn links_say_what_they_say() {
    let tree = TemporaryTree::new();
    let good = digest("aa");
    let long: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
    let cases = [
        (digest("01"), digest("01").to_string(), Target::Same),
        (digest("02"), good.to_string(), Target::Other(Box::new(good))),
        (digest("03"), String::new(), Target::Invalid("".into())),
        (digest("04"), "garbage\n".to_owned(), Target::Invalid(r"garbage\x0a".into())),
        (
            digest("05"),
            format!("{good}\n"),
            Target::Invalid(format!("{good}\\x0a").chars().take(80).collect()),
        ),
        (digest("06"), "x".repeat(3 << 20), Target::Invalid("x".repeat(80).into())),
        (digest("07"), "sha256:AA".to_owned(), Target::Invalid("sha256:AA".into())),
        (long, good.to_string(), Target::Other(Box::new(good))),
    ];
    for (digest, content, _) in &cases {
        tree.file(layer_link("app", digest), content);
        tree.file(revision_link("app", digest), content);
    }
    let expected = cases.map(|(digest, _, target)| (digest, target)).into_iter().collect::<Links>();
    let repository = tree.repository();
    assert_eq!(repository.layers, expected);
    assert_eq!(repository.revisions, expected);
    assert_eq!(tree.stray(), Vec::<String>::new());
}

#[test]
fn a_link_folder_with_something_but_no_link_in_it_misses_its_link() {
    let tree = TemporaryTree::new();
    let (layer, revision) = (digest("aa"), digest("bb"));
    tree.file(layer_link("app", &layer) + ".1.tmp", "");
    tree.file(revision_link("app", &revision).replace("/link", "/signatures/sha256/x/link"), "");
    let repository = tree.repository();
    assert_eq!(repository.layers, Links::from_iter([(layer, Target::Missing)]));
    assert_eq!(repository.revisions, Links::from_iter([(revision, Target::Missing)]));
    assert_eq!(tree.stray(), [layer_link("app", &layer) + ".1.tmp"]);
}

#[test]
fn tags_say_what_they_say() {
    let tree = TemporaryTree::new();
    let aimed = digest("aa");
    tree.file(tag_link("app", "aimed"), aimed.to_string());
    tree.file(tag_link("app", "empty"), "");
    tree.file(tag_link("app", "newline"), "x\n");
    tree.folder("repositories/app/_manifests/tags/unset/current");
    tree.folder("repositories/app/_manifests/tags/bare");
    let targets: Vec<_> =
        tree.repository().tags.into_iter().map(|tag| (tag.tag.to_string(), tag.current)).collect();
    let expected = [
        ("aimed", TagTarget::Digest(aimed)),
        ("bare", TagTarget::Missing),
        ("empty", TagTarget::Invalid("".into())),
        ("newline", TagTarget::Invalid(r"x\x0a".into())),
        ("unset", TagTarget::Missing),
    ];
    assert_eq!(targets, expected.map(|(tag, target)| (tag.to_owned(), target)));
}

#[test]
fn upload_sessions_tell_their_age_and_size() {
    let tree = TemporaryTree::new();
    let session = format!("repositories/app/_uploads/{SESSION}");
    tree.file(format!("{session}/data"), "12345");
    tree.file(format!("{session}/startedat"), "2020-01-02T03:04:05Z");
    tree.file(format!("{session}/hashstates/sha256/0"), "state");
    let second = SESSION.replace('0', "1");
    tree.file(format!("repositories/app/_uploads/{second}/data"), "");
    let mut uploads = tree.view().uploads;
    assert_eq!(tree.stray(), Vec::<String>::new());
    let StoredUpload { modified, started, has_start, .. } = uploads.pop().unwrap();
    assert_eq!((has_start, started), (false, modified));
    let first = uploads.pop().unwrap();
    assert_eq!((first.id.as_str(), first.started, first.size), (SESSION, 1_577_934_245, 5));
    assert!(first.has_start && first.modified > first.started);
    assert_eq!(first.repository, name("app"));
}

#[test]
fn a_manifest_is_read_once_and_only_where_it_is_stored() {
    let tree = TemporaryTree::new();
    let image = tree.image("a", "1");
    tree.file(revision_link("b", &image.manifest), image.manifest.to_string());
    tree.file(tag_link("b", "lost"), digest("ee").to_string());
    let tagged = tree.blob(r#"{"schemaVersion":2,"manifests":[]}"#);
    tree.file(tag_link("c", "only"), tagged.to_string());
    let read: Vec<_> = tree.view().manifests.iter().map(|(digest, _)| *digest).collect();
    assert_eq!(read, sorted(vec![image.manifest, tagged]));
}

struct Only(&'static str);

impl Scope for Only {
    fn includes(&self, name: &RepositoryName) -> bool {
        name.as_str() == self.0
    }
    fn is_everything(&self) -> bool {
        false
    }
}

#[test]
fn only_repositories_in_scope_are_read() {
    let tree = TemporaryTree::new();
    tree.image("a", "1");
    tree.image("b", "1");
    let view = tree.storage().collect(&Only("b"), &Silent).unwrap();
    assert_eq!(view.repositories.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!((view.blobs.len(), view.manifests.len()), (6, 1));
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Events for Recorder {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[test]
fn every_stage_advances_as_far_as_it_announced() {
    let tree = TemporaryTree::new();
    let image = tree.image("a", "1");
    tree.image("b", "1");
    let recorder = Recorder::default();
    let storage = tree.storage();
    storage.collect(&Everything, &recorder).unwrap();
    storage.hash_all(&[image.layer], &Unhurried, &recorder);
    let mut stages = Vec::new();
    for event in recorder.0.into_inner().unwrap() {
        match event {
            Event::Stage(name, Some(steps)) => stages.push((name, steps, 0)),
            Event::Advanced(steps) => stages.last_mut().unwrap().2 += steps,
            Event::Finished => assert_eq!(stages.last().unwrap().1, stages.last().unwrap().2),
            other @ (Event::Stage(_, None) | Event::Notice(_)) => panic!("{other:?}"),
        }
    }
    let names: Vec<_> = stages.iter().map(|stage| stage.0).collect();
    assert_eq!(names, ["repositories", "blobs", "manifests", "content"]);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test's own tree")]
fn what_vanishes_during_the_walk_is_no_fault() {
    let tree = TemporaryTree::new();
    tree.image("stays", "1");
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for repository in ["comes", "comes/and/goes"] {
                    tree.image(repository, "1");
                    tree.folder(format!("repositories/{repository}/_uploads/{SESSION}"));
                }
                for gone in ["repositories/comes", "blobs/sha256"] {
                    std::fs::remove_dir_all(tree.at(gone)).unwrap();
                }
            }
        });
        let noted =
            (0..200).map(|_| tree.view()).find(|view| !view.stray.is_empty() || !view.unknown.is_empty());
        done.store(true, Ordering::Relaxed);
        // Only now, or the other thread would go on for ever.
        let noted = noted.map(|view| (view.stray, view.unknown));
        assert_eq!(noted, None);
    });
}
