//! The requests that have an effect.

mod session;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::client::{Client, HttpRequest, TokenScope};
use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName};
use crate::engine::ports::{ByteSource, RegistryWriter, RequestError, UploadSession};

/// A registry that is written to over HTTP.
pub(super) struct HttpWriter(pub(super) Arc<Client>);

impl HttpWriter {
    async fn delete(&self, url: Url, repository: &RepositoryName) -> Result<(), RequestError> {
        let request = HttpRequest::new(Method::DELETE, url, TokenScope::Delete(repository.to_string()));
        self.0.expect(&request, &[202, 200, 204]).await.map(|_| ())
    }
}

#[async_trait]
impl RegistryWriter for HttpWriter {
    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, RequestError> {
        session::start(&self.0, repository).await
    }

    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), RequestError> {
        session::cancel(&self.0, session).await
    }

    fn given_up(&self) -> Vec<UploadSession> {
        self.0.given_up.take()
    }

    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), RequestError> {
        upload::blob(&self.0, repository, digest, source).await
    }

    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, RequestError> {
        let url = self.0.address.manifest(repository, &reference.to_string());
        let scope = TokenScope::Push(repository.to_string());
        let body = Bytes::copy_from_slice(bytes);
        let request = HttpRequest {
            body,
            ..HttpRequest::new(Method::PUT, url, scope).header(CONTENT_TYPE, media_type)
        };
        let reply = self.0.expect(&request, &[201, 200, 202]).await?;
        Ok(reply.header("docker-content-digest").and_then(|digest| digest.parse().ok()))
    }

    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), RequestError> {
        self.delete(self.0.address.blob(repository, digest), repository).await
    }
}
