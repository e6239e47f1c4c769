//! A run that is stopped: what was asked is kept, nothing more is asked.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::AsyncWrite;
use tokio::sync::watch;

use super::ports::{Downloaded, RawManifest, RegistryReader, RequestError};
use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::domain::observed::Thing;
use crate::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, Exchange, ServedManifest};
use crate::domain::views::storage::HashedBlob;

/// Why a question was not asked any more.
const WHY: &str = "interrupted: the rest was not asked";

/// A registry that is asked nothing more once the flag is set; questions under way are given up.
pub struct Interruptible {
    inner: Arc<dyn RegistryReader>,
    stop: watch::Receiver<bool>,
    /// At which of several addresses of one name it is asked.
    at: Option<IpAddr>,
}

impl Interruptible {
    /// Ask `inner` until `stop` says so.
    #[must_use]
    pub fn new(inner: Arc<dyn RegistryReader>, stop: watch::Receiver<bool>) -> Self {
        Self { inner, stop, at: None }
    }

    /// Say with every answer at which address it was asked for: the URL is that of all replicas.
    #[must_use]
    pub fn at(self, address: IpAddr) -> Self {
        Self { at: Some(address), ..self }
    }

    fn noted(&self, asked: String) -> String {
        match self.at {
            Some(address) => format!("{asked} at {address}"),
            None => asked,
        }
    }

    /// The answer, or `None` where the run was stopped before it came.
    async fn unless_stopped<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop.clone();
        let stopped = async move {
            if stop.wait_for(|stop| *stop).await.is_err() {
                // Nobody is left who could stop us.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => None,
            answer = answer => Some(answer),
        }
    }

    async fn fetch<T>(
        &self,
        transfer: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let stopped = || Err(RequestError::new("GET", &self.location(), WHY));
        self.unless_stopped(transfer).await.unwrap_or_else(stopped)
    }

    async fn ask<T>(&self, question: impl Future<Output = Asked<Answer<T>>>) -> Asked<Answer<T>> {
        let stopped = || Asked {
            answer: Answer::Unknown(WHY.into()),
            // The same for all of them, so that a report says it once.
            exchange: Exchange {
                asked: Thing::side(self.inner.location()),
                said: "interrupted".into(),
                at: Timestamp::now(),
            },
        };
        let mut asked = self.unless_stopped(question).await.unwrap_or_else(stopped);
        if let Some(address) = self.at {
            asked.exchange.asked = asked.exchange.asked.at(&address.to_string());
        }
        asked
    }
}

#[async_trait]
impl RegistryReader for Interruptible {
    fn location(&self) -> String {
        self.noted(self.inner.location())
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }

    fn to_the_end(&self) -> Option<Arc<dyn RegistryReader>> {
        Some(Arc::clone(&self.inner))
    }

    async fn ping(&self) -> Result<(), RequestError> {
        self.fetch(self.inner.ping()).await
    }

    async fn is_pull_through(&self, repository: &RepositoryName) -> Option<bool> {
        self.unless_stopped(self.inner.is_pull_through(repository)).await.unwrap_or_default()
    }

    async fn is_of_2(&self, repository: &RepositoryName) -> Option<bool> {
        self.unless_stopped(self.inner.is_of_2(repository)).await.unwrap_or_default()
    }

    async fn catalog(&self) -> Asked<Answer<Vec<RepositoryName>>> {
        self.ask(self.inner.catalog()).await
    }

    async fn tags(&self, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
        self.ask(self.inner.tags(repository)).await
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Answer<ServedManifest>> {
        self.ask(self.inner.resolve(repository, tag)).await
    }

    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        self.ask(self.inner.manifest(repository, digest)).await
    }

    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<Claim>> {
        self.ask(self.inner.head_blob(repository, digest)).await
    }

    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Answer<Delivery>> {
        self.ask(self.inner.byte(repository, digest, at)).await
    }

    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<HashedBlob>> {
        self.ask(self.inner.hash_blob(repository, digest)).await
    }

    async fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        self.ask(self.inner.referrers(repository, digest)).await
    }

    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
        let stopped = || vec![Belief::Unknown(WHY.into()); suspects.len()];
        self.unless_stopped(self.inner.probe_manifests(repository, suspects)).await.unwrap_or_else(stopped)
    }

    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, RequestError> {
        self.fetch(self.inner.fetch_manifest(repository, reference)).await
    }

    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, RequestError> {
        self.fetch(self.inner.fetch_blob(repository, digest, sink)).await
    }
}
