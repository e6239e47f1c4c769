//! OCI layouts, as folders and as archives.
//!
//! ```text
//! oci-layout            {"imageLayoutVersion":"1.0.0"}
//! index.json            the images, their names in annotations
//! blobs/<alg>/<hex>     content
//! ```

use std::collections::HashMap;
use std::path::Path;

use oci_spec::image::OciLayout;
use serde::Deserialize;

use super::content_store::ContentStore;
use super::file_set::FileSet;
use super::names;
use super::open::{folder, folder_hint, unreadable, unusable};
use super::tarball::Tarball;
use crate::adapters::files::PrivateFolder;
use crate::domain::digest::Digest;
use crate::domain::name::Image;
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

/// Which annotations name an image: the specification's, then containerd's and docker's full one.
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

/// An index reduced to what is read of it: one bad descriptor must not hide the others.
#[derive(Default, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    annotations: Option<HashMap<String, serde_json::Value>>,
}

impl Index {
    /// The image's manifest, by the names that the annotations give.
    pub(super) fn resolve(&self, image: &Image) -> Option<(Digest, Naming)> {
        names::best(image, self.named())
    }

    fn named(&self) -> impl Iterator<Item = (String, Digest)> {
        self.manifests.iter().flat_map(|entry| {
            let digest: Option<Digest> = entry.digest.parse().ok();
            let name = |key: &&str| entry.annotations.as_ref()?.get(*key)?.as_str().map(str::to_owned);
            NAMES.iter().filter_map(name).filter_map(move |name| Some((name, digest?)))
        })
    }
}

pub(super) struct ImageLayout {
    location: String,
    files: FileSet,
    index: Index,
}

impl ImageLayout {
    /// The layout in a folder.
    pub(super) fn folder(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        Self::read(format!("oci:{}", path.display()), FileSet::Folder(path.to_owned()))
    }

    /// The layout in an archive; `spool` is where gzip is unpacked to.
    pub(super) fn archive(path: &Path, spool: &PrivateFolder) -> Result<Self, SourceError> {
        let files = FileSet::Tarball(Tarball::open(path, spool)?);
        Self::read(format!("oci-archive:{}", path.display()), files)
    }

    fn read(location: String, files: FileSet) -> Result<Self, SourceError> {
        let no_layout = |what: &str| {
            let hint = match &files {
                FileSet::Folder(path) => folder_hint(path),
                FileSet::Tarball(tarball) if tarball.has("manifest.json") => {
                    Some("it looks like what `docker save` writes: use `docker-archive:`")
                }
                FileSet::Tarball(_) => None,
            };
            unusable(files.path(), format!("is no OCI layout: it has no `{what}`"), hint)
        };
        let marker = files.file("oci-layout")?.ok_or_else(|| no_layout("oci-layout"))?;
        OciLayout::from_reader(marker.read(64 << 10)?.as_slice())
            .map_err(|error| unreadable(Path::new(marker.name()), std::io::Error::other(error)))?;
        let index = files.json("index.json")?.ok_or_else(|| no_layout("index.json"))?;
        Ok(Self { location, files, index })
    }
}

/// Where an OCI layout keeps content.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

impl ContentStore for ImageLayout {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        self.files.file(&blob_name(&wanted.digest))
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        let no_such = || SourceError::NoSuchImage { location: self.location(), image: image.clone() };
        self.index.resolve(image).ok_or_else(no_such)
    }
}
