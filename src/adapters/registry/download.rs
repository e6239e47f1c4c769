//! One blob as a stream, hashed on the way; taken up again where the connection broke.

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use url::Url;

use super::auth::Scope;
use super::digesting::Hasher;
use super::fault::{Fault, Kind};
use super::transport::{Ask, Reply, Silence, Take, read, tripped};
use super::write::{HttpWriter, failure, refused, unheard};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::engine::ports::{Downloaded, WriteError};

/// So many redirects are followed into an object store.
const MOST_REDIRECTS: u32 = 5;

/// How an opening of the blob went.
pub(super) enum Opened {
    Body(Response),
    Refused(Reply),
}

/// Why the stream stopped.
enum Stopped {
    Done,
    Broke(Fault),
    Sink(std::io::Error),
}

/// Fetch a blob into `sink`.
pub(super) async fn blob(
    writer: &HttpWriter,
    repository: &RepositoryName,
    digest: &Digest,
    sink: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<Downloaded, WriteError> {
    let url = writer.transport.address.blob(repository, digest);
    let ask = Ask::new(Method::GET, url, Scope::Pull(repository.to_string()));
    let hasher = Hasher::new(digest.algorithm());
    let mut download = Download { writer, ask, hasher, size: 0, takes_all: false };
    let mut waits = writer.transport.limiter.waits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let before = download.size;
        let fault = match download.go_on(sink, attempts).await? {
            Stopped::Done => break,
            Stopped::Broke(fault) => fault,
            Stopped::Sink(error) => {
                let why = format!("the bytes cannot be written: {error}");
                return Err(failure(&download.ask, None, why, attempts));
            }
        };
        // Without one new byte it would break there again: a phantom, or a file too short.
        let worth_it =
            download.size > before || before == 0 && fault.is_passing() && fault.kind != Kind::Reset;
        match waits.next() {
            Some(wait) if worth_it => tokio::time::sleep(wait).await,
            _ => {
                let why = format!("{} after {} bytes", fault.why, download.size);
                return Err(WriteError {
                    hint: fault.hint.map(Into::into),
                    ..failure(&download.ask, None, why, attempts)
                });
            }
        }
    }
    let end = sink.flush().await;
    end.map_err(|error| {
        failure(&download.ask, None, format!("the bytes cannot be written: {error}"), attempts)
    })?;
    Ok(Downloaded { digest: download.hasher.finish(), size: download.size })
}

/// Open a blob from `offset` on; a server that knows no ranges sends all of it, with status 200.
pub(super) async fn open(
    writer: &HttpWriter,
    repository: &RepositoryName,
    digest: &Digest,
    offset: u64,
) -> Result<Opened, Fault> {
    let _permit = writer.transport.limiter.pass().await.ok_or_else(tripped)?;
    let url = writer.transport.address.blob(repository, digest);
    let ask = Ask::new(Method::GET, url, Scope::Pull(repository.to_string()));
    let hasher = Hasher::new(digest.algorithm());
    Download { writer, ask, hasher, size: offset, takes_all: true }.open().await
}

struct Download<'a> {
    writer: &'a HttpWriter,
    ask: Ask,
    hasher: Hasher,
    size: u64,
    /// Whether all bytes will do where those from `size` on were asked for.
    takes_all: bool,
}

impl Download<'_> {
    async fn go_on(
        &mut self,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        attempts: u32,
    ) -> Result<Stopped, WriteError> {
        let Some(_permit) = self.writer.transport.limiter.pass().await else {
            return Err(unheard(&self.ask, &Silence { fault: tripped(), attempts }));
        };
        let reply = match self.open().await {
            Err(fault) if fault.is_passing() => return Ok(Stopped::Broke(fault)),
            Err(fault) => return Err(unheard(&self.ask, &Silence { fault, attempts })),
            Ok(Opened::Body(response)) => return Ok(self.drain(response, sink).await),
            Ok(Opened::Refused(reply)) => reply,
        };
        if matches!(reply.status.as_u16(), 429 | 502..=504) && attempts <= 5 {
            return Ok(Stopped::Broke(Fault::new(Kind::Timeout, super::reading::said(&reply))));
        }
        Err(refused(&self.ask, &Reply { attempts, ..reply }))
    }

    /// GET, from where we are on, into the object store where the daemon sends us there.
    async fn open(&self) -> Result<Opened, Fault> {
        let mut url = self.ask.url.clone();
        for _ in 0..MOST_REDIRECTS {
            let response = self.get(&url).await?;
            let status = response.status();
            if let Some(target) = redirect(&url, status, response.headers()) {
                url = target;
                continue;
            }
            let wanted = if self.size == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
            if status == wanted || self.takes_all && status == StatusCode::OK {
                return Ok(Opened::Body(response));
            }
            return read(response, Take::Bytes(64 << 10), url.scheme() == "https").await.map(Opened::Refused);
        }
        Err(Fault::new(Kind::Other, "redirected in circles"))
    }

    async fn get(&self, url: &Url) -> Result<Response, Fault> {
        let transport = &self.writer.transport;
        let ours = transport.address.owns(url);
        let shown = if ours { transport.auth.header(&self.ask.scope).await? } else { None };
        let response = self.get_as(url, shown.as_ref()).await?;
        let refused = ours && response.status() == StatusCode::UNAUTHORIZED;
        if refused && transport.auth.challenged(response.headers(), &self.ask.scope, shown.as_ref()).await? {
            let shown = transport.auth.header(&self.ask.scope).await?;
            return self.get_as(url, shown.as_ref()).await;
        }
        Ok(response)
    }

    async fn get_as(
        &self,
        url: &Url,
        shown: Option<&reqwest::header::HeaderValue>,
    ) -> Result<Response, Fault> {
        let mut request = self.writer.streams.get(url.clone());
        if let Some(shown) = shown {
            request = request.header(AUTHORIZATION, shown.clone());
        }
        if self.size > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.size));
        }
        let tls = url.scheme() == "https";
        let limit = self.writer.transport.timeout;
        match tokio::time::timeout(limit, request.send()).await {
            Ok(response) => response.map_err(|error| Fault::diagnose(&error, tls)),
            Err(_) => Err(Fault::new(Kind::Timeout, "no answer within the time limit")),
        }
    }

    async fn drain(&mut self, mut response: Response, sink: &mut (dyn AsyncWrite + Send + Unpin)) -> Stopped {
        let tls = response.url().scheme() == "https";
        loop {
            let Ok(piece) = tokio::time::timeout(self.writer.transport.timeout, response.chunk()).await
            else {
                return Stopped::Broke(Fault::new(Kind::Timeout, "no more bytes came within the time limit"));
            };
            let bytes = match piece {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Stopped::Done,
                Err(error) if super::fault::is_cut(&error) => {
                    return Stopped::Broke(Fault::new(Kind::Reset, "the body was cut"));
                }
                Err(error) => return Stopped::Broke(Fault::diagnose(&error, tls)),
            };
            self.hasher.update(&bytes);
            self.size += bytes.len() as u64;
            if let Err(error) = sink.write_all(&bytes).await {
                return Stopped::Sink(error);
            }
        }
    }
}

fn redirect(from: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Url> {
    let target = headers.get(LOCATION).filter(|_| status.is_redirection())?;
    from.join(target.to_str().ok()?).ok()
}
