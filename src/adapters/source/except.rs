//! A source some of whose content is known to be bad.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use crate::domain::digest::Digest;
use crate::domain::name::Image;
use crate::engine::ports::{ByteStream, FileRange, Found, ImageContent, Source, SourceError, Wanted};

/// A source that does not offer some of what it has: the registry's own storage would offer the very file
/// that is to be replaced.
pub(super) struct Except {
    inner: Box<dyn Source>,
    without: Arc<RwLock<BTreeSet<Digest>>>,
}

impl Except {
    /// `inner` without these, whichever they are by the time it is asked.
    pub(super) fn new(inner: Box<dyn Source>, without: Arc<RwLock<BTreeSet<Digest>>>) -> Self {
        Self { inner, without }
    }

    fn admit(&self, wanted: &Wanted) -> Result<(), SourceError> {
        if !self.without.read().unwrap_or_else(PoisonError::into_inner).contains(&wanted.digest) {
            return Ok(());
        }
        let what = format!("{} whole", wanted.digest);
        Err(SourceError::Absent { location: self.inner.location(), what })
    }
}

#[async_trait]
impl Source for Except {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, SourceError> {
        self.admit(wanted)?;
        self.inner.find(wanted).await
    }

    async fn open(&self, wanted: &Wanted, offset: u64) -> Result<ByteStream, SourceError> {
        self.admit(wanted)?;
        self.inner.open(wanted, offset).await
    }

    async fn local(&self, wanted: &Wanted) -> Result<Option<FileRange>, SourceError> {
        self.admit(wanted)?;
        self.inner.local(wanted).await
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, SourceError> {
        self.admit(wanted)?;
        self.inner.manifest(wanted).await
    }

    async fn content(&self, image: &Image) -> Result<ImageContent, SourceError> {
        self.inner.content(image).await
    }
}
