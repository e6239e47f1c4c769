//! A registry's storage tree, written by hand: large ones are there at once.

use std::fs;
use std::path::{Path, PathBuf};

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;

/// Where a blob's data is below a storage root.
pub fn data_file(root: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    root.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}

fn put(file: &Path, content: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// Store the image as `repository:tag`.
pub fn plant(root: &Path, repository: &str, tag: &str, image: &Image) {
    let repository = root.join("docker/registry/v2/repositories").join(repository);
    let link = |place: String, blob: &Blob| {
        put(&repository.join(place).join("link"), blob.digest.to_string().as_bytes());
    };
    for blob in image.blobs() {
        put(&data_file(root, &blob.digest), &blob.bytes);
        link(format!("_layers/sha256/{}", blob.digest.hex()), blob);
    }
    let manifest = &image.manifest;
    put(&data_file(root, &manifest.digest), &manifest.bytes);
    let hex = manifest.digest.hex();
    for place in [
        format!("_manifests/revisions/sha256/{hex}"),
        format!("_manifests/tags/{tag}/current"),
        format!("_manifests/tags/{tag}/index/sha256/{hex}"),
    ] {
        link(place, manifest);
    }
}

fn kept(root: &Path, digest: &Digest) -> PathBuf {
    root.join(format!("{}.lost", digest.hex()))
}

/// Take a blob's data away, but keep it beside the tree.
pub fn lose(root: &Path, digest: &Digest) {
    fs::rename(data_file(root, digest), kept(root, digest)).unwrap();
}

/// Put a lost blob's data back.
pub fn restore(root: &Path, digest: &Digest) {
    fs::rename(kept(root, digest), data_file(root, digest)).unwrap();
}
