//! The blind upload of one blob.
//!
//! ```text
//! POST ─► small: PUT with all bytes
//!      └► large: PATCH, PATCH, …  ─► PUT without bytes
//!                  └ broke: GET the session, go on at the daemon's offset; does it not say, begin anew
//! ```
//! A 2.8 daemon forgets a session whose PATCH broke in the middle (404); 3.x tells its offset.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, StatusCode};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use super::fault::{Fault, Kind};
use super::reading::is_full;
use super::transport::{Ask, Reply, Silence, Take, read, tripped};
use super::write::{HttpWriter, failure, refused, unheard};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::engine::ports::{ByteSource, RegistryWriter as _, UploadSession, WriteError};

/// Bytes read from a source at a time.
const PIECE: usize = 128 << 10;
/// A daemon may hash and move a large blob before it answers the last PUT.
const PATIENCE_AT_THE_END: u32 = 10;

/// What a connection that breaks in the middle of a body may mean.
const BODY_LIMIT: &str = "if it happens again: a proxy in front of the registry may limit how large a request may be (nginx: client_max_body_size)";

/// Why a try to upload did not succeed.
enum Broken {
    /// Begin anew, if attempts are left.
    Again(WriteError),
    /// It would fail again.
    Final(WriteError),
}

/// Upload a blob, beginning anew as often as a question is asked again.
pub(super) async fn blob(
    writer: &HttpWriter,
    repository: &RepositoryName,
    digest: &Digest,
    source: &dyn ByteSource,
) -> Result<(), WriteError> {
    let mut waits = writer.transport.limiter.waits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let session = writer.start_upload(repository).await?;
        let upload = Upload { writer, digest, source, session: session.clone(), resumed: false };
        let error = match upload.run().await {
            Ok(()) => return Ok(()),
            Err(Broken::Again(error)) => match waits.next() {
                Some(wait) => {
                    abandon(writer, &session).await;
                    tokio::time::sleep(wait).await;
                    continue;
                }
                None => error,
            },
            Err(Broken::Final(error)) => error,
        };
        abandon(writer, &session).await;
        return Err(WriteError { attempts, ..error });
    }
}

/// Tell the daemon that a session is not needed; where it does not listen, it purges the session in time.
pub(super) async fn abandon(writer: &HttpWriter, session: &UploadSession) {
    if let Ok(ask) = writer.about(Method::DELETE, session) {
        let _ = writer.transport.once(&ask).await;
    }
}

/// Ask how many bytes the daemon has of a session; also where it goes on.
pub(super) async fn status(
    writer: &HttpWriter,
    session: &UploadSession,
) -> Result<(u64, UploadSession), WriteError> {
    let ask = writer.about(Method::GET, session)?;
    let reply = writer.ask(&ask, &[204, 200, 202]).await?;
    let next = writer.session(&ask, &session.repository, &reply).unwrap_or_else(|_| session.clone());
    Ok((received(&reply), next))
}

/// `Range: 0-N` names the last byte; for none and for one byte daemons send the same `0-0`, which is read as none.
fn received(reply: &Reply) -> u64 {
    let range = reply.header("range").unwrap_or_default().trim_start_matches("bytes=");
    let last = range.split_once('-').and_then(|(_, last)| last.trim().parse::<u64>().ok());
    last.filter(|last| *last > 0).map_or(0, |last| last + 1)
}

struct Upload<'a> {
    writer: &'a HttpWriter,
    digest: &'a Digest,
    source: &'a dyn ByteSource,
    session: UploadSession,
    resumed: bool,
}

impl Upload<'_> {
    async fn run(mut self) -> Result<(), Broken> {
        let size = self.source.size();
        if size <= self.writer.chunk {
            return self.finish(0, size).await;
        }
        let mut offset = 0;
        while offset < size {
            let length = self.writer.chunk.min(size - offset);
            offset = match self.patch(offset, length).await {
                Ok(next) => next,
                Err(Broken::Again(error)) => self.resume(offset, error).await?,
                Err(broken) => return Err(broken),
            };
        }
        self.finish(size, 0).await
    }

    /// PATCH a piece; the offset that the daemon is at then.
    async fn patch(&mut self, offset: u64, length: u64) -> Result<u64, Broken> {
        let ask = self.writer.about(Method::PATCH, &self.session).map_err(Broken::Final)?;
        let ask = ask.header(CONTENT_RANGE, &format!("{offset}-{}", offset + length - 1));
        let reply = self.stream(&ask, offset, length).await?;
        if !matches!(reply.status.as_u16(), 202 | 201 | 204) {
            return Err(self.judged(&ask, &reply));
        }
        self.session = self.writer.session(&ask, &self.session.repository, &reply).map_err(Broken::Final)?;
        let at = received(&reply);
        Ok(if at == 0 { offset + length } else { at })
    }

    /// A PATCH broke: learn from the daemon where to go on, once it can be trusted to know.
    async fn resume(&mut self, offset: u64, error: WriteError) -> Result<u64, Broken> {
        let Ok((at, next)) = status(self.writer, &self.session).await else {
            return Err(Broken::Again(error));
        };
        let moved = at > offset || (at == offset && !self.resumed);
        if !moved || self.source.open(at).await.is_err() {
            return Err(Broken::Again(error));
        }
        self.session = next;
        self.resumed = true;
        Ok(at)
    }

    /// PUT the session away under its digest, with the last bytes.
    async fn finish(&self, offset: u64, length: u64) -> Result<(), Broken> {
        let mut ask = self.writer.about(Method::PUT, &self.session).map_err(Broken::Final)?;
        ask.url.query_pairs_mut().append_pair("digest", &self.digest.to_string());
        let reply = self.stream(&ask, offset, length).await?;
        match reply.status.as_u16() {
            201 | 204 | 202 => Ok(()),
            _ => Err(self.judged(&ask, &reply)),
        }
    }

    /// What an answer that is no success means, once the wait that it asks for is set.
    fn judged(&self, ask: &Ask, reply: &Reply) -> Broken {
        let transport = &self.writer.transport;
        let is_patient = transport.heed(reply).is_none_or(|wait| wait < transport.timeout);
        match judge(ask, reply, self.resumed) {
            Broken::Again(error) if is_patient => Broken::Again(error),
            Broken::Again(error) | Broken::Final(error) => Broken::Final(error),
        }
    }

    /// Send `length` bytes from `offset` on as the body of a request.
    async fn stream(&self, ask: &Ask, offset: u64, length: u64) -> Result<Reply, Broken> {
        let reader =
            self.source.open(offset).await.map_err(|error| Broken::Final(source_failed(ask, &error)))?;
        let flow = Arc::new(Flow::default());
        let watched = flow.clone();
        let pieces = ReaderStream::with_capacity(reader.take(length), PIECE)
            .map(move |piece| watched.note(piece))
            .chain(futures_util::stream::poll_fn({
                let flow = flow.clone();
                move |_| {
                    flow.ended.store(true, Ordering::Relaxed);
                    std::task::Poll::Ready(None)
                }
            }));
        let body = Body::wrap_stream(pieces);
        let sent = self.send(ask, body, length);
        let outcome = within(sent, &flow, length, self.writer.transport.timeout).await;
        if let Some(error) = flow.failed() {
            return Err(Broken::Final(source_failed(ask, &error)));
        }
        match outcome {
            Ok(reply) => Ok(reply),
            Err(fault) if flow.is_short(length) => {
                let why =
                    format!("the source ended after {} of {length} bytes ({})", flow.moved(), fault.why);
                Err(Broken::Final(failure(ask, None, why, 1)))
            }
            Err(fault) => {
                let again = fault.is_passing();
                // A proxy that refuses a large body often closes before its answer can be read.
                let limited = fault.kind == Kind::Reset && fault.hint.is_none() && flow.moved() > 0;
                let fault = if limited { fault.with_hint(BODY_LIMIT) } else { fault };
                let error = unheard(ask, &Silence { fault, attempts: 1 });
                Err(if again { Broken::Again(error) } else { Broken::Final(error) })
            }
        }
    }

    async fn send(&self, ask: &Ask, body: Body, length: u64) -> Result<Reply, Fault> {
        let transport = &self.writer.transport;
        let _permit = transport.limiter.pass().await.ok_or_else(tripped)?;
        // Only now: a token may run out in the queue.
        let authorization =
            if transport.address.owns(&ask.url) { transport.auth.header(&ask.scope).await? } else { None };
        let mut request = self.writer.streams.request(ask.method.clone(), ask.url.clone());
        request = request.headers(ask.headers.clone());
        request = request.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length);
        if let Some(value) = authorization.clone() {
            request = request.header(AUTHORIZATION, value);
        }
        let tls = ask.url.scheme() == "https";
        let body = if length == 0 { Body::from(Vec::new()) } else { body };
        let response = request.body(body).send().await.map_err(|error| Fault::diagnose(&error, tls))?;
        let reply = read(response, Take::Bytes(64 << 10), tls).await?;
        self.renewed(ask, &reply, authorization.as_ref()).await?;
        Ok(reply)
    }

    /// A token that ran out in the middle is renewed, and the upload begins anew.
    async fn renewed(&self, ask: &Ask, reply: &Reply, shown: Option<&HeaderValue>) -> Result<(), Fault> {
        let auth = &self.writer.transport.auth;
        if reply.status == StatusCode::UNAUTHORIZED
            && auth.challenged(&reply.headers, &ask.scope, shown).await?
        {
            return Err(Fault::new(Kind::Reset, "the token ran out during the upload"));
        }
        Ok(())
    }
}

/// Whether an answer that is no success may be another one next time.
fn judge(ask: &Ask, reply: &Reply, resumed: bool) -> Broken {
    let error = refused(ask, reply);
    // A session that is not known is lost; after a resume the daemon may have had other bytes than it said.
    let lost = matches!(
        error.code.as_deref(),
        Some("BLOB_UPLOAD_UNKNOWN" | "BLOB_UPLOAD_INVALID" | "RANGE_INVALID")
    );
    let doubtful = resumed && error.code.as_deref() == Some("DIGEST_INVALID");
    // A 2.8 daemon keeps what it wrote, and lets nobody cancel it: another try finds even less room.
    if is_full(reply) {
        return Broken::Final(error);
    }
    if lost || doubtful || matches!(reply.status.as_u16(), 404 | 408 | 416 | 429 | 500 | 502..=504) {
        Broken::Again(error)
    } else {
        Broken::Final(error)
    }
}

fn source_failed(ask: &Ask, error: &io::Error) -> WriteError {
    failure(ask, None, format!("the bytes to upload cannot be read: {error}"), 1)
}

/// How the bytes of a body flow.
#[derive(Default)]
struct Flow {
    moved: AtomicU64,
    ended: AtomicBool,
    failed: Mutex<Option<io::Error>>,
}

impl Flow {
    fn note<B: AsRef<[u8]>>(&self, piece: io::Result<B>) -> io::Result<B> {
        match piece {
            Ok(bytes) => {
                self.moved.fetch_add(bytes.as_ref().len() as u64, Ordering::Relaxed);
                Ok(bytes)
            }
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(told)
            }
        }
    }

    fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    fn failed(&self) -> Option<io::Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the source had fewer bytes than it said. Unsent ones are no sign: the connection may have broken.
    fn is_short(&self, length: u64) -> bool {
        self.ended.load(Ordering::Relaxed) && self.moved() < length
    }
}

/// Wait for the answer as long as bytes flow, and a good while after the last.
async fn within(
    answer: impl Future<Output = Result<Reply, Fault>>,
    flow: &Flow,
    length: u64,
    limit: Duration,
) -> Result<Reply, Fault> {
    tokio::pin!(answer);
    let mut before = None;
    loop {
        let moved = flow.moved();
        if before == Some(moved) {
            let why = format!("no byte moved for {limit:?}, {moved} of {length} sent");
            return Err(Fault::new(Kind::Timeout, why));
        }
        before = Some(moved);
        let patience = if moved >= length { limit * PATIENCE_AT_THE_END } else { limit };
        if let Ok(outcome) = tokio::time::timeout(patience, &mut answer).await {
            return outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    #[test]
    fn the_state_stays_in_the_location() {
        let mut url = Url::parse("http://a/v2/x/blobs/uploads/1?_state=a%3Db").unwrap();
        url.query_pairs_mut().append_pair("digest", "sha256:0");
        assert_eq!(url.as_str(), "http://a/v2/x/blobs/uploads/1?_state=a%3Db&digest=sha256%3A0");
    }
}
