//! The requests that have an effect, and those that bring whole content.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, StatusCode};
use tokio::io::AsyncWrite;
use url::Url;

use super::auth::Scope;
use super::connection::Connection;
use super::digesting;
use super::probe::settings_error;
use super::reading::{answered, cure, is_full, said};
use super::transport::{Ask, End, Reply, Silence, Take, Transport};
use super::wire::{self, printable};
use super::{download, upload};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES};
use crate::domain::name::{Reference, RepositoryName};
use crate::engine::ports::{
    ByteSource, Downloaded, Mounted, RawManifest, RegistryError, RegistryWriter, UploadSession, WriteError,
};

/// A registry that is written to over HTTP. Cheap to clone; clones share connections, rate and credentials.
#[derive(Clone)]
pub struct HttpWriter {
    pub(super) transport: Arc<Transport>,
    /// Its silence is watched by whoever moves the bytes: a time limit on the answer would be one on the upload.
    pub(super) streams: Client,
    pub(super) chunk: u64,
}

impl HttpWriter {
    /// A client for `connection`, whose scheme is settled ([`super::HttpRegistry::connect`] does that). No request is sent
    /// yet.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn new(connection: &Connection) -> Result<Self, RegistryError> {
        let client = connection.client().map_err(|fault| settings_error(connection, fault))?;
        Self::over(Arc::new(Transport::new(connection, client)), connection)
    }

    /// A client that shares connections, rate and credentials with one that asks.
    pub(super) fn over(transport: Arc<Transport>, connection: &Connection) -> Result<Self, RegistryError> {
        let streams = connection.transfer_client().map_err(|fault| settings_error(connection, fault))?;
        Ok(Self { transport, streams, chunk: connection.chunk.max(1 << 20) })
    }

    /// Ask, and take only one of `wanted` for an answer.
    pub(super) async fn ask(&self, ask: &Ask, wanted: &[u16]) -> Result<Reply, WriteError> {
        let reply = self.transport.ask(ask).await.map_err(|silence| unheard(ask, &silence))?;
        if wanted.contains(&reply.status.as_u16()) { Ok(reply) } else { Err(refused(ask, &reply)) }
    }

    /// The session that an answer opens or goes on with.
    pub(super) fn session(
        &self,
        ask: &Ask,
        repository: &RepositoryName,
        reply: &Reply,
    ) -> Result<UploadSession, WriteError> {
        let location = reply.header(LOCATION.as_str());
        let location = location.and_then(|location| self.transport.address.follow(&ask.url, location));
        let Some(location) = location else {
            let why = format!("{}, but without a Location to go on at", said(reply));
            return Err(failure(ask, Some(reply.status), why, reply.attempts));
        };
        let last =
            location.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default().to_owned();
        let id = reply.header("docker-upload-uuid").map_or(last, str::to_owned);
        Ok(UploadSession { repository: repository.clone(), id, location: location.into() })
    }

    /// A request about a session.
    pub(super) fn about(&self, method: Method, session: &UploadSession) -> Result<Ask, WriteError> {
        let scope = Scope::Push(session.repository.to_string());
        match Url::parse(&session.location) {
            Ok(url) => Ok(Ask::new(method, url, scope)),
            Err(error) => {
                let ask = Ask::new(method, self.transport.address.uploads(&session.repository), scope);
                Err(failure(&ask, None, format!("the session's location is no URL: {error}"), 0))
            }
        }
    }

    async fn delete(&self, url: Url, repository: &RepositoryName) -> Result<(), WriteError> {
        let ask = Ask::new(Method::DELETE, url, Scope::Delete(repository.to_string()));
        self.ask(&ask, &[202, 200, 204]).await.map(|_| ())
    }
}

/// An error about a request.
pub(super) fn failure(ask: &Ask, status: Option<StatusCode>, why: String, attempts: u32) -> WriteError {
    WriteError {
        method: ask.method.as_str().into(),
        url: super::address::shown(&ask.url).into(),
        status: status.map(|status| status.as_u16()),
        code: None,
        why,
        hint: None,
        attempts,
    }
}

/// No answer came.
pub(super) fn unheard(ask: &Ask, silence: &Silence) -> WriteError {
    let error = failure(ask, None, silence.fault.why.clone(), silence.attempts);
    WriteError { hint: silence.fault.hint.as_deref().map(Into::into), ..error }
}

const FULL: &str = "the registry's disk is full: make room there, by more than what is to be uploaded, and run this again; \
                    what came so far stays under `_uploads` until the registry purges it";

/// An answer came, and not the one that was needed.
pub(super) fn refused(ask: &Ask, reply: &Reply) -> WriteError {
    let error = wire::errors(&reply.body).and_then(|errors| errors.into_iter().next());
    let start = printable(&String::from_utf8_lossy(&reply.body), 160);
    let why = match error.as_ref().map(wire::WireError::trouble) {
        Some(Some(trouble)) => format!("{} ({trouble})", answered(reply)),
        Some(None) => answered(reply),
        None if start.is_empty() => answered(reply),
        None => format!("{}: `{start}`", answered(reply)),
    };
    let hint = if is_full(reply) { Some(FULL) } else { cure(reply) }.map(Into::into);
    let code = error.map(|error| Box::from(error.code));
    WriteError { code, hint, ..failure(ask, Some(reply.status), why, reply.attempts) }
}

#[async_trait]
impl RegistryWriter for HttpWriter {
    fn location(&self) -> String {
        self.transport.address.base().as_str().trim_end_matches('/').to_owned()
    }

    fn requests(&self) -> u64 {
        self.transport.limiter.sent()
    }

    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, WriteError> {
        let url = self.transport.address.uploads(repository);
        let ask = Ask::new(Method::POST, url, Scope::Push(repository.to_string()));
        let reply = self.ask(&ask, &[202]).await?;
        self.session(&ask, repository, &reply)
    }

    async fn upload_status(&self, session: &UploadSession) -> Result<u64, WriteError> {
        upload::status(self, session).await.map(|(offset, _)| offset)
    }

    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), WriteError> {
        let ask = self.about(Method::DELETE, session)?;
        self.ask(&ask, &[204, 202, 200]).await.map(|_| ())
    }

    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), WriteError> {
        upload::blob(self, repository, digest, source).await
    }

    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, WriteError> {
        let url = self.transport.address.manifest(repository, &reference.to_string());
        let mut ask =
            Ask::new(Method::PUT, url, Scope::Push(repository.to_string())).header(CONTENT_TYPE, media_type);
        ask.body = Bytes::copy_from_slice(bytes);
        let reply = self.ask(&ask, &[201, 200, 202]).await?;
        Ok(reply.header("docker-content-digest").and_then(|digest| digest.parse().ok()))
    }

    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), WriteError> {
        self.delete(self.transport.address.blob(repository, digest), repository).await
    }

    async fn delete_manifest(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), WriteError> {
        self.delete(self.transport.address.manifest(repository, &digest.to_string()), repository).await
    }

    async fn mount(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<Mounted, WriteError> {
        let mut url = self.transport.address.uploads(repository);
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from.as_str());
        let ask = Ask::new(Method::POST, url, Scope::Mount(repository.to_string(), from.to_string()));
        let reply = self.ask(&ask, &[201, 202]).await?;
        if reply.status == StatusCode::CREATED {
            return Ok(Mounted::Yes);
        }
        let session = self.session(&ask, repository, &reply)?;
        upload::abandon(self, &session).await;
        Ok(Mounted::No)
    }

    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, WriteError> {
        let url = self.transport.address.manifest(repository, &reference.to_string());
        let ask = Ask::new(Method::GET, url, Scope::Pull(repository.to_string()))
            .header(ACCEPT, &MANIFEST_MEDIA_TYPES.join(", "))
            .take(Take::Bytes(MAX_MANIFEST_BYTES));
        let reply = self.ask(&ask, &[200]).await?;
        let whole = match reply.end {
            End::Whole if !reply.is_web_page() => Ok(()),
            End::Whole => Err("a web page, not a manifest".to_owned()),
            End::Cut | End::Enough => Err("more than the 4 MiB that a manifest may have".to_owned()),
        };
        whole.map_err(|why| failure(&ask, Some(reply.status), why, reply.attempts))?;
        let algorithm = match reference {
            Reference::Digest(digest) => digest.algorithm(),
            Reference::Tag(_) => Algorithm::Sha256,
        };
        let media_type = reply.header(CONTENT_TYPE.as_str()).map(str::to_owned);
        let digest = digesting::of(algorithm, &reply.body);
        Ok(RawManifest { bytes: reply.body, media_type, digest })
    }

    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, WriteError> {
        download::blob(self, repository, digest, sink).await
    }
}
