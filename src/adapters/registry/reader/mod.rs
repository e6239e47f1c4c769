//! The read-only questions.
//!
//! Probing sends no conditional header and follows no redirect: what is asked is what this daemon
//! believes, not what a cache or an object store knows.

mod answer;
mod belief;
mod blob;
mod download;
mod listing;
mod manifest;
pub(super) mod ping;
mod remote;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use tokio::io::AsyncWrite;

use super::client::{Client, HttpRequest};
use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, ServedManifest};
use crate::domain::views::storage::HashedBlob;
use crate::engine::ports::{Downloaded, RawManifest, RegistryReader, RequestError};

pub(crate) use answer::said;
#[cfg(any(test, fuzzing))]
pub(crate) use listing::{next_page, page_names};
pub(crate) use manifest::fetch as fetch_manifest;

/// A registry that is asked over HTTP.
pub(super) struct HttpReader(pub(super) Arc<Client>);

#[async_trait]
impl RegistryReader for HttpReader {
    fn location(&self) -> String {
        self.0.location()
    }

    fn requests(&self) -> u64 {
        self.0.requests()
    }

    async fn ping(&self) -> Result<(), RequestError> {
        ping::ping(&self.0).await
    }

    async fn is_pull_through(&self, repository: &RepositoryName) -> Option<bool> {
        remote::is_pull_through(&self.0, repository).await
    }

    async fn is_of_2(&self, repository: &RepositoryName) -> Option<bool> {
        remote::is_of_2(&self.0, repository).await
    }

    async fn catalog(&self) -> Asked<Answer<Vec<RepositoryName>>> {
        listing::catalog(&self.0).await
    }

    async fn tags(&self, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
        listing::tags(&self.0, repository).await
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Answer<ServedManifest>> {
        let request = self.0.of_manifest(Method::GET, repository, tag.as_str());
        manifest::ask(&self.0, request, None).await
    }

    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        let request = self.0.of_manifest(Method::GET, repository, &digest.to_string());
        manifest::ask(&self.0, request, Some(digest)).await
    }

    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<Claim>> {
        blob::head(&self.0, repository, digest).await
    }

    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Answer<Delivery>> {
        blob::byte(&self.0, repository, digest, at).await
    }

    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<HashedBlob>> {
        download::hash(&self.0, repository, digest).await
    }

    async fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        let url = self.0.address.referrers(repository, digest);
        let request = self.0.of_manifest(Method::GET, repository, &digest.to_string());
        manifest::ask(&self.0, HttpRequest { url, ..request }, None).await
    }

    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
        belief::probe(&self.0, repository, suspects).await
    }

    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, RequestError> {
        manifest::fetch(&self.0, repository, reference).await
    }

    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, RequestError> {
        download::fetch(&self.0, repository, digest, sink).await
    }
}
