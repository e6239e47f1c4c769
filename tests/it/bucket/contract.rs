//! The same registry on a disk and in a bucket: the same view, the same findings, the same changes.

use std::fs;
use std::time::Duration;

use regfsck::adapters::bucket::{BucketStorage, BucketUploads, BucketWriter};
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::domain::digest::Digest;
use regfsck::domain::journal::{Change, Content};
use regfsck::domain::layout::{LinkPlace, ROOT};
use regfsck::domain::name::RepositoryName;
use regfsck::domain::observed::Observed;
use regfsck::domain::views::storage::{HashedBlob, StorageView, TagTarget, Target};
use regfsck::engine::ports::{
    Everything, Silent, Storage, StorageWriteError, StorageWriter, Unhurried, Uploads,
};
use rstest::rstest;
use serde_json::Value;

use super::{Kind, run};
use crate::check::recipes::recipes;
use crate::support::regfsck::run as run_plain;
use crate::support::store::{Store, data_key};
use crate::support::tree::{Tree, data, layer_link, revision_link, tag_link};

const SESSION: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn bucket(store: &dyn Store, root: &str) -> BucketStorage {
    BucketStorage::open(&store.settings(root), None).unwrap()
}

fn digest(fill: &str) -> Digest {
    format!("sha256:{}", fill.repeat(32)).parse().unwrap()
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

/// All that a view says but where and when, and what only a disk has: times of folders, and folders that are empty.
fn told(view: &StorageView) -> Value {
    let mut view = serde_json::to_value(view).unwrap();
    for kept in ["root", "collected", "changed"] {
        view[kept].take();
    }
    for blob in view["blobs"].as_array_mut().unwrap() {
        blob["modified"].take();
    }
    for upload in view["uploads"].as_array_mut().unwrap() {
        upload["modified"].take();
        upload["started"].take();
    }
    view
}

fn views(store: &dyn Store, tree: &Tree, root: &str) -> [Value; 2] {
    store.upload(&tree.root().join("docker"), &format!("{root}/docker/"));
    let disk = FilesystemStorage::open(tree.root()).unwrap().collect(&Everything, &Silent).unwrap();
    let bucket = bucket(store, root).collect(&Everything, &Silent).unwrap();
    [told(&disk), told(&bucket)]
}

#[rstest]
fn every_recipe_is_seen_alike_on_disk_and_in_a_bucket(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    for (name, recipe) in recipes() {
        let dir = tempfile::tempdir().unwrap();
        let tree = recipe.build(Tree::new(dir.path()));
        recipe.damage(&tree, None);
        // A bucket has no empty folders.
        prune(&tree.base());
        let [disk, bucket] = views(store, &tree, &name);
        assert_eq!(bucket, disk, "{name}");
    }
}

/// Take away every folder that holds nothing.
fn prune(base: &std::path::Path) {
    for entry in walkdir::WalkDir::new(base).min_depth(2).contents_first(true).into_iter().flatten() {
        if entry.file_type().is_dir() && fs::read_dir(entry.path()).unwrap().next().is_none() {
            #[expect(clippy::disallowed_methods, reason = "a folder of this test's own")]
            fs::remove_dir(entry.path()).unwrap();
        }
    }
}

#[rstest]
fn odd_keys_are_seen_as_odd_files_are(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    tree.image("team/app", Some("1"), "a");
    tree.image("team/app/inner", Some("1"), "a");
    tree.image("team/other", None, "b");
    let lost = digest("ab");
    tree.write(&layer_link("team/app", &lost), "no digest");
    tree.write(&revision_link("team/app", &lost), b"\xff");
    tree.write(&layer_link("team/app", &digest("cc")), "");
    tree.write(&layer_link("team/app", &digest("dd")), format!("{}\n", digest("dd")));
    tree.write(&layer_link("team/app", &digest("ee")), digest("ab").to_string());
    tree.write(&format!("{}/else", data(&lost).trim_end_matches("/data")), "x");
    tree.write(&format!("{}/else", data(&tree.named["a.config"]).trim_end_matches("/data")), "x");
    for path in ["x", "blobs/x", "blobs/y/x", "blobs/sha256/x", "blobs/sha256/ab/x", "blobs/sha256/ab/y/data"]
    {
        tree.write(path, "stray");
    }
    for path in ["repositories/x", "repositories/Team/x", "repositories/Team/y/z", "else/deep/x"] {
        tree.write(path, "stray");
    }
    for path in
        ["_layers/x", "_layers/md5/x", "_layers/sha256/x", "_manifests/x", "_manifests/tags/x", "_uploads/x"]
    {
        tree.write(&format!("repositories/team/app/{path}"), "stray");
    }
    // Azurite cannot list a control character.
    let odd = if kind == Kind::Azure { "sp ace+%&x" } else { "sp ace+%&\u{7}x" };
    for path in ["_else/x", "x", "_manifests/tags/-not/current/link", "_uploads/not/data", odd] {
        tree.write(&format!("repositories/team/app/{path}"), "stray");
    }
    tree.write(&format!("repositories/team/app/_layers/sha256/{}/else", digest("cd").hex()), "x");
    tree.write("repositories/team/app/_manifests/tags/bare/index/sha256/x", "x");
    tree.write(&format!("repositories/team/app/_uploads/{SESSION}/data"), "half");
    tree.write(&format!("repositories/team/app/_uploads/{SESSION}/x"), "stray");
    prune(&tree.base());
    let [disk, bucket] = views(store, &tree, "odd");
    for part in ["blobs", "repositories", "manifests", "uploads", "stray", "unknown"] {
        assert_eq!(bucket[part], disk[part], "{part}");
    }
}

#[rstest]
fn a_key_that_extends_a_blobs_is_stray(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    let image = tree.image("team/app", Some("1"), "a");
    store.upload(dir.path(), "");
    store.put(&format!("{}.bad", data_key("", &image.layers[0].digest)), b"kept aside");
    store.put(&format!("{ROOT}/repositories/"), b"");
    let view = bucket(store, "").collect(&Everything, &Silent).unwrap();
    let stray: Vec<_> = view.stray.iter().map(|stray| stray.place.to_string()).collect();
    assert_eq!(stray, [format!("{}.bad", data(&image.layers[0].digest))]);
    assert_eq!(bucket(store, "").exists(&view.stray[0].place), Observed::Present(()));
}

/// JSON without what has to differ: where, when, and the version of what was looked at.
fn comparable(mut json: Value, places: &[String]) -> Value {
    for kept in ["started", "finished", "target"] {
        json[kept].take();
    }
    if let Some(findings) = json["findings"].as_array_mut() {
        for finding in findings {
            for seen in finding["evidence"].as_array_mut().into_iter().flatten() {
                seen["at"].take();
            }
        }
    }
    let mut text = json.to_string();
    for place in places {
        text = text.replace(place.as_str(), "ROOT");
    }
    serde_json::from_str(&text).unwrap()
}

#[rstest]
fn reports_of_disk_and_bucket_are_equal_but_for_places_and_times(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let plant = |(name, recipe): (String, crate::check::recipes::Recipe)| {
        let dir = tempfile::tempdir().unwrap();
        let tree = recipe.build(Tree::new(dir.path()));
        recipe.damage(&tree, None);
        prune(&tree.base());
        store.upload(&tree.root().join("docker"), &format!("{name}/docker/"));
        (name, tree.base(), dir)
    };
    // Every other one: each is two runs of the program.
    let planted: Vec<_> = recipes().into_iter().step_by(2).map(plant).collect();
    // Nothing is as young as the grace, which is told in whole seconds.
    std::thread::sleep(Duration::from_millis(2100));
    for (name, base, dir) in planted {
        let root = dir.path().to_str().unwrap();
        let disk = run_plain(["check", "--storage", root, "--grace", "0", "-o", "json"]);
        let storage = store.storage(&name);
        let bucket = run(store, ["check", "--storage", &storage, "--grace", "0", "-o", "json"]);
        assert_eq!(bucket.status, disk.status, "{name}: {bucket:?}");
        let places = [
            base.display().to_string(),
            format!("{}/{name}/{ROOT}", store.place()),
            storage,
            root.to_owned(),
        ];
        assert_eq!(comparable(bucket.json(), &places), comparable(disk.json(), &places), "{name}");
    }
}

#[rstest]
fn no_more_links_are_read_one_by_one_than_was_said(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    tree.image("team/app", Some("1"), "a");
    // No digest that anything names has the MD5 of these.
    for fill in ["aa", "bb", "cc"] {
        tree.write(&layer_link("team/app", &digest(fill)), format!("{}\n", digest(fill)));
    }
    store.upload(dir.path(), "");
    let check =
        |most| run(&*store, ["check", "--storage", &store.storage(""), "-o", "json", "--max-requests", most]);
    let some = check("1");
    let unknown = &some.report().coverage.unknown;
    assert_eq!((some.status, unknown.len()), (3, 1), "{some:?}");
    assert!(unknown[0].why.to_string().contains("no MD5 sums of 2 links"), "{unknown:?}");
    assert_eq!((check("0").status, check("0").findings().len()), (3, 0));
    let all = check("3");
    assert_eq!((all.status, all.report().coverage.unknown.len(), all.findings().len()), (1, 0, 3), "{all:?}");
    let disk = run_plain(["check", "--storage", dir.path().to_str().unwrap(), "--max-requests", "3"]);
    assert!(disk.status == 2 && disk.stderr.contains("--max-requests is of a bucket"), "{disk:?}");
}

#[rstest]
fn single_looks_and_content_are_those_of_the_bucket(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    let image = tree.image("team/app", Some("1"), "a");
    let (layer, manifest) = (image.layers[0].digest, image.manifest.digest);
    tree.write(&layer_link("team/app", &digest("aa")), layer.to_string());
    tree.write(&revision_link("team/app", &digest("bb")), "");
    tree.write("repositories/team/app/_manifests/tags/bare/index/x", "x");
    let cut = tree.blob("cut", b"all of it");
    tree.write(&data(&cut), "all");
    let empty = tree.blob("empty", b"not empty");
    tree.write(&data(&empty), "");
    store.upload(dir.path(), "");
    let storage = bucket(store, "");
    let bytes = image.layers[0].bytes.len();
    assert_eq!(storage.blob(&layer).map(|file| file.size), Observed::Present(bytes as u64));
    assert_eq!(storage.blob(&empty).map(|file| file.size), Observed::Present(0));
    assert_eq!(storage.blob(&digest("dd")), Observed::Absent);
    let link = |place| storage.link(&app(), &place);
    assert_eq!(link(LinkPlace::Layer(layer)), Observed::Present(Target::Same));
    assert_eq!(link(LinkPlace::Layer(digest("aa"))), Observed::Present(Target::Other(Box::new(layer))));
    assert_eq!(link(LinkPlace::Revision(digest("bb"))), Observed::Present(Target::Invalid("".into())));
    assert_eq!(link(LinkPlace::Layer(digest("dd"))), Observed::Absent);
    let tag = |name: &str| storage.tag(&app(), &name.parse().unwrap());
    assert_eq!(tag("1"), Observed::Present(TagTarget::Digest(manifest)));
    assert_eq!((tag("bare"), tag("none")), (Observed::Present(TagTarget::Missing), Observed::Absent));
    let read = |digest, limit| storage.read(digest, limit).map(|bytes| bytes.len());
    assert_eq!((read(&layer, 0), read(&layer, 3)), (Observed::Present(0), Observed::Present(3)));
    assert_eq!((read(&layer, 9999), read(&empty, 3)), (Observed::Present(bytes), Observed::Present(0)));
    assert_eq!(read(&digest("dd"), 3), Observed::Absent);
    let actual = Digest::sha256(<sha2::Sha256 as sha2::Digest>::digest("all").into());
    let wrong = HashedBlob { digest: cut, actual, size: 3 };
    assert_eq!(storage.hash(&cut), Observed::Present(wrong));
    let view = storage.hash_all(&[layer, cut, digest("dd")], &Unhurried, &Silent);
    assert_eq!(
        (view.blobs, view.bytes, view.wrong, view.unknown),
        (2, bytes as u64 + 3, vec![wrong], Vec::new())
    );
    for (path, wanted) in [("repositories/team", true), ("repositories/tea", false), ("blobs", true)] {
        assert_eq!(storage.exists(&path.into()) == Observed::Present(()), wanted, "{path}");
    }
    assert!(matches!(storage.exists(&"../v2".into()), Observed::Unknown(_)));
    assert!(matches!(storage.has_upload(&app(), "../_layers"), Observed::Unknown(_)));
    assert_eq!(storage.has_upload(&app(), SESSION), Observed::Absent);
    store.put(&format!("{ROOT}/repositories/team/app/_uploads/{SESSION}/startedat"), b"now");
    assert_eq!(storage.has_upload(&app(), SESSION), Observed::Present(()));
    let sessions = BucketUploads::new(storage).sessions().map(|sessions| sessions.len());
    // With S3 a session is a multipart upload.
    assert_eq!(sessions, Observed::Present(usize::from(kind != Kind::S3)));
}

fn error_kind(error: &StorageWriteError) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

#[rstest]
fn a_bad_object_is_moved_aside_and_back(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    let bad = tree.blob("bad", b"whole");
    store.upload(dir.path(), "reg/");
    let (key, writer) = (data_key("reg", &bad), BucketWriter::new(bucket(store, "reg"), "run"));
    assert_eq!(writer.quarantine_blob(&bad).unwrap(), [], "what is right stays");
    store.put(&key, b"bad");
    let change = writer.quarantine_blob(&bad).unwrap().remove(0);
    let Change::FileMoved { from, to, .. } = change.clone() else { panic!("a move: {change:?}") };
    let aside = format!("reg/regfsck-quarantine/run/{ROOT}/{}", data(&bad));
    assert_eq!(
        (from.display().to_string(), to.display().to_string()),
        (format!("{}/{key}", store.place()), format!("{}/{aside}", store.place()))
    );
    for _ in 0..2 {
        writer.apply(&change).unwrap();
        assert_eq!((store.get(&key), store.get(&aside)), (None, Some(b"bad".to_vec())));
    }
    // A run that was killed between the copy and the deletion has left both.
    store.put(&key, b"bad");
    writer.apply(&change).unwrap();
    assert_eq!((store.get(&key), store.get(&aside)), (None, Some(b"bad".to_vec())));
    store.put(&key, b"good");
    assert_eq!(error_kind(&writer.apply(&change).unwrap_err()), "Occupied");
    let stranger = Change::FileMoved {
        from: from.clone(),
        to: format!("{}.2", to.display()).into(),
        content: digest("aa"),
    };
    assert_eq!(error_kind(&writer.apply(&stranger).unwrap_err()), "ChangedSince");
    for change in writer.revert(&change).unwrap() {
        writer.apply(&change).unwrap();
    }
    assert_eq!((store.get(&key), store.get(&aside)), (Some(b"bad".to_vec()), None));
    assert_eq!(store.get(&format!("{aside}.1")), Some(b"good".to_vec()));
    assert_eq!(writer.revert(&change).unwrap(), []);
    store.delete(&key);
    assert_eq!(error_kind(&writer.apply(&change).unwrap_err()), "Gone");
    store.put(&key, b"good");
    assert_eq!(error_kind(&writer.revert(&change).unwrap_err()), "Gone");
    assert_eq!(store.get(&key), Some(b"good".to_vec()));
}

#[rstest]
fn a_link_is_written_and_put_back_and_nothing_else_is_touched(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    let Some(store) = kind.start() else { return };
    let store = &*store;
    let (writer, wanted) = (BucketWriter::new(bucket(store, "reg"), "run"), digest("aa"));
    let (key, place) = (format!("reg/{ROOT}/{}", layer_link("team/app", &wanted)), LinkPlace::Layer(wanted));
    store.put(&key, b"\xff\0");
    let change = writer.write_link(&app(), &place, &wanted).unwrap().remove(0);
    writer.apply(&change).unwrap();
    writer.apply(&change).unwrap();
    assert_eq!(store.get(&key), Some(wanted.to_string().into_bytes()));
    assert_eq!(writer.write_link(&app(), &place, &wanted).unwrap(), []);
    for back in writer.revert(&change).unwrap() {
        writer.apply(&back).unwrap();
    }
    assert_eq!(store.get(&key), Some(b"\xff\0".to_vec()));
    store.put(&key, b"another");
    assert_eq!(error_kind(&writer.apply(&change).unwrap_err()), "ChangedSince");
    let tag = format!("reg/{ROOT}/{}", tag_link("team/app", "latest"));
    store.put(&tag, &[b'x'; 5000]);
    let changes = writer.write_link(&app(), &LinkPlace::Tag("latest".parse().unwrap()), &wanted).unwrap();
    assert_eq!(changes.len(), 2);
    for change in &changes {
        writer.apply(change).unwrap();
    }
    assert_eq!(store.get(&tag), Some(wanted.to_string().into_bytes()));
    for outside in [
        "s3://other/x",
        "victim",
        &format!("{}/victim", store.place()),
        &format!("{}/reg/regfsck-quarantine/../x", store.place()),
    ] {
        let change = Change::LinkWritten { path: outside.into(), old: None, new: Content::Text("x".into()) };
        assert_eq!(error_kind(&writer.apply(&change).unwrap_err()), "Outside", "{outside}");
    }
    let session = format!("reg/{ROOT}/repositories/team/app/_uploads/{SESSION}");
    store.put(&format!("{session}/hashstates/sha256/0"), b"state");
    writer.clear_upload(&app(), SESSION).unwrap();
    assert_eq!(store.get(&format!("{session}/hashstates/sha256/0")), None);
    store.put(&format!("{session}/hashstates/sha256/0"), b"state");
    store.put(&format!("{session}/startedat"), b"now");
    writer.clear_upload(&app(), SESSION).unwrap();
    assert!(store.get(&format!("{session}/hashstates/sha256/0")).is_some(), "others may go on with it");
}
