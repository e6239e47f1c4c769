//! Another registry as a source.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt, stream};

use super::content;
use super::content_store::check_manifest;
use super::remote::Remote;
use crate::domain::digest::Algorithm;
use crate::domain::name::{Image, NameError, Reference, RepositoryName};
use crate::engine::ports::{ByteStream, Found, Hasher, ImageContent, Naming, Source, SourceError, Wanted};

/// `docker://HOST[/PREFIX]`: every repository of ours is looked for under the same name, behind the prefix.
pub(super) struct DockerSource {
    location: String,
    prefix: Option<RepositoryName>,
    remote: Remote,
}

impl DockerSource {
    /// The registry at `remote`; `location` is the spec as given.
    pub(super) const fn new(location: String, prefix: Option<RepositoryName>, remote: Remote) -> Self {
        Self { location, prefix, remote }
    }

    fn there(&self, repository: &RepositoryName) -> Result<RepositoryName, SourceError> {
        let Some(prefix) = &self.prefix else { return Ok(repository.clone()) };
        let name = format!("{prefix}/{repository}");
        name.parse().map_err(|_too_long: NameError| SourceError::Absent {
            location: self.location.clone(),
            what: format!("the repository `{name}`: no registry can, the name is too long"),
        })
    }

    /// The names there of every repository that may have the content.
    fn places(&self, wanted: &Wanted) -> Result<Vec<RepositoryName>, SourceError> {
        wanted.places().into_iter().map(|place| self.there(place)).collect()
    }

    fn absent(&self, wanted: &Wanted) -> SourceError {
        let places: Vec<_> = wanted.places().iter().map(|place| format!("`{place}`")).collect();
        let what = match places.as_slice() {
            [] => format!("{} anywhere: no repository is known to need it", wanted.digest),
            places => format!("{} in {}", wanted.digest, places.join(", ")),
        };
        SourceError::Absent { location: self.location.clone(), what }
    }
}

/// Asking in one repository after the other.
#[derive(Default)]
struct Hunt {
    failed: Option<SourceError>,
}

impl Hunt {
    /// What an answer brings; why the first that failed did so is kept.
    fn take<T>(&mut self, answer: Result<Option<T>, SourceError>) -> Option<T> {
        match answer {
            Ok(found) => found,
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    /// What to say when no repository has it.
    fn end(self, source: &DockerSource, wanted: &Wanted) -> SourceError {
        self.failed.unwrap_or_else(|| source.absent(wanted))
    }
}

/// The stream behind its first `count` bytes.
fn behind(stream: ByteStream, count: u64) -> ByteStream {
    let skip = move |left: &mut u64, piece: Result<Bytes, SourceError>| {
        let piece = piece.map(|mut piece| {
            let cut = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
            *left -= cut as u64;
            piece.split_off(cut)
        });
        ready(Some(piece))
    };
    stream.scan(count, skip).filter(|piece| ready(!matches!(piece, Ok(piece) if piece.is_empty()))).boxed()
}

#[async_trait]
impl Source for DockerSource {
    fn location(&self) -> String {
        self.location.clone()
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, SourceError> {
        let mut hunt = Hunt::default();
        for repository in self.places(wanted)? {
            let answer = if wanted.is_manifest {
                self.remote.head_manifest(&repository, &wanted.digest).await
            } else {
                self.remote.head_blob(&repository, &wanted.digest).await
            };
            if let Some(found) = hunt.take(answer) {
                return Ok(found);
            }
        }
        Err(hunt.end(self, wanted))
    }

    async fn open(&self, wanted: &Wanted, offset: u64) -> Result<ByteStream, SourceError> {
        if wanted.is_manifest {
            let bytes = self.manifest(wanted).await?;
            return Ok(behind(stream::iter([Ok(bytes.into())]).boxed(), offset));
        }
        let mut hunt = Hunt::default();
        for repository in self.places(wanted)? {
            let answer = self.remote.blob(&repository, &wanted.digest, offset).await;
            if let Some(opened) = hunt.take(answer) {
                return Ok(behind(opened.stream, offset.saturating_sub(opened.start)));
            }
        }
        Err(hunt.end(self, wanted))
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, SourceError> {
        let reference = Reference::Digest(wanted.digest);
        let mut hunt = Hunt::default();
        for repository in self.places(wanted)? {
            let answer = self.remote.manifest(&repository, &reference).await;
            if let Some(bytes) = hunt.take(answer) {
                return check_manifest(&self.location, wanted, bytes.into());
            }
        }
        Err(hunt.end(self, wanted))
    }

    async fn content(&self, image: &Image) -> Result<ImageContent, SourceError> {
        let (root, naming) = match &image.reference {
            Reference::Digest(digest) => (*digest, Naming::Exact),
            Reference::Tag(_) => {
                let repository = self.there(&image.repository)?;
                let found = self.remote.manifest(&repository, &image.reference).await?;
                let no_such = || SourceError::NoSuchImage { location: self.location(), image: image.clone() };
                let bytes = found.ok_or_else(no_such)?;
                (Hasher::of(Algorithm::Sha256, &bytes), Naming::Exact)
            }
        };
        content::walk(self, image, root, naming).await
    }
}
