//! Manifests that an earlier check has read, by what the store calls their content: they are not fetched again.
//!
//! In `<state dir>/manifests.json`. What cannot be read there is fetched anew, and what cannot be written is fetched the
//! next time: nothing depends on it.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::adapters::files::{PrivateFolder, read_all};
use crate::domain::digest::Digest;
use crate::domain::views::storage::{ReadManifest, StoredManifests};

const NAME: &str = "manifests.json";
/// No more is kept, and no more read.
const LIMIT: u64 = 1 << 30;
const MOST: usize = 500_000;

/// A manifest, as it was read of an object with that `ETag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    tag: Box<str>,
    read: ReadManifest,
}

/// What is known of manifests.
#[derive(Debug, Default)]
pub(super) struct ManifestMemory {
    folder: Option<PathBuf>,
    known: BTreeMap<Digest, Kept>,
}

impl ManifestMemory {
    /// What is kept in that folder.
    pub(super) fn load(folder: Option<&Path>) -> Self {
        let known = folder.and_then(|folder| read(folder).ok().flatten()).unwrap_or_default();
        Self { folder: folder.map(Path::to_owned), known }
    }

    /// The manifest of that digest, if its object has that `ETag` still.
    pub(super) fn manifest(&self, digest: &Digest, tag: Option<&str>) -> Option<&ReadManifest> {
        let kept = self.known.get(digest)?;
        (tag.is_some_and(|tag| !tag.is_empty() && *kept.tag == *tag)).then_some(&kept.read)
    }

    /// Keep what was read now, for the next check.
    pub(super) fn save(&self, manifests: &StoredManifests, tags: &HashMap<Digest, Box<str>>) {
        let Some(folder) = &self.folder else { return };
        let kept = manifests.iter().take(MOST).filter_map(|(digest, read)| {
            let tag = tags.get(digest).filter(|tag| !tag.is_empty())?.clone();
            Some((*digest, Kept { tag, read: read.clone() }))
        });
        let kept: BTreeMap<Digest, Kept> = kept.collect();
        if kept == self.known {
            return;
        }
        if let Err(error) = write(folder, &kept) {
            tracing::debug!(%error, "manifests are not remembered");
        }
    }
}

fn read(folder: &Path) -> std::io::Result<Option<BTreeMap<Digest, Kept>>> {
    let Some(folder) = PrivateFolder::find(folder)? else { return Ok(None) };
    let Some((file, _)) = folder.open(NAME)? else { return Ok(None) };
    Ok(serde_json::from_slice(&read_all(file, LIMIT)?).ok())
}

fn write(folder: &Path, kept: &BTreeMap<Digest, Kept>) -> std::io::Result<()> {
    let text = serde_json::to_vec(kept)?;
    PrivateFolder::make(folder)?.replace(NAME, |file| file.write_all(&text))
}
