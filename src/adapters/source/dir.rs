//! What skopeo writes to `dir:`: one image in a folder.
//!
//! ```text
//! version                "Directory Transport Version: 1.1"
//! manifest.json          the image's manifest, or its index
//! <hex>.manifest.json    the manifests of an index
//! <hex>                  configs and layers
//! ```

use std::path::{Path, PathBuf};

use super::content_store::ContentStore;
use super::open::{folder, folder_hint, open, unusable};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::domain::name::Image;
use crate::engine::ports::{FileRange, Hasher, Naming, SourceError, Wanted};

pub(super) struct Dir {
    path: PathBuf,
    /// The digests of `manifest.json`.
    root: [Digest; 3],
}

impl Dir {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        let no_image = |what: &str| {
            unusable(path, format!("is no folder that skopeo wrote: it has no `{what}`"), folder_hint(path))
        };
        let version = open(&path.join("version"))?.ok_or_else(|| no_image("version"))?;
        let version = String::from_utf8_lossy(&version.read(1024)?).trim().to_owned();
        if !version.starts_with("Directory Transport Version: 1.") {
            let why = format!("is of a version that is not known: `{version}`");
            return Err(unusable(&path.join("version"), why, None));
        }
        let manifest = open(&path.join("manifest.json"))?.ok_or_else(|| no_image("manifest.json"))?;
        let manifest = manifest.read(MAX_MANIFEST_BYTES)?;
        let root = Algorithm::ALL.map(|by| Hasher::of(by, &manifest));
        Ok(Self { path: path.to_owned(), root })
    }
}

impl ContentStore for Dir {
    fn location(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        if self.root.contains(&wanted.digest) {
            return open(&self.path.join("manifest.json"));
        }
        let (hex, algorithm) = (wanted.digest.hex(), wanted.digest.algorithm());
        let stem = match algorithm {
            Algorithm::Sha256 => hex,
            Algorithm::Sha384 | Algorithm::Sha512 => format!("{}-{hex}", algorithm.as_str()),
        };
        let blob = open(&self.path.join(&stem))?;
        if blob.is_some() { Ok(blob) } else { open(&self.path.join(format!("{stem}.manifest.json"))) }
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        Err(self.nameless(image, "a `dir:` keeps one image without its name"))
    }
}
