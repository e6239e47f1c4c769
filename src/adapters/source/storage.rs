//! Another registry's storage, or a backup of this one's.

use std::path::{Path, PathBuf};

use super::cabinet::{folder, folder_hint, open, unusable};
use super::shelf::Shelf;
use crate::domain::digest::Digest;
use crate::domain::name::{Image, Reference};
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

/// A link file holds a digest; nothing longer is read.
const MAX_LINK_BYTES: u64 = 1024;

pub(super) struct Storage {
    given: PathBuf,
    /// The folder with `blobs` and `repositories`.
    root: PathBuf,
}

impl Storage {
    /// The storage at `path`, which may be any level from the root directory down to `v2`.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        let levels = ["docker/registry/v2", "registry/v2", "v2", ""].map(|below| path.join(below));
        let is_root = |root: &&PathBuf| root.join("blobs").is_dir() && !root.join("index.json").exists();
        let Some(root) = levels.iter().find(is_root) else {
            let why = "is no registry's storage: it has no `docker/registry/v2/blobs`";
            return Err(unusable(path, why, folder_hint(path)));
        };
        Ok(Self { given: path.to_owned(), root: root.clone() })
    }

    /// What a link file below `repositories/<name>` says, where it says a digest.
    fn link(&self, below: &str) -> Result<Option<Digest>, SourceError> {
        let Some(file) = open(&self.root.join("repositories").join(below))? else { return Ok(None) };
        let bytes = file.read(MAX_LINK_BYTES)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok()))
    }
}

impl Shelf for Storage {
    fn location(&self) -> String {
        format!("storage:{}", self.given.display())
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        let (algorithm, hex) = (wanted.digest.algorithm().as_str(), wanted.digest.hex());
        let shard = hex.get(..2).unwrap_or_default();
        open(&self.root.join("blobs").join(algorithm).join(shard).join(&hex).join("data"))
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        let found = match &image.reference {
            Reference::Tag(tag) => {
                self.link(&format!("{}/_manifests/tags/{tag}/current/link", image.repository))?
            }
            Reference::Digest(digest) => Some(*digest),
        };
        let no_such = || SourceError::NoSuchImage { location: self.location(), image: image.clone() };
        found.map(|digest| (digest, Naming::Exact)).ok_or_else(no_such)
    }
}
