//! A body that comes in: a blob from any byte on, from the daemon or from the object store that it redirects to.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use super::exchange::{HttpReply, HttpRequest, Take, read};
use super::failure::{self, Failure, FailureKind};
use super::{Client, tripped};

/// So many redirects are followed into an object store.
const MOST_REDIRECTS: u32 = 5;
/// The most that is read of an answer that is no body.
const REFUSAL: Take = Take::Bytes(64 << 10);

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
    patience: std::time::Duration,
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
        Ok(Opened::Body(Incoming { response, start, patience: self.timeout, _permit: permit }))
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
            let Some(target) = redirect(&url, &response) else { return Ok(response) };
            url = target;
            self.limiter.another().await;
            response = self.get(request, &url, offset).await?;
        }
        if redirect(&url, &response).is_some() {
            return Err(Failure::new(FailureKind::Other, "redirected in circles"));
        }
        Ok(response)
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
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) if failure::is_cut(&error) => {
                Err(Failure::new(FailureKind::Reset, "the body was cut"))
            }
            Ok(Err(error)) => Err(Failure::diagnose(&error, self.response.url().scheme() == "https")),
            Err(_) => Err(Failure::new(FailureKind::Timeout, "no more bytes came within the time limit")),
        }
    }
}

/// Where a partial answer begins: what `Content-Range: bytes 5-9/10` says.
fn first_byte(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn redirect(from: &Url, response: &Response) -> Option<Url> {
    let target = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    from.join(target.to_str().ok()?).ok()
}
