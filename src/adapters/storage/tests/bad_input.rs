//! What no daemon wrote: strays, odd kinds of files, names and sizes, symbolic links, what cannot be read.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use rstest::rstest;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::tree::{TemporaryTree, blob_folder, data, digest, layer_link, name, revision_link, tag, tag_link};
use crate::domain::layout::LinkPlace;
use crate::domain::observed::Observed;
use crate::domain::views::storage::{Links, ReadManifest, TagTarget, Target};
use crate::engine::ports::Storage as _;

#[rstest]
#[case::beside_the_layout("lost.txt", None)]
#[case::algorithm("blobs/md5/aa/data", Some("blobs/md5"))]
#[case::file_for_algorithm("blobs/notes", None)]
#[case::shard("blobs/sha256/AA/data", Some("blobs/sha256/AA"))]
#[case::file_for_shard("blobs/sha256/data", None)]
#[case::file_in_shard("blobs/sha256/aa/data", None)]
#[case::digest("blobs/sha256/aa/aabb/data", Some("blobs/sha256/aa/aabb"))]
#[case::link_algorithm("repositories/a/_layers/md5/aa/link", Some("repositories/a/_layers/md5"))]
#[case::link_digest("repositories/a/_layers/sha256/aa/link", Some("repositories/a/_layers/sha256/aa"))]
#[case::manifests("repositories/a/_manifests/other/x", Some("repositories/a/_manifests/other"))]
#[case::tag("repositories/a/_manifests/tags/-x/current/link", Some("repositories/a/_manifests/tags/-x"))]
#[case::file_for_tag("repositories/a/_manifests/tags/x", None)]
#[case::session("repositories/a/_uploads/x/data", Some("repositories/a/_uploads/x"))]
#[case::reserved("repositories/a/_other/x", Some("repositories/a/_other"))]
#[case::reserved_at_the_top("repositories/_layers/x", Some("repositories/_layers"))]
#[case::file_in_repository("repositories/a/README", None)]
#[case::repository_name("repositories/Team/a/_layers/x", Some("repositories/Team"))]
#[case::nested_name("repositories/team/a b/_layers/x", Some("repositories/team/a b"))]
fn a_stray_is_told_once_at_its_top(#[case] path: &str, #[case] told: Option<&str>) {
    let tree = TemporaryTree::new();
    tree.file(path, "");
    assert_eq!(tree.stray(), [told.unwrap_or(path)]);
}

#[test]
fn digest_folders_in_the_wrong_place_or_case_are_stray() {
    let tree = TemporaryTree::new();
    let wrong = format!("blobs/sha256/ab/{}", digest("cd").hex());
    let upper = format!("blobs/sha256/ab/{}", digest("ab").hex().to_uppercase());
    tree.file(format!("{wrong}/data"), "");
    tree.file(format!("{upper}/data"), "");
    assert_eq!(tree.stray(), [upper, wrong]);
    assert_eq!(tree.view().blobs, []);
}

#[test]
fn a_leftover_in_a_blob_folder_without_data_is_stray() {
    let tree = TemporaryTree::new();
    let path = data(&digest("ab")) + ".0123.tmp";
    tree.file(&path, "");
    assert_eq!(tree.stray(), [path]);
}

fn fifo(tree: &TemporaryTree, path: &str) {
    let path = tree.at(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn socket(tree: &TemporaryTree, path: &str) {
    // A socket's path must be short, so it is made elsewhere.
    let short = tempfile::tempdir().unwrap();
    UnixListener::bind(short.path().join("s")).unwrap();
    let path = tree.at(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::rename(short.path().join("s"), path).unwrap();
}

#[rstest]
#[case::folder(|tree: &TemporaryTree, path: &str| tree.folder(path))]
#[case::fifo(fifo)]
#[case::socket(socket)]
fn what_is_no_regular_file_is_stray_and_never_blocks(#[case] make: impl Fn(&TemporaryTree, &str)) {
    let tree = TemporaryTree::new();
    let lost = digest("ab");
    for path in [data(&lost), layer_link("a", &lost), tag_link("a", "1")] {
        make(&tree, &path);
    }
    let strays = [data(&lost), layer_link("a", &lost), tag_link("a", "1")];
    assert_eq!(tree.stray(), strays);
    let repository = tree.repository();
    assert_eq!(repository.layers, Links::from_iter([(lost, Target::Missing)]));
    assert_eq!(repository.tags[0].current, TagTarget::Missing);
    let storage = tree.storage();
    assert_eq!(storage.blob(&lost), Observed::Absent);
    assert_eq!(storage.hash(&lost), Observed::Absent);
    assert_eq!(storage.link(&name("a"), &LinkPlace::Layer(lost)), Observed::Absent);
    assert!(!matches!(storage.read(&lost, 10), Observed::Present(_)));
}

#[test]
fn symbolic_links_below_the_root_are_not_followed_and_said_so() {
    let tree = TemporaryTree::new();
    let image = tree.image("a", "1");
    let (one, other) = (digest("aa"), digest("bb"));
    let target = tree.at(blob_folder(&image.layer));
    tree.folder(blob_folder(&one));
    symlink(target.join("data"), tree.at(data(&one))).unwrap();
    tree.folder("blobs/sha256/bb");
    symlink(&target, tree.at(blob_folder(&other))).unwrap();
    symlink(tree.at("repositories"), tree.at("repositories/a/loop")).unwrap();
    symlink(tree.at("repositories/a/_layers"), tree.at("repositories/a/_uploads")).unwrap();
    tree.folder("repositories/a/_manifests/tags/2");
    symlink(
        tree.at("repositories/a/_manifests/tags/1/current"),
        tree.at("repositories/a/_manifests/tags/2/current"),
    )
    .unwrap();
    let mut expected = vec![
        data(&one),
        blob_folder(&other),
        "repositories/a/_manifests/tags/2/current".to_owned(),
        "repositories/a/_uploads".to_owned(),
        "repositories/a/loop".to_owned(),
    ];
    expected.sort_unstable();
    assert_eq!(tree.unknown(), expected);
    let storage = tree.storage();
    for digest in [one, other] {
        assert!(matches!(storage.blob(&digest), Observed::Unknown(_)), "{:?}", storage.blob(&digest));
        assert!(matches!(storage.hash(&digest), Observed::Unknown(_)), "{:?}", storage.hash(&digest));
    }
    assert!(matches!(storage.tag(&name("a"), &tag("2")), Observed::Unknown(_)));
}

#[test]
fn a_linked_top_folder_is_unknown() {
    let tree = TemporaryTree::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(tree.at("blobs"), elsewhere.path().join("blobs")).unwrap();
    symlink(elsewhere.path().join("blobs"), tree.at("blobs")).unwrap();
    assert_eq!(tree.unknown(), ["blobs"]);
    assert!(matches!(tree.storage().blob(&digest("aa")), Observed::Unknown(_)));
}

#[test]
fn names_that_are_no_text_are_shown_escaped_and_found_again() {
    let tree = TemporaryTree::new();
    tree.file(b"repositories/a/_layers/\xff\x1b[2J", "");
    tree.file(b"repositories/\xfe/x", "");
    tree.file(b"blobs/sha256/aa/new\nline", "");
    let stray = tree.stray();
    assert_eq!(
        stray,
        [r"blobs/sha256/aa/new\x0aline", r"repositories/\xfe", r"repositories/a/_layers/\xff\x1b[2J"]
    );
    for path in stray {
        assert_eq!(tree.storage().exists(&path.as_str().into()), Observed::Present(()), "{path}");
    }
}

#[test]
fn folders_deeper_than_any_name_are_stray_once() {
    let tree = TemporaryTree::new();
    tree.folder(format!("repositories/{}", ["ab"; 300].join("/")));
    assert_eq!(tree.stray(), [format!("repositories/{}", ["ab"; 86].join("/"))]);
}

#[test]
fn what_is_no_manifest_says_why() {
    let tree = TemporaryTree::new();
    let huge = digest("aa");
    tree.file(data(&huge), "");
    fs::File::options().write(true).open(tree.at(data(&huge))).unwrap().set_len(2 << 30).unwrap();
    let nested = tree.blob(format!(r#"{{"schemaVersion":2,"x":{}"#, "[".repeat(1 << 20)));
    let empty = digest("bb");
    tree.file(data(&empty), "");
    for digest in [huge, nested, empty] {
        tree.file(revision_link("a", &digest), digest.to_string());
    }
    let view = tree.view();
    let why = |digest| match view.manifests.get(digest).unwrap() {
        ReadManifest::Unreadable(why) => why.as_str(),
        ReadManifest::Manifest(_) => "",
    };
    assert_eq!(why(&huge), "it has 2147483648 bytes, and no registry reads a manifest of more than 4 MiB");
    assert_eq!(why(&nested), "it is no manifest: it is no JSON at byte 10023");
    assert_eq!(why(&empty), "it is empty");
}

/// Root may read everything, so the test runs itself again without the capabilities that let it.
#[test]
fn what_may_not_be_read_is_unknown() {
    const MARK: &str = "REGFSCK_TEST_WITHOUT_CAPABILITIES";
    if rustix::process::geteuid().is_root() && std::env::var_os(MARK).is_none() {
        let name = "adapters::storage::tests::bad_input::what_may_not_be_read_is_unknown";
        let exe = std::env::current_exe().unwrap();
        let run = Command::new("setpriv")
            .args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"])
            .arg(exe)
            .args(["--exact", name, "--nocapture"])
            .env(MARK, "1")
            .output();
        match run {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                assert!(std::env::var_os("REGFSCK_REQUIRE_REAL").is_none(), "setpriv: {error}");
                eprintln!("skipped: root may read everything, and `setpriv` cannot be run: {error}");
            }
        }
        return;
    }
    refuse_and_look();
}

fn refuse_and_look() {
    let tree = TemporaryTree::new();
    let image = tree.image("a", "1");
    tree.image("b", "1");
    let hidden = tree.blob("hidden");
    let shard = format!("blobs/sha256/{}", &hidden.hex()[..2]);
    let refused = [
        data(&image.manifest),
        layer_link("a", &image.layer),
        tag_link("a", "1"),
        "repositories/b".to_owned(),
        shard.clone(),
    ];
    for path in &refused {
        rustix::fs::chmod(tree.at(path), Mode::empty()).unwrap();
    }
    let mut expected = refused.to_vec();
    expected.sort_unstable();
    assert_eq!(tree.unknown(), expected);
    let view = tree.view();
    assert_eq!(view.unknown[0].why.to_string(), "permission denied");
    assert_eq!(view.repositories[0].tags[0].current, TagTarget::Unknown);
    assert!(view.repositories[0].layers.iter().any(|link| *link.target == Target::Unknown));
    assert!(view.manifests.is_empty() && view.blob(&hidden).is_none());
    let storage = tree.storage();
    assert!(matches!(storage.blob(&hidden), Observed::Unknown(_)));
    assert!(matches!(storage.link(&name("a"), &LinkPlace::Layer(image.layer)), Observed::Unknown(_)));
    assert!(matches!(storage.tag(&name("b"), &tag("1")), Observed::Unknown(_)));
    assert!(matches!(storage.exists(&format!("{shard}/x").into()), Observed::Unknown(_)));
    // So that the tree can be cleared away.
    for path in &refused {
        rustix::fs::chmod(tree.at(path), Mode::RWXU).unwrap();
    }
}
