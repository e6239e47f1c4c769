//! What local sources have in common: a digest becomes a part of a file.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::content;
use crate::domain::digest::Digest;
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::domain::name::Image;
use crate::engine::ports::{
    ByteStream, FileRange, Found, Hasher, ImageContent, Naming, Source, SourceError, Wanted,
};

/// A place where content lies in files. Blocking; called from threads that may block.
pub(super) trait ContentStore: Send + Sync + 'static {
    /// The spec as given.
    fn location(&self) -> String;

    /// The file that should hold the content, where there is one.
    fn look(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError>;

    /// What to say of content that is not there.
    fn absence(&self, wanted: &Wanted) -> SourceError {
        SourceError::Absent { location: self.location(), what: wanted.digest.to_string() }
    }

    /// The manifest that a tag stands for.
    fn resolve(&self, image: &Image) -> Result<(Digest, Naming), SourceError>;

    /// The error for sources that keep no names.
    fn nameless(&self, image: &Image, why: &'static str) -> SourceError {
        SourceError::Nameless { location: self.location(), image: image.clone(), why }
    }
}

/// A content store as a source.
pub(super) struct Local<S>(Arc<S>);

impl<S: ContentStore> Local<S> {
    pub(super) fn boxed(store: S) -> Box<dyn Source> {
        Box::new(Self(Arc::new(store)))
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&S) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let owned = Arc::clone(&self.0);
        let answer = tokio::task::spawn_blocking(move || question(&owned)).await;
        answer.unwrap_or_else(|error| {
            Err(SourceError::Unreadable { what: self.0.location(), source: io::Error::other(error) })
        })
    }

    async fn range(&self, wanted: &Wanted) -> Result<FileRange, SourceError> {
        let wanted = wanted.clone();
        self.ask(move |store| store.look(&wanted)?.ok_or_else(|| store.absence(&wanted))).await
    }
}

#[async_trait]
impl<S: ContentStore> Source for Local<S> {
    fn location(&self) -> String {
        self.0.location()
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, SourceError> {
        self.range(wanted).await.map(|range| Found { size: Some(range.size()), media_type: None })
    }

    async fn open(&self, wanted: &Wanted, offset: u64) -> Result<ByteStream, SourceError> {
        self.range(wanted).await.map(|range| range.stream(offset..u64::MAX))
    }

    async fn local(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        self.range(wanted).await.map(Some)
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, SourceError> {
        let range = self.range(wanted).await?;
        let (location, wanted) = (self.location(), wanted.clone());
        self.ask(move |_| check_manifest(&location, &wanted, range.read(MAX_MANIFEST_BYTES)?)).await
    }

    async fn content(&self, image: &Image) -> Result<ImageContent, SourceError> {
        let named = image.clone();
        let (root, naming) = self.ask(move |store| content::root(&named, |tag| store.resolve(tag))).await?;
        content::walk(self, image, root, naming).await
    }
}

/// Take the bytes of a manifest if they are what was wanted.
pub(super) fn check_manifest(
    location: &str,
    wanted: &Wanted,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, SourceError> {
    let (digest, got) = (wanted.digest, bytes.len() as u64);
    let location = || location.to_owned();
    if let Some(wanted) = wanted.size.filter(|size| *size != got) {
        return Err(SourceError::WrongSize { location: location(), digest, wanted, got });
    }
    let actual = Hasher::of(digest.algorithm(), &bytes);
    if actual != digest {
        return Err(SourceError::WrongBytes { location: location(), digest, actual });
    }
    Ok(bytes)
}
