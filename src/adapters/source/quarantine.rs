//! What earlier repairs set aside: files whose path tells the digest that they were stored under.
//!
//! Most of them are bad, or they would not be there, and there may be several of one digest. So each
//! is hashed before it is offered.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::content_store::ContentStore;
use super::open::{folder, open, walk_error};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::name::Image;
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

pub(super) struct QuarantineStore {
    path: PathBuf,
    files: HashMap<Digest, Vec<PathBuf>>,
}

impl QuarantineStore {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        let mut files: HashMap<Digest, Vec<PathBuf>> = HashMap::new();
        for entry in WalkDir::new(path).follow_links(false).sort_by_file_name() {
            let entry = entry.map_err(|error| walk_error(path, error))?;
            let below = entry.path().strip_prefix(path).unwrap_or(entry.path());
            if let Some(digest) = digest_of(below).filter(|_| entry.file_type().is_file()) {
                files.entry(digest).or_default().push(entry.into_path());
            }
        }
        Ok(Self { path: path.to_owned(), files })
    }
}

/// The digest that the last fitting part of a path gives: `<hex>`, `sha256-<hex>…`, `<hex>.data` and so on.
fn digest_of(path: &Path) -> Option<Digest> {
    let parts: Vec<_> = path.components().filter_map(|part| part.as_os_str().to_str()).collect();
    let words = parts.iter().rev().flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()));
    words
        .into_iter()
        .find_map(|word| Algorithm::ALL.into_iter().find_map(|by| Digest::from_hex(by, word.as_bytes())))
}

impl ContentStore for QuarantineStore {
    fn location(&self) -> String {
        format!("quarantine:{}", self.path.display())
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        for path in self.files.get(&wanted.digest).into_iter().flatten() {
            let Some(file) = open(path)? else { continue };
            let fits = wanted.size.is_none_or(|size| size == file.size());
            if fits && file.hash(wanted.digest.algorithm())? == wanted.digest {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        Err(self.nameless(image, "a quarantine keeps files without names"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarantined_path_tells_its_digest() {
        let hex = "ab".repeat(32);
        let digest = format!("sha256:{hex}").parse().ok();
        for path in [
            hex.clone(),
            format!("2026/sha256-{hex}.data"),
            format!("blobs/sha256/ab/{hex}/data"),
            format!("{hex}.1"),
        ] {
            assert_eq!(digest_of(Path::new(&path)), digest, "{path}");
        }
        assert_eq!(digest_of(Path::new("journal.json")), None);
    }
}
