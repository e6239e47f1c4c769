//! Another registry as a source of bytes: the same client, with its authentication, trust and attempts.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_RANGE};
use reqwest::{Method, Response, StatusCode};
use std::time::Duration;

use super::auth::Scope;
use super::connection::Connection;
use super::download::{self, Opened};
use super::fault::{self, Fault};
use super::listing;
use super::reading::said;
use super::transport::{Ask, Reply, Silence};
use super::write::HttpWriter;
use crate::adapters::source::{Fetch, OpenedBlob};
use crate::domain::digest::Digest;
use crate::domain::manifest::MANIFEST_MEDIA_TYPES;
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::domain::views::served::Answer;
use crate::engine::ports::{ByteStream, Found, RegistryError, RegistryWriter as _, SourceError, WriteError};

/// Fetches from a registry.
#[derive(Clone)]
pub struct HttpFetch {
    client: HttpWriter,
}

impl HttpFetch {
    /// A client for `connection`. No request is sent yet.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn new(connection: &Connection) -> Result<Self, RegistryError> {
        HttpWriter::new(connection).map(|client| Self { client })
    }

    async fn head(&self, ask: Ask) -> Result<Option<Found>, SourceError> {
        let reply = match self.client.transport.ask(&ask).await {
            Ok(reply) => reply,
            Err(silence) => return Err(silent(ask.shown(), &silence)),
        };
        match reply.status.as_u16() {
            200..300 => Ok(Some(Found {
                size: reply.length(),
                media_type: reply.header("content-type").map(str::to_owned),
            })),
            // The object store may have it: only its bytes tell.
            302 | 303 | 307 => Ok(Some(Found { size: None, media_type: None })),
            404 => Ok(None),
            _ => Err(judged(ask.shown(), &reply)),
        }
    }
}

fn silent(asked: String, silence: &Silence) -> SourceError {
    broken(asked, silence.words(), silence.fault.is_passing())
}

/// What may work at another time is worth another attempt.
fn broken(asked: String, said: String, is_passing: bool) -> SourceError {
    if is_passing { SourceError::Interrupted { asked, said } } else { SourceError::Refused { asked, said } }
}

fn judged(asked: String, reply: &Reply) -> SourceError {
    broken(asked, said(reply), is_passing(reply.status.as_u16()))
}

const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

fn of_error(error: WriteError) -> SourceError {
    let asked = format!("{} {}", error.method, error.url);
    let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let passing = error.status.is_none_or(is_passing);
    broken(asked, format!("{}{hint}", error.why), passing)
}

/// Where a partial answer begins: what `Content-Range: bytes 5-9/10` says, else what was asked for.
fn first_byte(response: &Response, offset: u64) -> u64 {
    if response.status() == StatusCode::OK {
        return 0;
    }
    let said = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let start = said.and_then(|said| said.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok());
    start.unwrap_or(offset)
}

/// The body in pieces; silence for so long ends it. After an error nothing follows.
fn pieces(asked: String, response: Response, patience: Duration) -> ByteStream {
    let next = move |response: Option<Response>| {
        let asked = asked.clone();
        async move {
            let mut response = response?;
            let tls = response.url().scheme() == "https";
            let said = match tokio::time::timeout(patience, response.chunk()).await {
                Ok(Ok(Some(bytes))) => return Some((Ok(bytes), Some(response))),
                Ok(Ok(None)) => return None,
                Ok(Err(error)) if fault::is_cut(&error) => "the body was cut".into(),
                Ok(Err(error)) => Fault::diagnose(&error, tls).why,
                Err(_) => "no more bytes came within the time limit".into(),
            };
            Some((Err(SourceError::Interrupted { asked, said }), None))
        }
    };
    stream::unfold(Some(response), next).boxed()
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn tags(&self, repository: &RepositoryName) -> Result<Option<Vec<Tag>>, SourceError> {
        let asked = listing::tags(&self.client.transport, repository).await;
        match asked.answer {
            Answer::Yes(tags) => Ok(Some(tags)),
            Answer::No(_) => Ok(None),
            Answer::Broken(said) | Answer::Unknown(said) => {
                Err(SourceError::Refused { asked: asked.exchange.asked, said })
            }
        }
    }

    async fn head_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        let url = self.client.transport.address.blob(repository, digest);
        self.head(Ask::new(Method::HEAD, url, Scope::Pull(repository.to_string()))).await
    }

    async fn head_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        let url = self.client.transport.address.manifest(repository, &digest.to_string());
        let ask = Ask::new(Method::HEAD, url, Scope::Pull(repository.to_string()));
        self.head(ask.header(ACCEPT, &MANIFEST_MEDIA_TYPES.join(", "))).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Bytes>, SourceError> {
        match self.client.fetch_manifest(repository, reference).await {
            Ok(manifest) => Ok(Some(manifest.bytes.into())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(of_error(error)),
        }
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        offset: u64,
    ) -> Result<Option<OpenedBlob>, SourceError> {
        let url = self.client.transport.address.blob(repository, digest);
        let asked = Ask::new(Method::GET, url, Scope::Pull(repository.to_string())).shown();
        let opened = download::open(&self.client, repository, digest, offset).await;
        let opened = opened.map_err(|fault| broken(asked.clone(), fault.why.clone(), fault.is_passing()))?;
        let response = match opened {
            Opened::Body(response) => response,
            Opened::Refused(reply) => {
                return match reply.status.as_u16() {
                    404 => Ok(None),
                    // The range begins at the end, so nothing is left of it.
                    416 => Ok(Some(OpenedBlob { start: offset, stream: stream::empty().boxed() })),
                    _ => Err(judged(asked, &reply)),
                };
            }
        };
        let start = first_byte(&response, offset);
        if start > offset {
            let said = format!("it begins at byte {start}, and byte {offset} was asked for");
            return Err(SourceError::Refused { asked, said });
        }
        let stream = pieces(asked, response, self.client.transport.timeout);
        Ok(Some(OpenedBlob { start, stream }))
    }
}
