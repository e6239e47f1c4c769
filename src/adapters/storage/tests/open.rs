//! Which folder is a registry's storage root.

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

use super::tree::{TemporaryTree, digest, name, tag};
use crate::adapters::storage::FilesystemStorage;
use crate::domain::observed::Observed;
use crate::engine::ports::{Everything, Silent, Storage as _, StorageError, Unhurried};

fn why(path: &Path) -> String {
    match FilesystemStorage::open(path) {
        Err(StorageError::NotARegistry { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[rstest]
fn every_level_of_the_path_is_recognised(
    #[values("", "docker", "docker/registry", "docker/registry/v2")] level: &str,
) {
    let tree = TemporaryTree::new();
    let storage = FilesystemStorage::open(&tree.base().join(level)).unwrap();
    assert_eq!(storage.root(), tree.at("").as_path());
}

#[test]
fn the_root_may_be_a_symbolic_link() {
    let tree = TemporaryTree::new();
    tree.image("app", "1");
    let elsewhere = TempDir::new().unwrap();
    let link = elsewhere.path().join("registry");
    std::os::unix::fs::symlink(tree.at(""), &link).unwrap();
    let view = FilesystemStorage::open(&link).unwrap().collect(&Everything, &Silent).unwrap();
    assert_eq!((view.blobs.len(), view.repositories.len()), (3, 1));
}

#[test]
fn what_is_no_registry_says_why() {
    let place = TempDir::new().unwrap();
    assert_eq!(why(place.path()), "it is empty");
    fs::write(place.path().join("file"), "").unwrap();
    assert_eq!(why(place.path()), "neither `docker/registry/v2` nor `blobs` and `repositories` are in it");
    assert_eq!(why(&place.path().join("file")), "it is not a folder");
    fs::write(place.path().join("oci-layout"), "{}").unwrap();
    fs::create_dir(place.path().join("blobs")).unwrap();
    assert_eq!(why(place.path()), "it is an OCI image layout");
    let nothing = FilesystemStorage::open(&place.path().join("nothing"));
    assert!(matches!(nothing, Err(StorageError::NoSuchPath { .. })), "{nothing:?}");
}

#[test]
fn an_empty_folder_that_the_configuration_names_is_an_empty_registry() {
    let place = TempDir::new().unwrap();
    let storage = FilesystemStorage::open_configured(place.path()).unwrap();
    let view = storage.collect(&Everything, &Silent).unwrap();
    assert_eq!((view.blobs.len(), view.repositories.len(), view.unknown.len()), (0, 0, 0));
    assert_eq!(storage.blob(&digest("aa")), Observed::Absent);
    assert_eq!(storage.tag(&name("a"), &tag("b")), Observed::Absent);
    // What a run of ours that was killed leaves.
    fs::write(place.path().join("regfsck.lock"), "").unwrap();
    assert!(FilesystemStorage::open_configured(place.path()).is_ok());
    fs::write(place.path().join("file"), "").unwrap();
    assert!(FilesystemStorage::open_configured(place.path()).is_err());
}

#[test]
fn a_root_that_is_gone_is_unknown_and_not_empty() {
    let tree = TemporaryTree::new();
    let image = tree.image("app", "1");
    let storage = tree.storage();
    fs::rename(tree.at(""), tree.base().join("moved")).unwrap();
    assert!(matches!(storage.blob(&image.layer), Observed::Unknown(_)));
    assert!(matches!(storage.tag(&name("app"), &tag("1")), Observed::Unknown(_)));
    assert!(matches!(storage.exists(&"blobs".into()), Observed::Unknown(_)));
    assert!(matches!(storage.collect(&Everything, &Silent), Err(StorageError::Unreadable { .. })));
    assert_eq!(storage.hash_all(&[image.layer], &Unhurried, &Silent).unknown.len(), 1);
}
