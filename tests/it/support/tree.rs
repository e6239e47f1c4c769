//! Storage built by hand, file by file, as a registry would have left it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::Place;

/// Storage below a root directory (`rootdirectory` of the registry's configuration).
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Digests by the names that recipes give them.
    pub named: BTreeMap<String, Digest>,
    /// Manifests: repository, tag, digest.
    pub manifests: Vec<(String, Option<String>, Digest)>,
}

impl Tree {
    /// An empty registry below `root`.
    pub fn new(root: &Path) -> Self {
        let tree = Self { root: root.to_owned(), named: BTreeMap::new(), manifests: Vec::new() };
        fs::create_dir_all(tree.base().join("blobs/sha256")).unwrap();
        fs::create_dir_all(tree.base().join("repositories")).unwrap();
        tree
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `…/docker/registry/v2`
    pub fn base(&self) -> PathBuf {
        self.root.join("docker/registry/v2")
    }

    /// Writes a file below the base.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.base().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Stores bytes under a name.
    pub fn blob(&mut self, name: &str, bytes: &[u8]) -> Digest {
        let blob = Blob::new(bytes.to_vec());
        self.write(&data_path(&blob.digest), bytes);
        self.named.insert(name.to_owned(), blob.digest);
        blob.digest
    }

    pub fn layer_link(&self, repository: &str, digest: &Digest) {
        self.write(&layer_path(repository, digest), digest.to_string());
    }

    /// Links a stored manifest, and tags it.
    pub fn manifest_links(&mut self, repository: &str, tag: Option<&str>, digest: &Digest) {
        self.write(&revision_path(repository, digest), digest.to_string());
        if let Some(tag) = tag {
            self.write(&tag_path(repository, tag), digest.to_string());
            let history =
                format!("repositories/{repository}/_manifests/tags/{tag}/index/sha256/{}/link", digest.hex());
            self.write(&history, digest.to_string());
        }
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

    /// Makes everything a day old, so that nothing passes for content in flight.
    pub fn age(&self) {
        let then = SystemTime::now() - Duration::from_secs(86_400);
        for entry in walkdir::WalkDir::new(self.base()).contents_first(true).into_iter().flatten() {
            if entry.file_type().is_file() || entry.file_type().is_dir() {
                fs::File::open(entry.path()).unwrap().set_modified(then).unwrap();
            }
        }
    }
}

/// Where a blob's data lies, below the base.
pub fn data_path(digest: &Digest) -> String {
    Place::Data(*digest).to_string()
}

pub fn layer_path(repository: &str, digest: &Digest) -> String {
    let algorithm = digest.algorithm().as_str();
    format!("repositories/{repository}/_layers/{algorithm}/{}/link", digest.hex())
}

pub fn revision_path(repository: &str, digest: &Digest) -> String {
    format!("repositories/{repository}/_manifests/revisions/sha256/{}/link", digest.hex())
}

pub fn tag_path(repository: &str, tag: &str) -> String {
    format!("repositories/{repository}/_manifests/tags/{tag}/current/link")
}
