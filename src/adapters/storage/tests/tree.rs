//! Building a storage tree, healthy or not.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::adapters::storage::FilesystemStorage;
use crate::domain::digest::Digest;
use crate::domain::layout::ROOT;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::storage::{Repository, StorageView};
pub(super) use crate::doubles::tree::{data, layer_link, revision_link, tag_link};
use crate::doubles::tree::{link_layer, link_manifest};
use crate::engine::ports::{Everything, Silent, Storage as _};

/// A driver's root directory that goes away with it.
pub(super) struct TemporaryTree(TempDir);

/// What [`TemporaryTree::image`] made.
pub(super) struct Planted {
    pub(super) manifest: Digest,
    pub(super) config: Digest,
    pub(super) layer: Digest,
}

pub(super) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// A digest of nothing that is stored.
pub(super) fn digest(fill: &str) -> Digest {
    format!("sha256:{}", fill.repeat(32)).parse().unwrap()
}

pub(super) fn blob_folder(digest: &Digest) -> String {
    data(digest).trim_end_matches("/data").to_owned()
}

impl TemporaryTree {
    /// A registry with nothing in it.
    pub(super) fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.folder("blobs/sha256");
        tree.folder("repositories");
        tree
    }

    /// The driver's root directory.
    pub(super) fn base(&self) -> &Path {
        self.0.path()
    }

    /// A path below the storage root.
    pub(super) fn at(&self, path: impl AsRef<[u8]>) -> PathBuf {
        self.base().join(ROOT).join(std::ffi::OsStr::from_bytes(path.as_ref()))
    }

    pub(super) fn folder(&self, path: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    /// Write a file and the folders it needs.
    pub(super) fn file(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn blob(&self, content: impl AsRef<[u8]>) -> Digest {
        let digest = Digest::sha256(Sha256::digest(content.as_ref()).into());
        self.file(data(&digest), content);
        digest
    }

    /// A whole, healthy image of a config and one layer.
    pub(super) fn image(&self, repository: &str, tag: &str) -> Planted {
        let config = self.blob(format!("config of {repository}:{tag}"));
        let layer = self.blob(format!("layer of {repository}:{tag}"));
        let manifest = self.blob(format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"{config}","size":9}},"layers":[{{"digest":"{layer}","size":8}}]}}"#
        ));
        for digest in [config, layer] {
            link_layer(&self.base().to_owned(), repository, &digest);
        }
        link_manifest(&self.base().to_owned(), repository, Some(tag), &manifest);
        Planted { manifest, config, layer }
    }

    pub(super) fn storage(&self) -> FilesystemStorage {
        FilesystemStorage::open(self.base()).unwrap()
    }

    pub(super) fn view(&self) -> StorageView {
        self.storage().collect(&Everything, &Silent).unwrap()
    }

    /// The paths of the stray files, with nothing that could not be looked at.
    pub(super) fn stray(&self) -> Vec<String> {
        let view = self.view();
        assert_eq!(view.unknown, []);
        view.stray.into_iter().map(|stray| stray.place.to_string()).collect()
    }

    /// What could not be looked at, below the storage root, with nothing stray.
    pub(super) fn unknown(&self) -> Vec<String> {
        let view = self.view();
        assert_eq!(view.stray, []);
        let root = format!("{}/", self.at("").display().to_string().trim_end_matches('/'));
        let below = |what: &str| what.strip_prefix(&root).unwrap_or(what).to_owned();
        view.unknown.iter().map(|unlooked| below(&unlooked.what.to_string())).collect()
    }

    /// The only repository.
    pub(super) fn repository(&self) -> Repository {
        let mut view = self.view();
        assert_eq!(view.repositories.len(), 1);
        view.repositories.pop().unwrap()
    }
}
