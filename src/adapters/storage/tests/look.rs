//! Second looks at single things, and hashing.

use super::tree::{TemporaryTree, blob_folder, data, digest, layer_link, name, revision_link, tag};
use crate::domain::digest::Digest;
use crate::domain::layout::LinkPlace;
use crate::domain::observed::Observed;
use crate::domain::views::storage::{HashedBlob, TagTarget, Target};
use crate::engine::ports::{Silent, Storage as _, Unhurried};

const SESSION: &str = "01234567-89ab-cdef-0123-456789abcdef";

#[test]
fn a_blob_is_present_with_its_size_or_absent() {
    let tree = TemporaryTree::new();
    let blob = tree.blob("12345");
    tree.folder(blob_folder(&digest("bb")));
    let storage = tree.storage();
    assert_eq!(storage.blob(&blob).present().map(|file| file.size), Some(5));
    for absent in [digest("aa"), digest("bb")] {
        assert_eq!(storage.blob(&absent), Observed::Absent);
    }
}

#[test]
fn links_and_tags_are_looked_at_one_by_one() {
    let tree = TemporaryTree::new();
    let image = tree.image("team/app", "1");
    let (alias, broken) = (digest("aa"), digest("bb"));
    tree.file(layer_link("team/app", &alias), image.layer.to_string());
    tree.file(revision_link("team/app", &broken), "");
    tree.folder("repositories/team/app/_manifests/tags/bare");
    let storage = tree.storage();
    let repository = name("team/app");
    let link = |place| storage.link(&repository, &place);
    assert_eq!(link(LinkPlace::Layer(image.layer)), Observed::Present(Target::Same));
    assert_eq!(link(LinkPlace::Layer(alias)), Observed::Present(Target::Other(Box::new(image.layer))));
    assert_eq!(link(LinkPlace::Revision(broken)), Observed::Present(Target::Invalid("".into())));
    assert_eq!(link(LinkPlace::Tag(tag("1"))), Observed::Present(Target::Other(Box::new(image.manifest))));
    assert_eq!(link(LinkPlace::Layer(digest("cc"))), Observed::Absent);
    assert_eq!(link(LinkPlace::Tag(tag("bare"))), Observed::Absent);
    assert_eq!(storage.tag(&repository, &tag("1")), Observed::Present(TagTarget::Digest(image.manifest)));
    assert_eq!(storage.tag(&repository, &tag("bare")), Observed::Present(TagTarget::Missing));
    assert_eq!(storage.tag(&repository, &tag("none")), Observed::Absent);
    assert_eq!(storage.tag(&name("none"), &tag("1")), Observed::Absent);
}

#[test]
fn at_most_so_many_bytes_are_read() {
    let tree = TemporaryTree::new();
    let blob = tree.blob("x".repeat(100_000));
    let storage = tree.storage();
    for (limit, expected) in [(0, 0), (5, 5), (16 << 10, 16 << 10), (100_000, 100_000), (u64::MAX, 100_000)] {
        assert_eq!(storage.read(&blob, limit).present().map(Vec::len), Some(expected));
    }
    assert_eq!(storage.read(&digest("aa"), 5), Observed::Absent);
}

#[test]
fn upload_sessions_are_found_by_name() {
    let tree = TemporaryTree::new();
    tree.folder(format!("repositories/team/app/_uploads/{SESSION}"));
    let storage = tree.storage();
    assert_eq!(storage.has_upload(&name("team/app"), SESSION), Observed::Present(()));
    assert_eq!(storage.has_upload(&name("team/app"), &SESSION.replace('0', "1")), Observed::Absent);
    assert!(matches!(storage.has_upload(&name("team/app"), "../_layers"), Observed::Unknown(_)));
}

#[test]
fn paths_are_looked_up_below_the_root_only() {
    let tree = TemporaryTree::new();
    tree.file("blobs/stray", "");
    std::fs::write(tree.base().join("docker/registry/secret"), "").unwrap();
    let storage = tree.storage();
    assert_eq!(storage.exists(&"blobs/stray".into()), Observed::Present(()));
    assert_eq!(storage.exists(&"blobs/none".into()), Observed::Absent);
    for outside in ["../secret", "/etc/passwd", "", "blobs/../../secret", r"blobs/\zz"] {
        assert!(matches!(storage.exists(&outside.into()), Observed::Unknown(_)), "{outside}");
    }
}

#[test]
fn hashing_tells_wrong_content_from_right() {
    let tree = TemporaryTree::new();
    let right = tree.blob("x".repeat(300_000));
    let wrong = digest("aa");
    tree.file(data(&wrong), "abc");
    let long: Digest = format!("sha512:{}", "cd".repeat(64)).parse().unwrap();
    tree.file(data(&long), "abc");
    let abc: Digest =
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().unwrap();
    let abc_long: Digest = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                            2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        .parse()
        .unwrap();
    let storage = tree.storage();
    let found = HashedBlob { digest: wrong, actual: abc, size: 3 };
    assert_eq!(storage.hash(&wrong), Observed::Present(found));
    assert_eq!(
        storage.hash(&right),
        Observed::Present(HashedBlob { digest: right, actual: right, size: 300_000 })
    );
    assert_eq!(storage.hash(&digest("bb")), Observed::Absent);
    let view = storage.hash_all(&[right, wrong, long, digest("bb")], &Unhurried, &Silent);
    assert_eq!(view.wrong, [found, HashedBlob { digest: long, actual: abc_long, size: 3 }]);
    assert_eq!((view.blobs, view.bytes, view.unknown.len()), (3, 300_006, 0));
}
