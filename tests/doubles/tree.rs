//! The one writer of storage trees: files as a registry would have left them, on disk or in memory.

use std::fs;
use std::path::PathBuf;

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::{LinkPlace, Place, ROOT};
use regfsck::domain::name::RepositoryName;

/// Files by their paths below the storage root.
pub trait Files {
    /// Write a file and the folders that it needs.
    fn write(&self, path: &str, bytes: &[u8]);

    /// The bytes of a file, if it is there.
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;

    /// Take away a file, or a folder with all that is in it; it must be there.
    fn remove(&self, path: &str);
}

/// A driver's root directory on disk.
impl Files for PathBuf {
    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.join(ROOT).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.join(ROOT).join(path)).ok()
    }

    #[expect(clippy::disallowed_methods, reason = "damage that a test does to its own files")]
    fn remove(&self, path: &str) {
        let path = self.join(ROOT).join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
}

/// The path of a blob's data.
pub fn data(digest: &Digest) -> String {
    Place::Data(*digest).to_string()
}

fn link(repository: &str, place: LinkPlace) -> String {
    Place::Link(name(repository), place).to_string()
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub fn layer_link(repository: &str, digest: &Digest) -> String {
    link(repository, LinkPlace::Layer(*digest))
}

pub fn revision_link(repository: &str, digest: &Digest) -> String {
    link(repository, LinkPlace::Revision(*digest))
}

pub fn tag_link(repository: &str, tag: &str) -> String {
    link(repository, LinkPlace::Tag(tag.parse().unwrap()))
}

/// The path of a link in a tag's history.
pub fn entry_link(repository: &str, tag: &str, digest: &Digest) -> String {
    Place::Entry(name(repository), tag.parse().unwrap(), *digest).to_string()
}

/// Store bytes as a blob.
pub fn blob(files: &dyn Files, bytes: &[u8]) -> Digest {
    let blob = Blob::new(bytes.to_vec());
    files.write(&data(&blob.digest), bytes);
    blob.digest
}

/// Write the link of a layer or config.
pub fn link_layer(files: &dyn Files, repository: &str, digest: &Digest) {
    files.write(&layer_link(repository, digest), digest.to_string().as_bytes());
}

/// Write the links of a stored manifest, and of its tag if it has one.
pub fn link_manifest(files: &dyn Files, repository: &str, tag: Option<&str>, digest: &Digest) {
    let write = |path: String| files.write(&path, digest.to_string().as_bytes());
    write(revision_link(repository, digest));
    if let Some(tag) = tag {
        write(tag_link(repository, tag));
        write(entry_link(repository, tag, digest));
    }
}

/// Store a whole image.
pub fn image(files: &dyn Files, repository: &str, tag: Option<&str>, image: &Image) {
    for part in image.blobs() {
        link_layer(files, repository, &blob(files, &part.bytes));
    }
    link_manifest(files, repository, tag, &blob(files, &image.manifest.bytes));
}
