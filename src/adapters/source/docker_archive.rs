//! What `docker save` and skopeo's `docker-archive:` write.
//!
//! ```text
//! manifest.json               [{"Config":"<hex>.json","RepoTags":["host/repo:tag"],"Layers":["<hex>.tar", …]}]
//! <hex>.json                  a config, named by its digest
//! <hex>.tar, <id>/layer.tar   a layer, uncompressed; its digest stands in the config's diff_ids
//! index.json, blobs/sha256/   an OCI layout of the same (docker 25 and later)
//! ```
//!
//! An uncompressed layer has another digest than the compressed one that a registry stores, and compressing
//! it again gives yet another.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::content_store::ContentStore;
use super::file_set::FileSet;
use super::names;
use super::oci::{Index, blob_name};
use super::open::unusable;
use super::tarball::Tarball;
use crate::adapters::files::PrivateFolder;
use crate::domain::digest::Digest;
use crate::domain::name::Image;
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

pub(super) struct DockerArchive {
    location: String,
    files: FileSet,
    index: Option<Index>,
    saved: Vec<Saved>,
    /// The members that hold uncompressed layers, by their digests.
    layers: HashMap<Digest, String>,
}

impl DockerArchive {
    /// The archive at `path`; `spool` is where gzip is unpacked to.
    pub(super) fn open(path: &Path, spool: &PrivateFolder) -> Result<Self, SourceError> {
        let files = FileSet::Tarball(Tarball::open(path, spool)?);
        let index: Option<Index> = files.json("index.json")?;
        let Some(saved) = files.json::<Vec<Saved>>("manifest.json")? else {
            let hint = index.is_some().then_some("it looks like an OCI layout: use `oci-archive:`");
            return Err(unusable(path, "is no archive of `docker save`: it has no `manifest.json`", hint));
        };
        let mut layers = HashMap::new();
        for image in &saved {
            // A config that cannot be read hides its layers only.
            let config: Config = files.json(&image.config).ok().flatten().unwrap_or_default();
            let members = image.layers.iter().flatten().cloned();
            let ids = config.rootfs.diff_ids.iter().map(|id| id.parse::<Digest>());
            layers.extend(ids.zip(members).filter_map(|(id, member)| Some((id.ok()?, member))));
        }
        Ok(Self { location: format!("docker-archive:{}", path.display()), files, index, saved, layers })
    }

    fn holds(&self, image: &Image) -> bool {
        let tags = self.saved.iter().flat_map(|saved| saved.repo_tags.iter().flatten());
        names::best(image, tags.map(|tag| (tag.clone(), ()))).is_some()
    }
}

impl ContentStore for DockerArchive {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        let hex = wanted.digest.hex();
        let mut names = vec![blob_name(&wanted.digest), format!("{hex}.json"), format!("{hex}.tar")];
        names.extend(self.layers.get(&wanted.digest).cloned());
        for name in names {
            if let Some(file) = self.files.file(&name)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn absence(&self, wanted: &Wanted) -> SourceError {
        let (location, digest) = (self.location(), wanted.digest);
        let holds_image = wanted.images.iter().any(|image| self.holds(image));
        if !(holds_image || wanted.images.is_empty()) {
            return SourceError::Absent { location, what: digest.to_string() };
        }
        let why = if wanted.is_manifest {
            "`docker save` does not keep the registry's manifests"
        } else {
            "`docker save` keeps layers uncompressed, and compressing one again gives another digest; \
             only a push by the engine that has the image restores it"
        };
        SourceError::NotReproducible { location, digest, why: why.into() }
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        if let Some(found) = self.index.as_ref().and_then(|index| index.resolve(image)) {
            return Ok(found);
        }
        if self.holds(image) {
            return Err(self.nameless(image, "`docker save` does not keep the registry's manifests"));
        }
        Err(SourceError::NoSuchImage { location: self.location(), image: image.clone() })
    }
}
