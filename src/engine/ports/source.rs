//! Where missing bytes can come from: another registry, an archive, a backup.

use std::collections::BTreeSet;

use async_trait::async_trait;
use thiserror::Error;

use super::file::FileRange;
use super::stream::{ByteStream, SourceError};
use super::verified::VerifiedBytes;
use crate::domain::digest::Digest;
use crate::domain::manifest::Descriptor;
use crate::domain::name::{Image, RepositoryName};

/// Content that a repair needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, where a descriptor gives one.
    pub size: Option<u64>,
    /// Whether it is a manifest; registries serve those from another endpoint.
    pub is_manifest: bool,
    /// The repositories that need it: where to ask in a registry.
    pub repositories: Vec<RepositoryName>,
    /// The images that need it: what to look for in an archive, and for messages.
    pub images: Vec<Image>,
}

impl Wanted {
    /// A blob of which nothing else is known.
    #[must_use]
    pub const fn blob(digest: Digest, size: Option<u64>) -> Self {
        Self { digest, size, is_manifest: false, repositories: Vec::new(), images: Vec::new() }
    }

    /// A manifest of which nothing else is known.
    #[must_use]
    pub fn manifest(digest: Digest, size: Option<u64>) -> Self {
        Self { is_manifest: true, ..Self::blob(digest, size) }
    }

    /// The same, needed in `repository`.
    #[must_use]
    pub fn in_repository(mut self, repository: RepositoryName) -> Self {
        self.repositories.push(repository);
        self
    }

    /// The same, needed by `image`.
    #[must_use]
    pub fn for_image(mut self, image: Image) -> Self {
        self.images.push(image);
        self
    }

    /// Every repository in which it may be found, each once.
    #[must_use]
    pub fn places(&self) -> Vec<&RepositoryName> {
        let mut places: Vec<&RepositoryName> = Vec::new();
        for place in self.repositories.iter().chain(self.images.iter().map(|image| &image.repository)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

/// What a source says it has. Only its bytes prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes, where the source says so.
    pub size: Option<u64>,
    /// The media type that the source gives.
    pub media_type: Option<String>,
}

/// How sure a source is that what it has is the image that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It names the repository and the tag, or the digest was asked for.
    Exact,
    /// It names the tag only: the repository is the caller's guess. Not enough to restore a tag.
    TagOnly,
}

/// What an image consists of, as a source tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageContent {
    /// The manifest that the image's name stands for.
    pub root: Digest,
    /// How sure the source is that this is the image.
    pub naming: Naming,
    /// All its manifests that the source has, the root first, each once.
    pub manifests: Vec<Descriptor>,
    /// Configs and layers, each once. That the source has them too is not said.
    pub blobs: Vec<Descriptor>,
    /// Manifests that an index names and the source could not give, with the reason.
    pub missing: Vec<(Descriptor, String)>,
}

/// One place that bytes can come from. It is never trusted: see [`VerifiedBytes`].
#[async_trait]
pub trait Source: Send + Sync {
    /// What it is, for people: `oci:/backup/app`, `docker://mirror.example`. No secrets.
    fn location(&self) -> String;

    /// Ask whether it has the content, cheaply. A registry may claim what it lacks.
    ///
    /// # Errors
    /// [`SourceError::Absent`] and [`SourceError::NotReproducible`] tell "looked, and it is not there" from every other failure.
    async fn find(&self, wanted: &Wanted) -> Result<Found, SourceError>;

    /// Read the content from `offset` on. The bytes are not checked.
    ///
    /// # Errors
    /// As [`Source::find`]; what breaks later comes as the stream's last item.
    async fn open(&self, wanted: &Wanted, offset: u64) -> Result<ByteStream, SourceError>;

    /// The content as a local file that can be read more than once, so that it need not be copied first.
    /// `None` where the medium allows only [`Source::open`].
    ///
    /// # Errors
    /// As [`Source::find`].
    async fn local(&self, _wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        Ok(None)
    }

    /// Read a manifest: at most 4 MiB, and hashed.
    ///
    /// # Errors
    /// As [`Source::find`], and when the bytes are not what the digest says.
    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, SourceError>;

    /// What `image` consists of, all the way down: for suspects, and for restoring manifests and tags.
    ///
    /// # Errors
    /// [`SourceError::NoSuchImage`] where the source has no such image, [`SourceError::Nameless`] where
    /// it keeps no names and cannot tell.
    async fn content(&self, image: &Image) -> Result<ImageContent, SourceError>;
}

/// Content that a source says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The source's [`Source::location`].
    pub location: String,
    /// What it says.
    pub found: Found,
}

/// All the sources of a run, tried in order: what the executor takes bytes from.
#[async_trait]
pub trait Supply: Send + Sync {
    /// From now on, take none of this from the registry's own storage: it would offer the very files that are to be
    /// replaced.
    fn distrust(&self, bad: BTreeSet<Digest>);

    /// The first source that says it has the content.
    ///
    /// # Errors
    /// When none has; why, for each.
    async fn find(&self, wanted: &Wanted) -> Result<Sighting, Shortage>;

    /// Fetch the content from the first source whose bytes are right.
    ///
    /// # Errors
    /// When none has them; why, for each.
    async fn fetch(&self, wanted: &Wanted) -> Result<VerifiedBytes, Shortage>;

    /// Read a manifest from the first source whose bytes are right.
    ///
    /// # Errors
    /// When none has it; why, for each.
    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, Shortage>;

    /// What `image` consists of according to each source that knows it.
    async fn contents(&self, image: &Image) -> Vec<(String, Result<ImageContent, SourceError>)>;
}

/// No source could give what was wanted.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct Shortage {
    /// What was wanted, in words.
    pub wanted: String,
    /// Each source that was tried, in order, and why it did not do.
    pub tried: Vec<(String, SourceError)>,
}

impl Shortage {
    fn text(&self) -> String {
        if self.tried.is_empty() {
            return format!("nothing gives {}: there is no source", self.wanted);
        }
        let reasons: Vec<_> = self.tried.iter().map(|(_, error)| error.with_causes()).collect();
        format!("no source gives {}: {}", self.wanted, reasons.join("; "))
    }
}
