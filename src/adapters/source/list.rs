//! All the sources of a run, in the order in which they were given.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::except::Except;
use super::fetch::{FetchRetries, fetch_verified};
use crate::adapters::files::PrivateFolder;
use crate::domain::digest::Digest;
use crate::domain::name::Image;
use crate::engine::ports::{
    ImageContent, Shortage, Sighting, Source, SourceError, Supply, VerifiedBytes, Wanted,
};

/// Tries each source in turn, and remembers why each failed.
#[derive(Default)]
pub struct SourceList {
    sources: Vec<Box<dyn Source>>,
    /// Where it is wanted: no source at all needs none.
    spool: Option<PrivateFolder>,
    patience: FetchRetries,
    /// What is not taken from the registry's own storage.
    bad: Arc<RwLock<BTreeSet<Digest>>>,
}

impl SourceList {
    /// These sources; what comes over a network is spooled in the folder `spool`, and taken up again when it breaks.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source>>, spool: PrivateFolder, patience: FetchRetries) -> Self {
        Self { sources, spool: Some(spool), patience, ..Self::default() }
    }

    /// Before all others the registry's own storage: links need bytes that are there.
    #[must_use]
    pub fn with_own(mut self, own: Box<dyn Source>) -> Self {
        self.sources.insert(0, Box::new(Except::new(own, Arc::clone(&self.bad))));
        self
    }
}

/// What was tried so far, in vain.
#[derive(Default)]
struct Tried(Vec<(String, SourceError)>);

impl Tried {
    fn note<T>(&mut self, source: &dyn Source, answer: Result<T, SourceError>) -> Option<T> {
        answer.map_err(|error| self.0.push((source.location(), error))).ok()
    }

    fn shortage(self, wanted: &Wanted) -> Shortage {
        let what = if wanted.is_manifest { "manifest" } else { "blob" };
        Shortage { wanted: format!("the {what} {}", wanted.digest), tried: self.0 }
    }
}

#[async_trait]
impl Supply for SourceList {
    fn distrust(&self, bad: BTreeSet<Digest>) {
        *self.bad.write().unwrap_or_else(PoisonError::into_inner) = bad;
    }

    async fn find(&self, wanted: &Wanted) -> Result<Sighting, Shortage> {
        let mut tried = Tried::default();
        for source in self.sources.iter().map(AsRef::as_ref) {
            if let Some(found) = tried.note(source, source.find(wanted).await) {
                return Ok(Sighting { location: source.location(), found });
            }
        }
        Err(tried.shortage(wanted))
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<VerifiedBytes, Shortage> {
        let mut tried = Tried::default();
        for source in self.sources.iter().map(AsRef::as_ref) {
            let Some(spool) = &self.spool else { continue };
            let fetched = fetch_verified(source, wanted, spool, self.patience).await;
            if let Some(bytes) = tried.note(source, fetched) {
                return Ok(bytes);
            }
        }
        Err(tried.shortage(wanted))
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, Shortage> {
        let mut tried = Tried::default();
        for source in self.sources.iter().map(AsRef::as_ref) {
            if let Some(bytes) = tried.note(source, source.manifest(wanted).await) {
                return Ok(bytes);
            }
        }
        Err(tried.shortage(wanted))
    }

    async fn contents(&self, image: &Image) -> Vec<(String, Result<ImageContent, SourceError>)> {
        let mut contents = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            contents.push((source.location(), source.content(image).await));
        }
        contents
    }
}
