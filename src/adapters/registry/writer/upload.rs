//! The blind upload of one blob.
//!
//! ```text
//! POST ─► small: PUT with all bytes
//!      └► large: PATCH, PATCH, …  ─► PUT without bytes
//!                  └ broke: GET the session, go on at the daemon's offset; does it not say, begin anew
//! ```
//! A 2.8 daemon forgets a session whose PATCH broke in the middle (404); 3.x tells its offset.

use reqwest::Method;
use reqwest::header::CONTENT_RANGE;

use super::session::{self, abandon, about, received};
use crate::adapters::registry::client::{
    Client, HttpReply, HttpRequest, NoAnswer, SendError, is_full, refused, request_error, unanswered,
};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::engine::ports::{ByteSource, RequestError, UploadSession};

/// Why a try to upload did not succeed.
enum Broken {
    /// Begin anew, if attempts are left.
    Again(RequestError),
    /// It would fail again.
    Final(RequestError),
}

/// Upload a blob, beginning anew as often as a question is asked again.
pub(super) async fn blob(
    client: &Client,
    repository: &RepositoryName,
    digest: &Digest,
    source: &dyn ByteSource,
) -> Result<(), RequestError> {
    let mut waits = client.waits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let session = session::start(client, repository).await?;
        let upload = Upload { client, digest, source, session: session.clone(), resumed: false };
        let error = match upload.run().await {
            Ok(()) => return Ok(()),
            Err(Broken::Again(error)) => match waits.next() {
                Some(wait) => {
                    abandon(client, &session).await;
                    tokio::time::sleep(wait).await;
                    continue;
                }
                None => error,
            },
            Err(Broken::Final(error)) => error,
        };
        abandon(client, &session).await;
        return Err(RequestError { attempts, ..error });
    }
}

struct Upload<'a> {
    client: &'a Client,
    digest: &'a Digest,
    source: &'a dyn ByteSource,
    session: UploadSession,
    resumed: bool,
}

impl Upload<'_> {
    async fn run(mut self) -> Result<(), Broken> {
        let size = self.source.size();
        if size <= self.client.chunk {
            return self.finish(0, size).await;
        }
        let mut offset = 0;
        while offset < size {
            let length = self.client.chunk.min(size - offset);
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
        let request = about(self.client, Method::PATCH, &self.session).map_err(Broken::Final)?;
        let request = request.header(CONTENT_RANGE, &format!("{offset}-{}", offset + length - 1));
        let reply = self.send(&request, offset, length).await?;
        if !matches!(reply.status.as_u16(), 202 | 201 | 204) {
            return Err(self.judged(&request, &reply));
        }
        let next = session::next(self.client, &request, &self.session.repository, &reply);
        self.session = next.map_err(Broken::Final)?;
        let at = received(&reply);
        Ok(if at == 0 { offset + length } else { at })
    }

    /// A PATCH broke: learn from the daemon where to go on, once it can be trusted to know.
    async fn resume(&mut self, offset: u64, error: RequestError) -> Result<u64, Broken> {
        let Ok((at, next)) = session::status(self.client, &self.session).await else {
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
        let mut request = about(self.client, Method::PUT, &self.session).map_err(Broken::Final)?;
        request.url.query_pairs_mut().append_pair("digest", &self.digest.to_string());
        let reply = self.send(&request, offset, length).await?;
        match reply.status.as_u16() {
            201 | 204 | 202 => Ok(()),
            _ => Err(self.judged(&request, &reply)),
        }
    }

    /// What an answer that is no success means, once the wait that it asks for is set.
    fn judged(&self, request: &HttpRequest, reply: &HttpReply) -> Broken {
        let is_patient = self.client.pause(reply).is_none_or(|wait| wait < self.client.timeout);
        match judge(request, reply, self.resumed) {
            Broken::Again(error) if is_patient => Broken::Again(error),
            Broken::Again(error) | Broken::Final(error) => Broken::Final(error),
        }
    }

    /// Send `length` bytes from `offset` on as the body of a request.
    async fn send(&self, request: &HttpRequest, offset: u64, length: u64) -> Result<HttpReply, Broken> {
        let sent = self.client.send_body(request, self.source, offset, length).await;
        sent.map_err(|error| match error {
            SendError::Source(error) => {
                let why = format!("the bytes to upload cannot be read: {error}");
                Broken::Final(request_error(request, None, why, 1))
            }
            SendError::Short(moved, failure) => {
                let why = format!("the source ended after {moved} of {length} bytes ({})", failure.why);
                Broken::Final(request_error(request, None, why, 1))
            }
            SendError::Failure(failure) => {
                let is_passing = failure.is_passing();
                let error = unanswered(request, NoAnswer { failure, attempts: 1 });
                if is_passing { Broken::Again(error) } else { Broken::Final(error) }
            }
        })
    }
}

/// Whether an answer that is no success may be another one next time.
fn judge(request: &HttpRequest, reply: &HttpReply, resumed: bool) -> Broken {
    let error = refused(request, reply);
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
