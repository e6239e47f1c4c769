//! Storage built by hand, file by file, as a registry would have left it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::ROOT;

use crate::doubles::memory::MemoryStorage;
use crate::doubles::tree;
pub use crate::doubles::tree::{Files, data, layer_link, revision_link, tag_link};

/// Storage below a root directory (`rootdirectory` of the registry's configuration), or in memory.
pub struct Tree {
    root: PathBuf,
    files: Box<dyn Files>,
    /// Digests by the names that recipes give them.
    pub named: BTreeMap<String, Digest>,
    /// Manifests: repository, tag, digest.
    pub manifests: Vec<(String, Option<String>, Digest)>,
}

impl Tree {
    /// An empty registry below `root`.
    pub fn new(root: &Path) -> Self {
        let tree = Self::of(root.to_owned(), Box::new(root.to_owned()));
        fs::create_dir_all(tree.base().join("blobs/sha256")).unwrap();
        fs::create_dir_all(tree.base().join("repositories")).unwrap();
        tree
    }

    /// A registry in memory.
    pub fn in_memory(storage: &MemoryStorage) -> Self {
        Self::of(PathBuf::new(), Box::new(storage.clone()))
    }

    fn of(root: PathBuf, files: Box<dyn Files>) -> Self {
        Self { root, files, named: BTreeMap::new(), manifests: Vec::new() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `…/docker/registry/v2`
    pub fn base(&self) -> PathBuf {
        self.root.join(ROOT)
    }

    /// Writes a file below the base.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.files.write(path, content.as_ref());
    }

    /// Reads a file below the base.
    pub fn read(&self, path: &str) -> Vec<u8> {
        self.files.bytes(path).unwrap_or_else(|| panic!("`{path}` is there"))
    }

    /// Takes away a file or folder below the base.
    pub fn remove(&self, path: &str) {
        self.files.remove(path);
    }

    /// Stores bytes under a name.
    pub fn blob(&mut self, name: &str, bytes: &[u8]) -> Digest {
        let digest = tree::blob(&*self.files, bytes);
        self.named.insert(name.to_owned(), digest);
        digest
    }

    pub fn layer_link(&self, repository: &str, digest: &Digest) {
        tree::link_layer(&*self.files, repository, digest);
    }

    /// Links a stored manifest, and tags it.
    pub fn manifest_links(&mut self, repository: &str, tag: Option<&str>, digest: &Digest) {
        tree::link_manifest(&*self.files, repository, tag, digest);
        self.manifests.push((repository.to_owned(), tag.map(str::to_owned), *digest));
    }

    /// Stores a whole image of two layers.
    pub fn image(&mut self, repository: &str, tag: Option<&str>, name: &str) -> Image {
        let image = Image::two_layers(name).unwrap();
        for (part, blob) in ["config", "layer1", "layer2"].iter().zip(image.blobs()) {
            let digest = self.blob(&format!("{name}.{part}"), &blob.bytes);
            self.layer_link(repository, &digest);
        }
        let digest = self.blob(&format!("{name}.manifest"), &image.manifest.bytes);
        self.manifest_links(repository, tag, &digest);
        image
    }

    /// Makes everything a day old, so that nothing passes for content in flight. In memory it is older. The folder that
    /// a link leaves keeps its time: whoever took the link did so while the daemon was running.
    pub fn age(&self) {
        let then = SystemTime::now() - Duration::from_secs(86_400);
        for entry in walkdir::WalkDir::new(self.base()).contents_first(true).into_iter().flatten() {
            if entry.file_type().is_file() || entry.file_type().is_dir() && !is_trace(entry.path()) {
                fs::File::open(entry.path()).unwrap().set_modified(then).unwrap();
            }
        }
    }
}

fn is_trace(folder: &Path) -> bool {
    let is_link = folder.iter().any(|part| part == "_layers" || part == "revisions");
    is_link && fs::read_dir(folder).unwrap().next().is_none()
}

/// Where a blob's data is below a root directory.
pub fn data_file(root: &Path, digest: &Digest) -> PathBuf {
    root.join(ROOT).join(data(digest))
}

/// Stores the image as `repository:tag`.
pub fn plant(root: &Path, repository: &str, tag: &str, image: &Image) {
    tree::image(&root.to_owned(), repository, Some(tag), image);
}

fn kept(root: &Path, digest: &Digest) -> PathBuf {
    root.join(format!("{}.lost", digest.hex()))
}

/// Removes a folder of the storage with all that is in it, if it is there.
#[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
pub fn remove_folder(root: &Path, below: &str) {
    let folder = root.join(ROOT).join(below);
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Takes a blob's data away, but keeps it beside the tree.
pub fn lose(root: &Path, digest: &Digest) {
    fs::rename(data_file(root, digest), kept(root, digest)).unwrap();
}

/// Puts a lost blob's data back.
pub fn restore(root: &Path, digest: &Digest) {
    fs::rename(kept(root, digest), data_file(root, digest)).unwrap();
}
