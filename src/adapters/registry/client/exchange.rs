//! A request to a registry, and what came of it.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::auth::TokenScope;
use super::failure::{self, Failure};
use crate::adapters::registry::address::shown;

/// The most that is read of an error's body.
const ERROR_BODY: u64 = 64 << 10;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub scope: TokenScope,
    pub take: Take,
    /// Whether a registry that cannot be reached is tried again.
    pub insist: bool,
}

/// How much of a successful answer's body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// At most so many bytes.
    Bytes(u64),
    /// Whether there is one.
    FirstByte,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As announced.
    Whole,
    /// Before what was announced had come.
    Cut,
    /// Not yet, but we had enough.
    Enough,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct HttpReply {
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
pub(crate) struct NoAnswer {
    pub failure: Failure,
    pub attempts: u32,
}

impl HttpRequest {
    pub(crate) fn new(method: Method, url: Url, scope: TokenScope) -> Self {
        let take = Take::Bytes(ERROR_BODY);
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), scope, take, insist: true }
    }

    pub(crate) const fn take(mut self, take: Take) -> Self {
        self.take = take;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// Whether it has a body, and may be sent again whatever came of it.
    pub(super) fn is_write(&self) -> bool {
        self.method == Method::PUT || self.method == Method::POST
    }

    /// Method and URL, without secrets.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

impl HttpReply {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Length`
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The whole size in `Content-Range: bytes 0-0/SIZE`.
    pub(crate) fn total(&self) -> Option<u64> {
        self.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok()
    }

    /// Whether a person's browser was meant.
    pub(crate) fn is_web_page(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    /// Whether the registry may answer otherwise a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 502 | 503 | 504)
    }
}

impl NoAnswer {
    /// In one line, the cure included.
    pub(crate) fn words(&self) -> String {
        let tried = if self.attempts > 1 { format!(" ({} attempts)", self.attempts) } else { String::new() };
        format!("{}{tried}{}", self.failure.why, self.failure.then())
    }
}

/// Read what is wanted of a response.
pub(super) async fn read(mut response: Response, take: Take) -> Result<HttpReply, Failure> {
    let tls = response.url().scheme() == "https";
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
            Err(error) if failure::is_cut(&error) => break End::Cut,
            // The byte is all that was wanted, however the connection ends after it.
            Err(_) if take == Take::FirstByte && !body.is_empty() => break End::Enough,
            Err(error) => return Err(Failure::diagnose(&error, tls)),
        }
        if body.len() as u64 > limit {
            break End::Enough;
        }
    };
    Ok(HttpReply { status, headers, body, end, attempts: 1, to_given_token: false })
}
