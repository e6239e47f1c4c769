//! A body that goes out: a part of a source, watched while it flows.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, StatusCode};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use super::exchange::{HttpReply, HttpRequest, Take, read};
use super::failure::{Failure, FailureKind};
use super::{Client, tripped};
use crate::engine::ports::ByteSource;

/// Bytes read from a source at a time.
const PIECE: usize = 128 << 10;
/// A daemon may hash and move a large blob before it answers the last PUT.
const PATIENCE_AT_THE_END: u32 = 10;
/// What a connection that breaks in the middle of a body may mean.
const BODY_LIMIT: &str = "if it happens again: a proxy in front of the registry may limit how large a request may be (nginx: client_max_body_size)";

/// Why no answer came to a body.
pub(crate) enum SendError {
    /// The source cannot be read.
    Source(io::Error),
    /// The source ended after so many bytes.
    Short(u64, Failure),
    /// The registry did not take it.
    Failure(Failure),
}

impl Client {
    /// Send, once, `length` bytes of `source` from `offset` on as the body of `request`.
    pub(crate) async fn send_body(
        &self,
        request: &HttpRequest,
        source: &dyn ByteSource,
        offset: u64,
        length: u64,
    ) -> Result<HttpReply, SendError> {
        let reader = source.open(offset).await.map_err(SendError::Source)?;
        let flow = Arc::new(Flow::default());
        let body = watched(reader.take(length), &flow);
        let body = if length == 0 { Body::from(Vec::new()) } else { body };
        let outcome = within(self.transfer(request, body, length), &flow, length, self.timeout).await;
        if let Some(error) = flow.request_error() {
            return Err(SendError::Source(error));
        }
        outcome.map_err(|failure| {
            if flow.is_short(length) {
                return SendError::Short(flow.moved(), failure);
            }
            // A proxy that refuses a large body often closes before its answer can be read.
            let is_limit = failure.kind == FailureKind::Reset && failure.hint.is_none() && flow.moved() > 0;
            SendError::Failure(if is_limit { failure.with_hint(BODY_LIMIT) } else { failure })
        })
    }

    async fn transfer(&self, request: &HttpRequest, body: Body, length: u64) -> Result<HttpReply, Failure> {
        let _permit = self.limiter.permit().await.ok_or_else(tripped)?;
        // Only now: a token may run out in the queue.
        let shown = self.authorization(request).await?;
        let mut sent = self.streams.request(request.method.clone(), request.url.clone());
        sent = sent.headers(request.headers.clone());
        sent = sent.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length);
        if let Some(value) = shown.clone() {
            sent = sent.header(AUTHORIZATION, value);
        }
        let is_tls = request.url.scheme() == "https";
        let response = sent.body(body).send().await;
        let response = response.map_err(|error| Failure::diagnose(&error, is_tls).behind(self.proxy))?;
        let reply = read(response, Take::Bytes(64 << 10)).await?;
        self.renewed(request, &reply, shown.as_ref()).await?;
        Ok(reply)
    }

    /// A token that ran out in the middle is renewed, and the upload begins anew.
    async fn renewed(
        &self,
        request: &HttpRequest,
        reply: &HttpReply,
        shown: Option<&HeaderValue>,
    ) -> Result<(), Failure> {
        if reply.status == StatusCode::UNAUTHORIZED
            && self.auth.challenged(&reply.headers, &request.scope, shown).await?
        {
            return Err(Failure::new(FailureKind::Reset, "the token ran out during the upload"));
        }
        Ok(())
    }
}

/// How the bytes of a body flow.
#[derive(Default)]
struct Flow {
    moved: AtomicU64,
    ended: AtomicBool,
    failed: Mutex<Option<io::Error>>,
}

/// The bytes as a body whose flow is noted.
fn watched(reader: impl tokio::io::AsyncRead + Send + 'static, flow: &Arc<Flow>) -> Body {
    let (moving, ending) = (Arc::clone(flow), Arc::clone(flow));
    let pieces = ReaderStream::with_capacity(reader, PIECE).map(move |piece| moving.note(piece));
    Body::wrap_stream(pieces.chain(stream::poll_fn(move |_| {
        ending.ended.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    })))
}

impl Flow {
    fn note<B: AsRef<[u8]>>(&self, piece: io::Result<B>) -> io::Result<B> {
        match &piece {
            Ok(bytes) => {
                self.moved.fetch_add(bytes.as_ref().len() as u64, Ordering::Relaxed);
            }
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
            }
        }
        piece
    }

    fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    fn request_error(&self) -> Option<io::Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the source had fewer bytes than it said. Unsent ones are no sign: the connection may have broken.
    fn is_short(&self, length: u64) -> bool {
        self.ended.load(Ordering::Relaxed) && self.moved() < length
    }
}

/// Wait for the answer as long as bytes flow, and a good while after the last.
async fn within(
    answer: impl Future<Output = Result<HttpReply, Failure>>,
    flow: &Flow,
    length: u64,
    limit: Duration,
) -> Result<HttpReply, Failure> {
    tokio::pin!(answer);
    let mut before = None;
    loop {
        let moved = flow.moved();
        if before == Some(moved) {
            let why = format!("no byte moved for {limit:?}, {moved} of {length} sent");
            return Err(Failure::new(FailureKind::Timeout, why));
        }
        before = Some(moved);
        let patience = if moved >= length { limit * PATIENCE_AT_THE_END } else { limit };
        if let Ok(outcome) = tokio::time::timeout(patience, &mut answer).await {
            return outcome;
        }
    }
}
