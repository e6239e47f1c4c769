//! The registry's own storage in a bucket: links need bytes that are there.

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::content;
use super::content_store::check_manifest;
use crate::adapters::bucket::BucketStorage;
use crate::domain::layout::LinkPlace;
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::domain::name::{Image, Reference};
use crate::domain::observed::Observed;
use crate::domain::views::storage::TagTarget;
use crate::engine::ports::{
    ByteStream, Found, ImageContent, Naming, Source, SourceError, Storage as _, Wanted,
};

/// The blobs of a registry in a bucket.
pub struct BucketSource(BucketStorage);

impl BucketSource {
    /// Those of this storage.
    #[must_use]
    pub const fn new(storage: BucketStorage) -> Self {
        Self(storage)
    }

    /// Ask where blocking is allowed.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BucketStorage) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let storage = self.0.clone();
        let broken = |error| self.unreadable(std::io::Error::other(error));
        tokio::task::spawn_blocking(move || question(&storage)).await.map_err(broken)?
    }

    fn unreadable(&self, source: std::io::Error) -> SourceError {
        SourceError::Unreadable { what: self.location(), source }
    }
}

/// What was seen, or why it was not.
fn seen<T>(storage: &BucketStorage, what: &str, seen: Observed<T>) -> Result<T, SourceError> {
    match seen {
        Observed::Present(thing) => Ok(thing),
        Observed::Absent => Err(SourceError::Absent { location: location(storage), what: what.to_owned() }),
        Observed::Unknown(why) => Err(SourceError::Unreadable {
            what: format!("{what} in {}", location(storage)),
            source: std::io::Error::other(why.to_string()),
        }),
    }
}

fn location(storage: &BucketStorage) -> String {
    format!("storage:{}", storage.location())
}

#[async_trait]
impl Source for BucketSource {
    fn location(&self) -> String {
        location(&self.0)
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, SourceError> {
        let digest = wanted.digest;
        let file = self.ask(move |storage| seen(storage, &digest.to_string(), storage.blob(&digest))).await?;
        Ok(Found { size: Some(file.size), media_type: None })
    }

    async fn open(&self, wanted: &Wanted, offset: u64) -> Result<ByteStream, SourceError> {
        self.find(wanted).await?;
        let (storage, digest) = (self.0.clone(), wanted.digest);
        let parts = stream::try_unfold(offset, move |from| {
            let own = Self(storage.clone());
            async move {
                let part = own.ask(move |storage| {
                    storage.blob_part(&digest, from).map_err(|fault| SourceError::Unreadable {
                        what: location(storage),
                        source: std::io::Error::other(fault),
                    })
                });
                let part = part.await?;
                let next = from + part.len() as u64;
                Ok((!part.is_empty()).then_some((part, next)))
            }
        });
        Ok(parts.boxed())
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, SourceError> {
        let digest = wanted.digest;
        let read = move |storage: &BucketStorage| {
            seen(storage, &digest.to_string(), storage.read(&digest, MAX_MANIFEST_BYTES))
        };
        check_manifest(&self.location(), wanted, self.ask(read).await?)
    }

    async fn content(&self, image: &Image) -> Result<ImageContent, SourceError> {
        let root = match &image.reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => {
                let (named, name, tag) = (image.clone(), image.repository.clone(), tag.clone());
                let no_such = move |storage: &BucketStorage| SourceError::NoSuchImage {
                    location: location(storage),
                    image: named,
                };
                let target = self.ask(move |storage| match storage.tag(&name, &tag) {
                    Observed::Present(TagTarget::Digest(digest)) => Ok(digest),
                    Observed::Present(_) | Observed::Absent => Err(no_such(storage)),
                    Observed::Unknown(_) => {
                        seen(storage, LinkPlace::Tag(tag).to_string().as_str(), Observed::Absent)
                    }
                });
                target.await?
            }
        };
        content::walk(self, image, root, Naming::Exact).await
    }
}
