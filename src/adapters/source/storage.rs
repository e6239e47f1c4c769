//! Another registry's storage, or a backup of this one's.

use std::path::{Path, PathBuf};

use super::content_store::ContentStore;
use super::open::{folder, folder_hint, open, unusable};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout::{self, LinkPlace, Place};
use crate::domain::name::{Image, Reference};
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

/// A link file holds a digest; nothing longer is read.
const MAX_LINK_BYTES: u64 = 1024;

pub(super) struct RegistryRoot {
    given: PathBuf,
    /// The folder with `blobs` and `repositories`.
    root: PathBuf,
}

impl RegistryRoot {
    /// The storage at `path`, which may be any level from the root directory down to `v2`.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        let mut levels = layout::levels().chain([""]).map(|below| path.join(below));
        let is_root = |root: &PathBuf| root.join(layout::REPOSITORIES).is_dir() || has_shards(root);
        let Some(root) = levels.find(is_root) else {
            let why = "is no registry's storage: it has no `docker/registry/v2`";
            return Err(unusable(path, why, folder_hint(path)));
        };
        Ok(Self { given: path.to_owned(), root })
    }

    /// What a link file says, where it says a digest.
    fn link(&self, place: &Place) -> Result<Option<Digest>, SourceError> {
        let Some(file) = open(&self.root.join(place.to_string()))? else { return Ok(None) };
        let bytes = file.read(MAX_LINK_BYTES)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok()))
    }
}

/// Whether blobs lie in folders of two digits, as no other layout has them: a backup of the blobs alone.
fn has_shards(root: &Path) -> bool {
    let shards = std::fs::read_dir(root.join(layout::BLOBS).join(Algorithm::Sha256.as_str()))
        .into_iter()
        .flatten()
        .flatten();
    shards.into_iter().any(|shard| shard.file_name().len() == 2)
}

impl ContentStore for RegistryRoot {
    fn location(&self) -> String {
        format!("storage:{}", self.given.display())
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        open(&self.root.join(Place::Data(wanted.digest).to_string()))
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        let found = match &image.reference {
            Reference::Tag(tag) => {
                self.link(&Place::Link(image.repository.clone(), LinkPlace::Tag(tag.clone())))?
            }
            Reference::Digest(digest) => Some(*digest),
        };
        let no_such = || SourceError::NoSuchImage { location: self.location(), image: image.clone() };
        found.map(|digest| (digest, Naming::Exact)).ok_or_else(no_such)
    }
}
