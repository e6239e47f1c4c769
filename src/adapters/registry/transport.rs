//! One question, asked until there is an answer that means something.
//!
//! Tried again: connections that fail or break, silence, 429, 502, 503, 504, and a 500 to what we write. Every
//! other status is an answer. A 401 is answered with credentials once.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::address::{Address, shown};
use super::auth::{Authenticator, Scope};
use super::connection::Connection;
use super::fault::{self, Fault, Kind};
use super::limiter::{Limiter, retry_after};

/// The most that is read of an error's body.
const ERROR_BODY: u64 = 64 << 10;

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub scope: Scope,
    pub take: Take,
    /// Whether a registry that cannot be reached is tried again.
    pub insist: bool,
}

/// How much of a successful answer's body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// At most so many bytes.
    Bytes(u64),
    /// Whether there is one.
    FirstByte,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As announced.
    Whole,
    /// Before what was announced had come.
    Cut,
    /// Not yet, but we had enough.
    Enough,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub end: End,
    pub attempts: u32,
    /// Whether it answers a token that was given to us to be shown as it is.
    pub to_given_token: bool,
}

/// No answer, after so many attempts.
#[derive(Debug, Clone)]
pub(super) struct Silence {
    pub fault: Fault,
    pub attempts: u32,
}

impl Ask {
    pub(super) fn new(method: Method, url: Url, scope: Scope) -> Self {
        let take = Take::Bytes(ERROR_BODY);
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), scope, take, insist: true }
    }

    pub(super) const fn take(mut self, take: Take) -> Self {
        self.take = take;
        self
    }

    pub(super) fn header(mut self, name: reqwest::header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// Whether it has a body, and may be sent again whatever came of it.
    fn is_write(&self) -> bool {
        self.method == Method::PUT || self.method == Method::POST
    }

    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

impl Reply {
    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Length`
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The whole size in `Content-Range: bytes 0-0/SIZE`.
    pub(super) fn total(&self) -> Option<u64> {
        self.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok()
    }

    /// Whether a person's browser was meant.
    pub(super) fn is_web_page(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 502 | 503 | 504)
    }
}

/// Asks.
pub(super) struct Transport {
    pub address: Address,
    pub limiter: Limiter,
    pub auth: Authenticator,
    pub timeout: Duration,
    /// What names a proxy that leads there.
    proxy: Option<&'static str>,
    client: Client,
}

/// Say what was asked, for `-vv`. Neither shows a header, so no secret is in it.
fn trace(ask: &Ask, outcome: &Result<Reply, Fault>, attempt: u32) {
    match outcome {
        Ok(reply) => tracing::debug!(attempt, status = reply.status.as_u16(), "{}", ask.shown()),
        Err(fault) => tracing::debug!(attempt, failed = fault.why, "{}", ask.shown()),
    }
}

impl Transport {
    pub(super) fn new(connection: &Connection, client: Client) -> Self {
        Self {
            address: connection.address.clone(),
            limiter: Limiter::new(
                connection.jobs,
                connection.rate,
                connection.retry_times,
                connection.timeout,
            ),
            auth: Authenticator::new(
                connection.credentials.clone(),
                client.clone(),
                connection.timeout,
                connection.address.base().scheme() == "https",
            ),
            timeout: connection.timeout,
            proxy: connection.proxy_variable(),
            client,
        }
    }

    /// Ask until there is an answer, attempts run out, or the time is up. Time spent in the queue is not counted.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Reply, Silence> {
        let mut spent = Duration::ZERO;
        let mut waits = self.limiter.waits();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = self.attempt_as_someone(ask, &mut spent).await;
            trace(ask, &outcome, attempts);
            let passing = match &outcome {
                Ok(reply) => {
                    reply.is_passing() || ask.is_write() && reply.status == StatusCode::INTERNAL_SERVER_ERROR
                }
                Err(fault) => fault.is_passing() && (ask.insist || !fault.is_unreachable()),
            };
            let wait = waits.next().map(|wait| self.wait_for(&outcome, wait));
            match wait {
                Some(wait) if passing && spent + wait < self.timeout => {
                    self.limiter.missed(wait);
                    spent += wait;
                    tokio::time::sleep(wait).await;
                }
                _ => return self.conclude(outcome, attempts),
            }
        }
    }

    /// Ask once, whatever comes of it.
    pub(super) async fn once(&self, ask: &Ask) -> Result<Reply, Fault> {
        self.attempt_as_someone(ask, &mut Duration::default()).await
    }

    fn conclude(&self, outcome: Result<Reply, Fault>, attempts: u32) -> Result<Reply, Silence> {
        let answered = match &outcome {
            Ok(reply) => !reply.is_passing(),
            // What the user has to change says nothing of how the registry is.
            Err(fault) => !fault.is_passing() && fault.kind != Kind::Tripped,
        };
        self.limiter.note(answered);
        if answered {
            self.limiter.hit();
        }
        outcome.map(|reply| Reply { attempts, ..reply }).map_err(|fault| Silence { fault, attempts })
    }

    /// How long to wait now. What the registry asks for holds for all our requests.
    fn wait_for(&self, outcome: &Result<Reply, Fault>, ours: Duration) -> Duration {
        outcome.as_ref().ok().and_then(|reply| self.heed(reply)).map_or(ours, |theirs| theirs.max(ours))
    }

    /// The wait that the registry asks for with an answer; all our requests keep to it.
    pub(super) fn heed(&self, reply: &Reply) -> Option<Duration> {
        let header = reply.header(RETRY_AFTER.as_str());
        let theirs = header.and_then(|value| retry_after(value, SystemTime::now()))?;
        // Who wants more patience than we have is not available; that need not stop the other questions.
        if theirs < self.timeout {
            self.limiter.hold(theirs);
        }
        Some(theirs)
    }

    /// One attempt; if it is met by a challenge that we can answer, another.
    async fn attempt_as_someone(&self, ask: &Ask, spent: &mut Duration) -> Result<Reply, Fault> {
        let (reply, shown) = self.attempt(ask, spent).await?;
        if reply.status != StatusCode::UNAUTHORIZED || !self.address.owns(&ask.url) {
            return Ok(reply);
        }
        if !self.auth.challenged(&reply.headers, &ask.scope, shown.as_ref()).await? {
            return Ok(Reply { to_given_token: self.auth.is_given_token(&ask.scope), ..reply });
        }
        self.attempt(ask, spent).await.map(|(reply, _)| reply)
    }

    /// The answer, and what was shown for it.
    async fn attempt(&self, ask: &Ask, spent: &mut Duration) -> Result<(Reply, Option<HeaderValue>), Fault> {
        // Who is given no token takes no place in the queue.
        self.authorization(ask).await?;
        let _permit = self.limiter.pass().await.ok_or_else(tripped)?;
        // And a token may have run out in there.
        let shown = self.authorization(ask).await?;
        let began = Instant::now();
        let outcome = self.send(ask, shown.clone()).await;
        *spent += began.elapsed();
        match &outcome {
            Ok(reply) => {
                tracing::debug!(request = %ask.shown(), status = reply.status.as_u16(), took = ?began.elapsed());
            }
            Err(fault) => tracing::debug!(request = %ask.shown(), failed = %fault.why),
        }
        Ok((outcome?, shown))
    }

    /// What we show; to others than the registry itself nothing.
    async fn authorization(&self, ask: &Ask) -> Result<Option<HeaderValue>, Fault> {
        if self.address.owns(&ask.url) { self.auth.header(&ask.scope).await } else { Ok(None) }
    }

    async fn send(&self, ask: &Ask, authorization: Option<HeaderValue>) -> Result<Reply, Fault> {
        let mut request =
            self.client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        request = request.header(CACHE_CONTROL, "no-cache");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if ask.is_write() {
            request = request.body(ask.body.clone());
        }
        let tls = ask.url.scheme() == "https";
        let response = request.send().await;
        let response = response.map_err(|error| Fault::diagnose(&error, tls).behind(self.proxy))?;
        let reply = read(response, ask.take, tls).await?;
        // Where the first byte is asked for, a body that ends early is the answer; elsewhere it is none.
        match (ask.take, reply.end) {
            (Take::Bytes(_), End::Cut) => {
                let why =
                    format!("{} came, but its body ended after {} bytes", reply.status, reply.body.len());
                Err(Fault::new(Kind::Reset, why))
            }
            _ => Ok(reply),
        }
    }
}

/// Nobody is asked any more.
pub(super) fn tripped() -> Fault {
    Fault::new(Kind::Tripped, "no longer asked: the registry failed to answer several times in a row")
        .with_hint("see whether it is up; lower --jobs or --rate if it is overloaded")
}

/// Read what is wanted of a response.
pub(super) async fn read(mut response: Response, take: Take, tls: bool) -> Result<Reply, Fault> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let limit = match take {
        _ if !status.is_success() => ERROR_BODY,
        Take::Bytes(limit) => limit,
        Take::FirstByte => 1,
    };
    let mut body = Vec::new();
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break End::Whole,
            Err(error) if fault::is_cut(&error) => break End::Cut,
            // The byte is all that was wanted, however the connection ends after it.
            Err(_) if take == Take::FirstByte && !body.is_empty() => break End::Enough,
            Err(error) => return Err(Fault::diagnose(&error, tls)),
        }
        if body.len() as u64 > limit {
            break End::Enough;
        }
    };
    Ok(Reply { status, headers, body, end, attempts: 1, to_given_token: false })
}
