//! Another registry, asked for bytes: the same client as the daemon's, with its authentication, trust and attempts.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use reqwest::Method;

use crate::adapters::registry::{
    Client, Connection, HttpReply, HttpRequest, Incoming, NoAnswer, Opened, UnusableSettings, fetch_manifest,
    said,
};
use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName};
use crate::engine::ports::{ByteStream, Found, RequestError, SourceError};

/// A blob that a registry began to send.
pub(super) struct OpenedBlob {
    /// At which byte the stream begins: 0 from a server that knows no ranges.
    pub start: u64,
    /// The bytes.
    pub stream: ByteStream,
}

/// A registry to take bytes from. `None` is its 404; where it is busy or broken the error is
/// [`SourceError::Interrupted`], where it says no [`SourceError::Refused`].
pub(super) struct Remote(Client);

impl Remote {
    /// The registry that `connection` leads to. No request is sent yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) fn new(connection: &Connection) -> Result<Self, UnusableSettings> {
        Client::new(connection).map(Self)
    }

    /// HEAD of a blob.
    pub(super) async fn head_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        self.head(self.0.of_blob(Method::HEAD, repository, digest)).await
    }

    /// HEAD of a manifest.
    pub(super) async fn head_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        self.head(self.0.of_manifest(Method::HEAD, repository, &digest.to_string())).await
    }

    async fn head(&self, request: HttpRequest) -> Result<Option<Found>, SourceError> {
        let reply = self.0.ask(&request).await.map_err(|no_answer| unanswered(&request, &no_answer))?;
        let media_type = || reply.header("content-type").map(str::to_owned);
        match reply.status.as_u16() {
            200..300 => Ok(Some(Found { size: reply.length(), media_type: media_type() })),
            // The object store may have it: only its bytes tell.
            302 | 303 | 307 => Ok(Some(Found { size: None, media_type: None })),
            404 => Ok(None),
            _ => Err(refused(&request, &reply)),
        }
    }

    /// GET of a manifest, at most 4 MiB, every media type accepted.
    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Bytes>, SourceError> {
        match fetch_manifest(&self.0, repository, reference).await {
            Ok(manifest) => Ok(Some(manifest.bytes.into())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// GET of a blob from `offset` on, redirects followed.
    pub(super) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        offset: u64,
    ) -> Result<Option<OpenedBlob>, SourceError> {
        let request = self.0.of_blob(Method::GET, repository, digest);
        let opened = self.0.open(&request, offset).await;
        let opened =
            opened.map_err(|failure| error(request.shown(), failure.why.clone(), failure.is_passing()))?;
        match opened {
            Opened::Body(body) => {
                let start = body.start;
                Ok(Some(OpenedBlob { start, stream: pieces(request.shown(), body) }))
            }
            Opened::Refused(reply) => match reply.status.as_u16() {
                404 => Ok(None),
                // The range begins at the end, so nothing is left of it.
                416 => Ok(Some(OpenedBlob { start: offset, stream: stream::empty().boxed() })),
                _ => Err(refused(&request, &reply)),
            },
        }
    }
}

/// What may work at another time is worth another attempt.
fn error(asked: String, said: String, is_passing: bool) -> SourceError {
    if is_passing { SourceError::Interrupted { asked, said } } else { SourceError::Refused { asked, said } }
}

fn unanswered(request: &HttpRequest, no_answer: &NoAnswer) -> SourceError {
    error(request.shown(), no_answer.words(), no_answer.failure.is_passing())
}

fn refused(request: &HttpRequest, reply: &HttpReply) -> SourceError {
    error(request.shown(), said(reply), is_passing(reply.status.as_u16()))
}

fn failed(failure: &RequestError) -> SourceError {
    error(failure.asked(), failure.reason_and_hint(), failure.status.is_none_or(is_passing))
}

const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// The body in pieces. After an error nothing follows.
fn pieces(asked: String, body: Incoming) -> ByteStream {
    let next = move |body: Option<Incoming>| {
        let asked = asked.clone();
        async move {
            let mut body = body?;
            match body.next().await {
                Ok(bytes) => bytes.map(|bytes| (Ok(bytes), Some(body))),
                Err(failure) => {
                    let may_pass = failure.is_passing();
                    Some((Err(error(asked, failure.why, may_pass)), None))
                }
            }
        }
    };
    stream::unfold(Some(body), next).boxed()
}
