//! A containerd content store: the compressed layers as they were pulled. Docker 29 keeps one too.

use std::path::{Path, PathBuf};

use super::content_store::ContentStore;
use super::oci::blob_name;
use super::open::{folder, folder_hint, open, unusable};
use crate::domain::digest::Digest;
use crate::domain::name::Image;
use crate::engine::ports::{FileRange, Naming, SourceError, Wanted};

pub(super) struct Containerd {
    given: PathBuf,
    /// The folder with `blobs/sha256`.
    content: PathBuf,
}

impl Containerd {
    /// The store at `path`: containerd's root, or its content folder.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        folder(path)?;
        let mut levels: Vec<_> =
            ["io.containerd.content.v1.content", "daemon/io.containerd.content.v1.content", ""]
                .map(|below| path.join(below))
                .into();
        if path.ends_with("blobs") {
            levels.push(path.join(".."));
        }
        let is_content =
            |level: &&PathBuf| level.join("blobs/sha256").is_dir() && !level.join("index.json").exists();
        let Some(content) = levels.iter().find(is_content) else {
            let why =
                "is no containerd content store: it has no `io.containerd.content.v1.content/blobs/sha256`";
            return Err(unusable(path, why, folder_hint(path)));
        };
        Ok(Self { given: path.to_owned(), content: content.clone() })
    }
}

impl ContentStore for Containerd {
    fn location(&self) -> String {
        format!("containerd:{}", self.given.display())
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        open(&self.content.join(blob_name(&wanted.digest)))
    }

    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError> {
        Err(self.nameless(image, "containerd keeps names in its database, which is not read"))
    }
}
