//! The one client of a daemon: every request to it goes through here, whoever makes it.
//!
//! ```text
//! ask        an answer kept in memory, asked for until there is one ─┐          ┌ limiter  how many, how fast, when to stop
//! open       a body that comes in, from any byte on                 ─┼─ attempt ┼ auth     who we are
//! send_body  a body that goes out                                   ─┘          └ failure    why no response came
//! ```
//!
//! Tried again: connections that fail or break, silence, 429, 502, 503, 504, and a 500 to what we write. Every
//! other status is an answer. A 401 is answered with credentials once.

mod auth;
mod build;
mod error;
mod exchange;
mod failure;
mod incoming;
mod limiter;
mod outgoing;
mod reach;
mod wire;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::address::Address;
use super::connection::{Connection, PlainStore};
use crate::domain::digest::Digest;
use crate::domain::manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{RequestError, UploadSession};

pub(crate) use auth::TokenScope;
#[cfg(any(test, fuzzing))]
pub(crate) use auth::realm;
pub use build::UnusableSettings;
pub(crate) use error::{answered, cure, is_full, refused, request_error, unanswered};
pub(crate) use exchange::{End, HttpReply, HttpRequest, NoAnswer, Take};
pub(crate) use failure::{Failure, FailureKind, plain_to_tls};
pub(crate) use incoming::{Incoming, Opened};
pub(crate) use outgoing::SendError;
pub(crate) use wire::{WireError, errors, printable};

use auth::Authenticator;
use limiter::{Limiter, retry_after};
use reach::Reach;

/// So many times the longest silence is the most that an answer which is kept in memory may take.
const WHOLE_ANSWER: u32 = 4;

/// Upload sessions that were given up, until somebody asks for them.
#[derive(Default)]
pub(crate) struct GivenUp(Mutex<Vec<UploadSession>>);

impl GivenUp {
    pub(crate) fn note(&self, session: &UploadSession) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(session.clone());
    }

    pub(crate) fn take(&self) -> Vec<UploadSession> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks one daemon.
pub(crate) struct Client {
    pub address: Address,
    /// The longest silence.
    pub timeout: Duration,
    /// A blob of more bytes than this is uploaded in several requests of so many bytes.
    pub chunk: u64,
    /// The upload sessions that were given up.
    pub given_up: GivenUp,
    /// Held while an answer is taken that needs much memory: one of them at a time.
    pub large: tokio::sync::Mutex<()>,
    limiter: Limiter,
    auth: Authenticator,
    /// Where it may send us.
    reach: Reach,
    /// Whom it may send us to without TLS.
    plain_stores: Vec<PlainStore>,
    /// What names a proxy that leads there.
    proxy: Option<&'static str>,
    http: reqwest::Client,
    /// For bodies that may take long: their silence is watched by whoever moves the bytes.
    streams: reqwest::Client,
}

impl Client {
    /// A client for `connection`, whose scheme is settled. No request is sent yet.
    pub(crate) fn new(connection: &Connection) -> Result<Self, UnusableSettings> {
        let (http, streams) = build::both(connection)?;
        let is_tls = connection.address.base().scheme() == "https";
        let reach = Reach::of(connection);
        let credentials = connection.credentials.clone();
        let (jobs, retries) = (connection.jobs, connection.retry_times);
        Ok(Self {
            address: connection.address.clone(),
            timeout: connection.timeout,
            chunk: connection.chunk.max(1 << 20),
            given_up: GivenUp::default(),
            large: tokio::sync::Mutex::default(),
            limiter: Limiter::new(jobs, connection.rate, retries, connection.timeout),
            auth: Authenticator::new(credentials, http.clone(), connection.timeout, is_tls, reach.clone()),
            reach,
            plain_stores: connection.plain_stores.clone(),
            proxy: build::proxy_variable(connection),
            http,
            streams,
        })
    }

    /// Its URL, without secrets.
    pub(crate) fn location(&self) -> String {
        self.address.base().as_str().trim_end_matches('/').to_owned()
    }

    /// A request about a blob, which only reads.
    pub(crate) fn of_blob(
        &self,
        method: Method,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> HttpRequest {
        let url = self.address.blob(repository, digest);
        HttpRequest::new(method, url, TokenScope::Pull(repository.to_string()))
    }

    /// A request about a manifest, which only reads; every media type is accepted.
    pub(crate) fn of_manifest(
        &self,
        method: Method,
        repository: &RepositoryName,
        reference: &str,
    ) -> HttpRequest {
        let url = self.address.manifest(repository, reference);
        HttpRequest::new(method, url, TokenScope::Pull(repository.to_string()))
            .header(ACCEPT, &MANIFEST_MEDIA_TYPES.join(", "))
            .take(Take::Bytes(MAX_MANIFEST_BYTES))
    }

    /// How many requests were sent so far, retries included.
    pub(crate) fn requests(&self) -> u64 {
        self.limiter.sent()
    }

    /// Begin anew: somebody wants to know whether the registry answers again.
    pub(crate) fn reset(&self) {
        self.limiter.reset();
    }

    /// The waits between the attempts of a transfer.
    pub(crate) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.limiter.waits()
    }

    /// Ask, and take only one of `wanted` for an answer.
    pub(crate) async fn expect(
        &self,
        request: &HttpRequest,
        wanted: &[u16],
    ) -> Result<HttpReply, RequestError> {
        let reply = self.ask(request).await.map_err(|no_answer| unanswered(request, no_answer))?;
        if wanted.contains(&reply.status.as_u16()) { Ok(reply) } else { Err(refused(request, &reply)) }
    }

    /// Ask until there is an answer, attempts run out, or the time is up. Time spent in the queue is not counted.
    pub(crate) async fn ask(&self, request: &HttpRequest) -> Result<HttpReply, NoAnswer> {
        let mut spent = Duration::ZERO;
        let mut waits = self.limiter.waits();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = self.attempt(request, &mut spent).await;
            let passing = match &outcome {
                Ok(reply) => {
                    reply.is_passing()
                        || request.is_write() && reply.status == StatusCode::INTERNAL_SERVER_ERROR
                }
                Err(failure) => failure.is_passing() && (request.insist || !failure.is_unreachable()),
            };
            let wait = waits.next().map(|wait| self.wait_for(&outcome, wait));
            match wait {
                Some(wait) if passing && spent + wait < self.timeout => {
                    self.limiter.attempt_failed(wait);
                    spent += wait;
                    tokio::time::sleep(wait).await;
                }
                _ => return self.conclude(outcome, attempts),
            }
        }
    }

    /// Ask once, whatever comes of it.
    pub(crate) async fn once(&self, request: &HttpRequest) -> Result<HttpReply, Failure> {
        self.attempt(request, &mut Duration::default()).await
    }

    fn conclude(&self, outcome: Result<HttpReply, Failure>, attempts: u32) -> Result<HttpReply, NoAnswer> {
        self.limiter.concluded(match &outcome {
            Ok(reply) => !reply.is_passing(),
            // What the user has to change says nothing of how the registry is.
            Err(failure) => !failure.is_passing() && failure.kind != FailureKind::Tripped,
        });
        outcome.map(|reply| HttpReply { attempts, ..reply }).map_err(|failure| NoAnswer { failure, attempts })
    }

    /// How long to wait now. What the registry asks for holds for all our requests.
    fn wait_for(&self, outcome: &Result<HttpReply, Failure>, ours: Duration) -> Duration {
        outcome.as_ref().ok().and_then(|reply| self.pause(reply)).map_or(ours, |theirs| theirs.max(ours))
    }

    /// The wait that the registry asks for with an answer; all our requests keep to it.
    pub(crate) fn pause(&self, reply: &HttpReply) -> Option<Duration> {
        let header = reply.header(RETRY_AFTER.as_str());
        let theirs = header.and_then(|value| retry_after(value, SystemTime::now()))?;
        // Who wants more patience than we have is not available; that need not stop the other questions.
        if theirs < self.timeout {
            self.limiter.hold(theirs);
        }
        Some(theirs)
    }

    /// One attempt; if it is met by a challenge that we can answer, another.
    async fn attempt(&self, request: &HttpRequest, spent: &mut Duration) -> Result<HttpReply, Failure> {
        let (reply, shown) = self.turn(request, spent).await?;
        if reply.status != StatusCode::UNAUTHORIZED || !self.address.owns(&request.url) {
            return Ok(reply);
        }
        if !self.auth.challenged(&reply.headers, &request.scope, shown.as_ref()).await? {
            return Ok(HttpReply { to_given_token: self.auth.is_given_token(&request.scope), ..reply });
        }
        self.turn(request, spent).await.map(|(reply, _)| reply)
    }

    /// Send it when its turn has come: the answer, and what was shown for it.
    async fn turn(
        &self,
        request: &HttpRequest,
        spent: &mut Duration,
    ) -> Result<(HttpReply, Option<HeaderValue>), Failure> {
        // Who is given no token takes no place in the queue.
        self.authorization(request).await?;
        let _permit = self.limiter.permit().await.ok_or_else(tripped)?;
        // And a token may have run out in there.
        let shown = self.authorization(request).await?;
        let began = Instant::now();
        let outcome = self.send(request, shown.clone()).await;
        *spent += began.elapsed();
        match &outcome {
            Ok(reply) => {
                tracing::debug!(request = %request.shown(), status = reply.status.as_u16(), took = ?began.elapsed());
            }
            Err(failure) => tracing::debug!(request = %request.shown(), failed = %failure.why),
        }
        Ok((outcome?, shown))
    }

    /// What we show; to others than the registry itself nothing.
    async fn authorization(&self, request: &HttpRequest) -> Result<Option<HeaderValue>, Failure> {
        if self.address.owns(&request.url) { self.auth.header(&request.scope).await } else { Ok(None) }
    }

    async fn send(
        &self,
        request: &HttpRequest,
        authorization: Option<HeaderValue>,
    ) -> Result<HttpReply, Failure> {
        let mut sent = self.http.request(request.method.clone(), request.url.clone());
        sent = sent.headers(request.headers.clone()).header(CACHE_CONTROL, "no-cache");
        if let Some(authorization) = authorization {
            sent = sent.header(AUTHORIZATION, authorization);
        }
        if request.is_write() {
            sent = sent.body(request.body.clone());
        }
        let is_tls = request.url.scheme() == "https";
        let whole = async {
            let response = sent.send().await;
            let response = response.map_err(|error| Failure::diagnose(&error, is_tls).behind(self.proxy))?;
            exchange::read(response, request.take).await
        };
        let most = self.timeout * WHOLE_ANSWER;
        let reply = tokio::time::timeout(most, whole).await.unwrap_or_else(|_| Err(without_end(most)))?;
        // Where the first byte is asked for, a body that ends early is the answer; elsewhere it is none.
        if reply.end == End::Cut && request.take != Take::FirstByte {
            let why = format!("{} came, but its body ended after {} bytes", reply.status, reply.body.len());
            return Err(Failure::new(FailureKind::Reset, why));
        }
        Ok(reply)
    }
}

/// An answer of which something comes all the time, and never all.
fn without_end(most: Duration) -> Failure {
    Failure::new(FailureKind::Slow, format!("its answer did not end within {most:?}"))
        .with_hint("raise --timeout, or look what is between us and the registry")
}

/// Nobody is asked any more.
fn tripped() -> Failure {
    Failure::new(
        FailureKind::Tripped,
        "no longer asked: the registry failed to answer several times in a row",
    )
    .with_hint("see whether it is up; lower --jobs or --rate if it is overloaded")
}
