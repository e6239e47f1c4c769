//! A plain way to ask another registry: no tokens, only a user and a password where the server wants them.

use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LINK, RANGE};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::docker::{Fetch, Opened};
use crate::domain::digest::Digest;
use crate::domain::manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES};
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::engine::ports::{Found, SourceError};

/// How much of an error's body is shown.
const SHOWN: usize = 300;
/// No page of a list is larger.
const MAX_LIST_BYTES: u64 = 16 << 20;
/// No repository has more pages of tags.
const MAX_PAGES: usize = 10_000;

/// How to reach a registry.
#[derive(Clone, Default)]
pub struct PlainOptions {
    /// Over http instead of https.
    pub plain_http: bool,
    /// A user and a password, sent as `Basic`.
    pub credentials: Option<(String, SecretString)>,
}

/// Asks over HTTP.
pub struct PlainFetch {
    client: Client,
    base: String,
    credentials: Option<(String, SecretString)>,
}

impl PlainFetch {
    /// The registry at `authority` (`host` or `host:port`). The client's timeouts and trust are its own;
    /// it must follow redirects and not decompress.
    #[must_use]
    pub fn new(client: Client, authority: &str, options: PlainOptions) -> Self {
        let scheme = if options.plain_http { "http" } else { "https" };
        Self { client, base: format!("{scheme}://{authority}/v2"), credentials: options.credentials }
    }

    /// Send one request; `None` is a 404.
    async fn ask(
        &self,
        method: Method,
        url: String,
        headers: &[(reqwest::header::HeaderName, String)],
    ) -> Result<Option<Response>, SourceError> {
        let asked = format!("{method} {url}");
        let mut request = self.client.request(method, &url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((user, password)) = &self.credentials {
            request = request.basic_auth(user, Some(password.expose_secret()));
        }
        match request.send().await {
            Ok(response) => judge(asked, response).await,
            Err(error) => Err(broken(asked, error)),
        }
    }

    fn blob_url(&self, repository: &RepositoryName, digest: &Digest) -> String {
        format!("{}/{repository}/blobs/{digest}", self.base)
    }

    fn manifest_url(&self, repository: &RepositoryName, reference: &Reference) -> String {
        format!("{}/{repository}/manifests/{reference}", self.base)
    }

    async fn head(
        &self,
        url: String,
        headers: &[(reqwest::header::HeaderName, String)],
    ) -> Result<Option<Found>, SourceError> {
        let response = self.ask(Method::HEAD, url, headers).await?;
        Ok(response.map(|response| {
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            Found {
                size: header(CONTENT_LENGTH).and_then(|size| size.parse().ok()),
                media_type: header(CONTENT_TYPE).map(str::to_owned),
            }
        }))
    }
}

/// Errors of the transport: what broke may work again, what cannot be a request never will.
fn broken(asked: String, error: reqwest::Error) -> SourceError {
    let hopeless = error.is_builder() || error.is_redirect();
    let error = error.without_url();
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    if hopeless { SourceError::Refused { asked, said } } else { SourceError::Interrupted { asked, said } }
}

async fn judge(asked: String, response: Response) -> Result<Option<Response>, SourceError> {
    let status = response.status();
    // 416: the range begins at the end, so nothing is left of it.
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(Some(response));
    }
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let said = format!("{status} {}", start(response).await);
    let said = said.trim().to_owned();
    if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        Err(SourceError::Interrupted { asked, said })
    } else {
        Err(SourceError::Refused { asked, said })
    }
}

/// The start of a body, printable, in one line.
async fn start(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > SHOWN {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The whole body, where it has at most `limit` bytes.
async fn body(asked: String, mut response: Response, limit: u64) -> Result<Bytes, SourceError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(asked.clone(), error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            let said = format!("the body has more than {} MiB", limit >> 20);
            return Err(SourceError::Refused { asked, said });
        }
    }
    Ok(bytes.freeze())
}

#[derive(Deserialize)]
struct TagList {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// The page that `Link: </v2/…?last=x&n=1>; rel="next"` names, on the same server only.
fn next_page(response: &Response) -> Option<String> {
    let link = response.headers().get(LINK)?.to_str().ok()?;
    let target = link.strip_prefix('<')?.split_once('>')?.0;
    let next = response.url().join(target).ok()?;
    (next.origin() == response.url().origin()).then(|| next.to_string())
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

#[async_trait]
impl Fetch for PlainFetch {
    async fn head_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        self.head(self.blob_url(repository, digest), &[]).await
    }

    async fn head_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        let url = self.manifest_url(repository, &Reference::Digest(*digest));
        self.head(url, &[(ACCEPT, MANIFEST_MEDIA_TYPES.join(", "))]).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Bytes>, SourceError> {
        let url = self.manifest_url(repository, reference);
        let asked = format!("GET {url}");
        let accept = [(ACCEPT, MANIFEST_MEDIA_TYPES.join(", "))];
        let Some(response) = self.ask(Method::GET, url, &accept).await? else { return Ok(None) };
        body(asked, response, MAX_MANIFEST_BYTES).await.map(Some)
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Option<Vec<Tag>>, SourceError> {
        let mut tags = Vec::new();
        let mut url = format!("{}/{repository}/tags/list", self.base);
        for _ in 0..MAX_PAGES {
            let asked = format!("GET {url}");
            let Some(response) = self.ask(Method::GET, url, &[]).await? else { return Ok(None) };
            let next = next_page(&response);
            let list = body(asked.clone(), response, MAX_LIST_BYTES).await?;
            let list: TagList = serde_json::from_slice(&list)
                .map_err(|error| SourceError::Refused { asked, said: format!("no list of tags: {error}") })?;
            tags.extend(list.tags.iter().flatten().filter_map(|tag| tag.parse().ok()));
            let Some(next) = next else { return Ok(Some(tags)) };
            url = next;
        }
        let said = format!("its list of tags has more than {MAX_PAGES} pages");
        Err(SourceError::Refused { asked: format!("GET {url}"), said })
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        offset: u64,
    ) -> Result<Option<Opened>, SourceError> {
        let url = self.blob_url(repository, digest);
        let asked = format!("GET {url}");
        let range = [(RANGE, format!("bytes={offset}-"))];
        let headers = if offset > 0 { range.as_slice() } else { &[] };
        let Some(response) = self.ask(Method::GET, url, headers).await? else { return Ok(None) };
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Some(Opened { start: offset, stream: futures_util::stream::empty().boxed() }));
        }
        let start = first_byte(&response, offset);
        if start > offset {
            let said = format!("it begins at byte {start}, and byte {offset} was asked for");
            return Err(SourceError::Refused { asked, said });
        }
        let stream = response.bytes_stream().map_err(move |error| broken(asked.clone(), error)).boxed();
        Ok(Some(Opened { start, stream }))
    }
}

/// A client with which [`PlainFetch`] works: patient with bodies, impatient with hosts that do not answer.
///
/// # Errors
/// When TLS cannot be set up.
pub(super) fn client() -> Result<Client, io::Error> {
    // Fails where one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().connect_timeout(std::time::Duration::from_secs(10));
    builder.read_timeout(std::time::Duration::from_secs(60)).build().map_err(io::Error::other)
}
