//! A body that comes in: a blob from any byte on, from the daemon or from the object store that it redirects to.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use url::Url;

use super::exchange::{HttpReply, HttpRequest, Take, read};
use super::failure::{self, Failure, FailureKind};
use super::{Client, WHOLE_ANSWER, tripped};
use crate::adapters::registry::address::shown;
use crate::adapters::registry::connection::PlainStore;

/// So many redirects are followed into an object store.
const MOST_REDIRECTS: u32 = 5;
/// Bytes a second that a body must bring in the long run.
const SLOWEST: u64 = 1 << 10;
/// The longest that one body may take, and one whose length was not announced.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const LONGEST_UNANNOUNCED: Duration = Duration::from_secs(3600);
/// The most that is read of an answer that is no body.
const REFUSAL: Take = Take::Bytes(64 << 10);

/// What lets us follow to a store without TLS, and what is better.
fn allowing(store: &PlainStore) -> String {
    format!(
        "if that store is yours, and the way there may be listened to, give --plain-http-store {store}; better have \
         the registry's storage redirect to https, or let the registry send blobs itself (storage.redirect.disable)"
    )
}

/// How an opening went.
pub(crate) enum Opened {
    /// It comes.
    Body(Incoming),
    /// Another answer came.
    Refused(HttpReply),
}

/// A body that comes in. Until it is dropped it counts as one of our requests under way.
pub(crate) struct Incoming {
    response: Response,
    /// The first byte that comes: 0 from a server that knows no ranges.
    pub start: u64,
    patience: Duration,
    pace: Pace,
    _permit: OwnedSemaphorePermit,
}

impl Client {
    /// GET, once, what `request` names from byte `offset` on.
    pub(crate) async fn open(&self, request: &HttpRequest, offset: u64) -> Result<Opened, Failure> {
        let permit = self.limiter.permit().await.ok_or_else(tripped)?;
        let response = self.follow(request, offset).await?;
        let start = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => first_byte(&response).unwrap_or(offset),
            _ => return self.refusal(response).await.map(Opened::Refused),
        };
        self.limiter.concluded(true);
        if start > offset {
            let why = format!("it begins at byte {start}, and byte {offset} was asked for");
            return Err(Failure::new(FailureKind::Other, why));
        }
        let pace = Pace::new(response.content_length(), self.timeout * WHOLE_ANSWER);
        Ok(Opened::Body(Incoming { response, start, patience: self.timeout, pace, _permit: permit }))
    }

    /// What came in place of a body; all our requests keep to the wait that the registry asks for with it.
    async fn refusal(&self, response: Response) -> Result<HttpReply, Failure> {
        let is_ours = self.address.owns(response.url());
        let reply = read(response, REFUSAL).await?;
        if is_ours {
            self.pause(&reply);
        }
        Ok(reply)
    }

    /// Into the object store where the daemon sends us there.
    async fn follow(&self, request: &HttpRequest, offset: u64) -> Result<Response, Failure> {
        let mut url = request.url.clone();
        let mut response = self.get(request, &url, offset).await?;
        for _ in 1..MOST_REDIRECTS {
            let Some(target) = location(&response) else { return Ok(response) };
            url = self.led(&url, target).await?;
            self.limiter.another().await;
            response = self.get(request, &url, offset).await?;
        }
        if location(&response).is_some() {
            return Err(Failure::new(FailureKind::Other, "redirected in circles"));
        }
        Ok(response)
    }

    /// Where the redirect of a blob leads: to a store of another host, too, which is shown nothing of ours. From TLS to none
    /// it leads only to a store that the user named, and never to what only we can reach.
    pub(crate) async fn led(&self, from: &Url, location: &str) -> Result<Url, Failure> {
        let refuse = |why: String| Failure::new(FailureKind::Other, why);
        let mut url =
            from.join(location).map_err(|error| refuse(format!("redirected to no URL: {error}")))?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let place = shown(&url);
        match url.scheme() {
            "https" => {}
            "http" if from.scheme() == "http" => {}
            "http" => {
                let store = PlainStore::of(&url).filter(|store| !self.plain_stores.contains(store));
                if let Some(store) = store {
                    let why = format!("it redirects from TLS to plain HTTP ({place}): not followed");
                    return Err(refuse(why).with_hint(allowing(&store)));
                }
            }
            _ => return Err(refuse(format!("it redirects to {place}, which is not HTTP: not followed"))),
        }
        self.reach.check(&url).await.map_err(|forbidden| Failure::from(&forbidden))?;
        Ok(url)
    }

    async fn get(&self, request: &HttpRequest, url: &Url, offset: u64) -> Result<Response, Failure> {
        if !self.address.owns(url) {
            return self.get_as(url, None, offset).await;
        }
        let shown = self.auth.header(&request.scope).await?;
        let response = self.get_as(url, shown.as_ref(), offset).await?;
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        if is_refused && self.auth.challenged(response.headers(), &request.scope, shown.as_ref()).await? {
            let shown = self.auth.header(&request.scope).await?;
            self.limiter.another().await;
            return self.get_as(url, shown.as_ref(), offset).await;
        }
        Ok(response)
    }

    async fn get_as(
        &self,
        url: &Url,
        shown: Option<&reqwest::header::HeaderValue>,
        offset: u64,
    ) -> Result<Response, Failure> {
        let mut request = self.streams.get(url.clone());
        if let Some(shown) = shown {
            request = request.header(AUTHORIZATION, shown.clone());
        }
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let is_tls = url.scheme() == "https";
        match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(response) => response.map_err(|error| Failure::diagnose(&error, is_tls).behind(self.proxy)),
            Err(_) => Err(Failure::new(FailureKind::Timeout, "no answer within the time limit")),
        }
    }
}

impl Incoming {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(self.patience, self.response.chunk()).await {
            Ok(Ok(piece)) => self.pace.note(piece.as_ref().map_or(0, Bytes::len)).map(|()| piece),
            Ok(Err(error)) if failure::is_cut(&error) => {
                Err(Failure::new(FailureKind::Reset, "the body was cut"))
            }
            Ok(Err(error)) => Err(Failure::diagnose(&error, self.response.url().scheme() == "https")),
            Err(_) => Err(Failure::new(FailureKind::Timeout, "no more bytes came within the time limit")),
        }
    }
}

/// How fast a body comes: silence is not the only way to come to no end.
struct Pace {
    began: Instant,
    moved: u64,
    /// From then on it must have come at [`SLOWEST`].
    allowance: Duration,
    most: Duration,
}

impl Pace {
    fn new(announced: Option<u64>, allowance: Duration) -> Self {
        let most = if announced.is_some() { LONGEST } else { LONGEST_UNANNOUNCED };
        Self { began: Instant::now(), moved: 0, allowance, most }
    }

    fn note(&mut self, count: usize) -> Result<(), Failure> {
        self.moved += count as u64;
        let passed = self.began.elapsed();
        let is_slow = passed > self.allowance && self.moved < SLOWEST * passed.as_secs();
        if is_slow || passed > self.most {
            let why = format!("it came to no end: {} bytes in {} s", self.moved, passed.as_secs());
            return Err(Failure::new(FailureKind::Slow, why));
        }
        Ok(())
    }
}

/// Where a partial answer begins: what `Content-Range: bytes 5-9/10` says.
fn first_byte(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// Where a redirect leads.
fn location(response: &Response) -> Option<&str> {
    response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?.to_str().ok()
}
