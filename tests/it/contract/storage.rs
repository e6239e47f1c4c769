//! The contract of storage, its writer and its upload sessions: on disk and in memory.

mod writer;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use regfsck::adapters::storage::{FilesystemStorage, FilesystemUploads, FilesystemWriter};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::{LinkPlace, Place, ROOT};
use regfsck::domain::name::RepositoryName;
use regfsck::domain::observed::Observed;
use regfsck::domain::views::storage::{HashedBlob, StorageView, TagTarget, Target};
use regfsck::engine::ports::{
    Everything, Scope, SessionMark, Silent, Storage, StorageWriter, Unhurried, Uploads,
};
use rstest::rstest;
use tempfile::TempDir;

use crate::check::recipes::recipes;
use crate::doubles::memory::{self, MemoryStorage};
use crate::support::tree::{Tree, data, layer_link, revision_link};

const SESSION: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// One implementation, with files to work on.
trait Subject {
    fn tree(&self) -> Tree;
    fn storage(&self) -> Box<dyn Storage>;
    fn writer(&self, run: &str) -> Box<dyn StorageWriter>;
    fn uploads(&self) -> Box<dyn Uploads>;
    /// An empty folder below the storage root.
    fn make(&self, path: &str);
    /// Nobody can look at something below the storage root any more.
    fn block(&self, path: &str);
    /// The bytes of a file anywhere.
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;
    /// The driver's root directory.
    fn driver_root(&self) -> PathBuf;
}

struct Disk(TempDir);

impl Subject for Disk {
    fn tree(&self) -> Tree {
        Tree::new(&self.driver_root())
    }

    fn storage(&self) -> Box<dyn Storage> {
        Box::new(FilesystemStorage::open(&self.driver_root()).unwrap())
    }

    fn writer(&self, run: &str) -> Box<dyn StorageWriter> {
        Box::new(FilesystemWriter::new(&self.driver_root().join(ROOT), run).unwrap())
    }

    fn uploads(&self) -> Box<dyn Uploads> {
        Box::new(FilesystemUploads::new(&self.driver_root().join(ROOT)))
    }

    fn make(&self, path: &str) {
        fs::create_dir_all(self.driver_root().join(ROOT).join(path)).unwrap();
    }

    fn block(&self, path: &str) {
        let path = self.driver_root().join(ROOT).join(path);
        let aside = self.0.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(aside, path).unwrap();
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }

    fn driver_root(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("registry")
    }
}

impl Subject for MemoryStorage {
    fn tree(&self) -> Tree {
        Tree::in_memory(self)
    }

    fn storage(&self) -> Box<dyn Storage> {
        Box::new(self.clone())
    }

    fn writer(&self, run: &str) -> Box<dyn StorageWriter> {
        Box::new(MemoryStorage::writer(self, run))
    }

    fn uploads(&self) -> Box<dyn Uploads> {
        Box::new(self.clone())
    }

    fn make(&self, path: &str) {
        MemoryStorage::make(self, path);
    }

    fn block(&self, path: &str) {
        MemoryStorage::block(self, path);
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.files().get(path).cloned()
    }

    fn driver_root(&self) -> PathBuf {
        memory::ROOT.strip_suffix(ROOT).unwrap().trim_end_matches('/').into()
    }
}

fn disk() -> Box<dyn Subject> {
    Box::new(Disk(tempfile::tempdir().unwrap()))
}

fn in_memory() -> Box<dyn Subject> {
    Box::new(MemoryStorage::new())
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

/// A digest of nothing that is stored.
fn digest(fill: &str) -> Digest {
    format!("sha256:{}", fill.repeat(32)).parse().unwrap()
}

/// All that a view says but where it was taken, when, and in which words something is out of place.
fn told(view: &StorageView) -> serde_json::Value {
    let mut view = serde_json::to_value(view).unwrap();
    for kept in ["root", "collected", "changed"] {
        view[kept].take();
    }
    for list in ["stray", "unknown"] {
        view[list].as_array_mut().unwrap().iter_mut().for_each(|one| drop(one["why"].take()));
    }
    view
}

/// Every file and folder as old as those in memory.
fn age(tree: &Tree) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(memory::LONG_AGO.unsigned_abs());
    for entry in walkdir::WalkDir::new(tree.base()).contents_first(true).into_iter().flatten() {
        fs::File::open(entry.path()).unwrap().set_modified(then).unwrap();
    }
}

fn collect(subject: &dyn Subject, scope: &dyn Scope) -> StorageView {
    subject.storage().collect(scope, &Silent).unwrap()
}

#[test]
fn every_recipe_is_seen_alike_on_disk_and_in_memory() {
    for (name, recipe) in recipes() {
        let (disk, memory) = (disk(), in_memory());
        let seen = [&disk, &memory].map(|subject| {
            let tree = recipe.build(subject.tree());
            recipe.damage(&tree, None);
            age(&tree);
            told(&collect(&**subject, &Everything))
        });
        let [disk, memory] = seen;
        assert_eq!(memory, disk, "{name}");
    }
}

/// Only the repository `team/app`.
struct One;

impl Scope for One {
    fn includes(&self, name: &RepositoryName) -> bool {
        *name == app()
    }

    fn is_everything(&self) -> bool {
        false
    }
}

#[test]
fn odd_trees_are_seen_alike_on_disk_and_in_memory() {
    let (disk, memory) = (disk(), in_memory());
    let seen = [&disk, &memory].map(|subject| {
        let mut tree = subject.tree();
        tree.image("team/app", Some("1"), "a");
        tree.image("team/app/inner", Some("1"), "a");
        tree.image("team/other", None, "b");
        let lost = digest("ab");
        tree.write(&layer_link("team/app", &lost), "no digest");
        tree.write(&revision_link("team/app", &lost), b"\xff");
        tree.write(&format!("{}/else", data(&lost).trim_end_matches("/data")), "x");
        tree.write(&format!("{}/else", data(&tree.named["a.config"]).trim_end_matches("/data")), "x");
        for path in
            ["x", "blobs/x", "blobs/sha256/x", "blobs/sha256/ab/x", "repositories/x", "repositories/Team/x"]
        {
            tree.write(path, "stray");
        }
        for path in ["_layers/x", "_manifests/x", "_manifests/tags/x", "_uploads/x", "_else/x", "x"] {
            tree.write(&format!("repositories/team/app/{path}"), "stray");
        }
        tree.write(&format!("repositories/team/app/_uploads/{SESSION}/data"), "half");
        tree.write(&format!("repositories/team/app/_uploads/{SESSION}/x"), "stray");
        subject.make(&format!("repositories/team/app/_layers/sha256/{}", digest("cd").hex()));
        subject.make("repositories/team/app/_manifests/tags/bare");
        subject.make("repositories/team/app/_manifests/tags/-not");
        subject.make("repositories/emptied/_layers");
        subject.make("repositories/none");
        subject.make(&data(&digest("ef")));
        age(&tree);
        [told(&collect(&**subject, &Everything)), told(&collect(&**subject, &One))]
    });
    let [disk, memory] = seen;
    assert_eq!(memory, disk);
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn single_looks_tell_what_is_there(#[case] subject: Box<dyn Subject>) {
    let mut tree = subject.tree();
    let image = tree.image("team/app", Some("1"), "a");
    let (layer, manifest) = (image.layers[0].digest, image.manifest.digest);
    tree.write(&layer_link("team/app", &digest("aa")), layer.to_string());
    tree.write(&revision_link("team/app", &digest("bb")), "");
    subject.make("repositories/team/app/_manifests/tags/bare");
    subject.make(data(&digest("cc")).trim_end_matches("/data"));
    let storage = subject.storage();
    assert_eq!(
        storage.blob(&layer).map(|file| file.size),
        Observed::Present(image.layers[0].bytes.len() as u64)
    );
    assert_eq!(
        [digest("cc"), digest("dd")].map(|lost| storage.blob(&lost)),
        [Observed::Absent, Observed::Absent]
    );
    let link = |place| storage.link(&app(), &place);
    assert_eq!(link(LinkPlace::Layer(layer)), Observed::Present(Target::Same));
    assert_eq!(link(LinkPlace::Layer(digest("aa"))), Observed::Present(Target::Other(Box::new(layer))));
    assert_eq!(link(LinkPlace::Revision(digest("bb"))), Observed::Present(Target::Invalid("".into())));
    assert_eq!(
        link(LinkPlace::Tag("1".parse().unwrap())),
        Observed::Present(Target::Other(Box::new(manifest)))
    );
    assert_eq!(link(LinkPlace::Layer(digest("dd"))), Observed::Absent);
    let tag = |name: &str| storage.tag(&app(), &name.parse().unwrap());
    assert_eq!(tag("1"), Observed::Present(TagTarget::Digest(manifest)));
    assert_eq!((tag("bare"), tag("none")), (Observed::Present(TagTarget::Missing), Observed::Absent));
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn content_is_read_and_hashed(#[case] subject: Box<dyn Subject>) {
    let mut tree = subject.tree();
    let (whole, cut) = (tree.blob("whole", b"the whole of it"), tree.blob("cut", b"all of it"));
    tree.write(&data(&cut), "all");
    let storage = subject.storage();
    let read = |limit| storage.read(&whole, limit).map(|bytes| bytes.len());
    assert_eq!(
        (read(0), read(3), read(100)),
        (Observed::Present(0), Observed::Present(3), Observed::Present(15))
    );
    assert_eq!(storage.read(&digest("dd"), 3), Observed::Absent);
    let actual = Digest::sha256(<sha2::Sha256 as sha2::Digest>::digest("all").into());
    let wrong = HashedBlob { digest: cut, actual, size: 3 };
    assert_eq!(storage.hash(&cut), Observed::Present(wrong));
    assert_eq!(storage.hash(&digest("dd")), Observed::Absent);
    let view = storage.hash_all(&[whole, cut, digest("dd")], &Unhurried, &Silent);
    assert_eq!((view.blobs, view.bytes, view.wrong, view.unknown), (2, 18, vec![wrong], Vec::new()));
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn what_cannot_be_looked_at_is_not_absent(#[case] subject: Box<dyn Subject>) {
    let mut tree = subject.tree();
    let image = tree.image("team/app", Some("1"), "a");
    let layer = image.layers[0].digest;
    subject.block(&data(&layer));
    let storage = subject.storage();
    let is_unknown = [
        matches!(storage.blob(&layer), Observed::Unknown(_)),
        matches!(storage.read(&layer, 5), Observed::Unknown(_)),
        matches!(storage.hash(&layer), Observed::Unknown(_)),
    ];
    assert_eq!(is_unknown, [true; 3]);
    let view = collect(&*subject, &Everything);
    let unknown: Vec<_> = view.unknown.iter().map(|unlooked| unlooked.what.to_string()).collect();
    assert_eq!(unknown, [format!("{}/{}", storage.location(), data(&layer))]);
    assert_eq!(view.blob(&layer), None);
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn uploads_are_found_and_move_when_they_are_written_to(#[case] subject: Box<dyn Subject>) {
    let tree = subject.tree();
    let session = format!("repositories/team/app/_uploads/{SESSION}");
    tree.write(&format!("{session}/data"), "1");
    tree.write(&format!("{session}/hashstates/sha256/0"), "state");
    subject.make("repositories/other/_uploads/two");
    subject.make("repositories/other/_layers/_uploads/none");
    let (storage, uploads) = (subject.storage(), subject.uploads());
    assert_eq!(storage.has_upload(&app(), SESSION), Observed::Present(()));
    assert_eq!(storage.has_upload(&app(), &SESSION.replace('0', "1")), Observed::Absent);
    assert!(matches!(storage.has_upload(&app(), "../_layers"), Observed::Unknown(_)));
    let Observed::Present(before) = uploads.sessions() else { panic!("they can be looked at") };
    let (two, own) = (Place::from("repositories/other/_uploads/two"), Place::from(session.as_str()));
    assert_eq!(before.keys().collect::<Vec<_>>(), [&two, &own]);
    assert_eq!((before[&two], before[&own].size), (SessionMark::default(), 1));
    assert_eq!(uploads.sessions(), Observed::Present(before.clone()));
    tree.write(&format!("{session}/data"), "22");
    assert_ne!(uploads.sessions(), Observed::Present(before));
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn paths_are_looked_up_below_the_root_only(#[case] subject: Box<dyn Subject>) {
    subject.tree().write("blobs/stray", "");
    let storage = subject.storage();
    assert_eq!(
        (storage.exists(&"blobs/stray".into()), storage.exists(&"blobs/none".into())),
        (Observed::Present(()), Observed::Absent)
    );
    for path in ["../v2", "", "blobs//stray", "./blobs"] {
        assert!(matches!(storage.exists(&path.into()), Observed::Unknown(_)), "{path}");
    }
}
