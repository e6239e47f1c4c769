//! One blob as a stream, hashed on the way; taken up again where the connection broke.

use bytes::Bytes;
use reqwest::Method;
use tokio::io::{AsyncWrite, AsyncWriteExt as _, sink};

use super::answer::Question;
use crate::adapters::registry::client::{
    Client, Failure, FailureKind, HttpReply, HttpRequest, Incoming, NoAnswer, Opened, answered, refused,
    request_error, unanswered,
};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::views::served::{Answer, Asked, Denial};
use crate::domain::views::storage::HashedBlob;
use crate::engine::ports::{Downloaded, Hasher, RequestError};

/// So often a registry that is busy is asked for a blob.
const MOST_REFUSALS: u32 = 5;

type Sink<'a> = &'a mut (dyn AsyncWrite + Send + Unpin);

/// Why the stream stopped.
enum Stopped {
    Done,
    Broke(Failure),
    Sink(std::io::Error),
}

/// Hash what the daemon delivers, and keep it nowhere.
pub(super) async fn hash(
    client: &Client,
    repository: &RepositoryName,
    digest: &Digest,
) -> Asked<Answer<HashedBlob>> {
    let question = Question::new(&client.of_blob(Method::GET, repository, digest)).about(digest);
    question.answered(match fetch(client, repository, digest, &mut sink()).await {
        Ok(got) => {
            let said = format!("{} bytes that hash to {}", got.size, got.digest);
            let hashed = HashedBlob { digest: *digest, actual: got.digest, size: got.size };
            (Answer::Yes(hashed), said)
        }
        Err(error) => {
            let why = error.reason_and_hint();
            let answer = match error.status {
                Some(404) => Answer::No(Denial::Blob),
                Some(500) => Answer::Broken(why.clone()),
                _ => Answer::Unknown(why.clone()),
            };
            (answer, why)
        }
    })
}

/// Fetch a blob into `sink`.
pub(super) async fn fetch(
    client: &Client,
    repository: &RepositoryName,
    digest: &Digest,
    sink: Sink<'_>,
) -> Result<Downloaded, RequestError> {
    let request = client.of_blob(Method::GET, repository, digest);
    let mut download = Download { client, request, hasher: Hasher::new(digest.algorithm()), size: 0 };
    let mut waits = client.waits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let before = download.size;
        let failure = match download.go_on(sink, attempts).await? {
            Stopped::Done => break,
            Stopped::Broke(failure) => failure,
            Stopped::Sink(error) => return Err(download.unwritten(&error, attempts)),
        };
        // Without one new byte it would break there again: a phantom, or a file too short.
        let is_worth_it = failure.kind != FailureKind::Slow && download.size > before
            || before == 0 && failure.is_passing() && failure.kind != FailureKind::Reset;
        match waits.next() {
            Some(wait) if is_worth_it => tokio::time::sleep(wait).await,
            _ => return Err(download.broken(failure, attempts)),
        }
    }
    let flushed = sink.flush().await;
    flushed.map_err(|error| download.unwritten(&error, attempts))?;
    Ok(Downloaded { digest: download.hasher.finish(), size: download.size })
}

struct Download<'a> {
    client: &'a Client,
    request: HttpRequest,
    hasher: Hasher,
    size: u64,
}

impl Download<'_> {
    async fn go_on(&mut self, sink: Sink<'_>, attempts: u32) -> Result<Stopped, RequestError> {
        let reply = match self.client.open(&self.request, self.size).await {
            Err(failure) if failure.is_passing() => return Ok(Stopped::Broke(failure)),
            Err(failure) => return Err(unanswered(&self.request, NoAnswer { failure, attempts })),
            Ok(Opened::Body(body)) => return Ok(self.drain(body, sink).await),
            Ok(Opened::Refused(reply)) => HttpReply { attempts, ..reply },
        };
        if reply.is_passing() && attempts <= MOST_REFUSALS {
            return Ok(Stopped::Broke(Failure::new(FailureKind::Timeout, answered(&reply))));
        }
        Err(refused(&self.request, &reply))
    }

    async fn drain(&mut self, mut body: Incoming, sink: Sink<'_>) -> Stopped {
        let mut known = self.size.saturating_sub(body.start);
        loop {
            let mut bytes = match body.next().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Stopped::Done,
                Err(failure) => return Stopped::Broke(failure),
            };
            known -= skip(&mut bytes, known);
            self.hasher.update(&bytes);
            self.size += bytes.len() as u64;
            if let Err(error) = sink.write_all(&bytes).await {
                return Stopped::Sink(error);
            }
        }
    }

    fn broken(&self, failure: Failure, attempts: u32) -> RequestError {
        let why = format!("{} after {} bytes", failure.why, self.size);
        RequestError {
            hint: failure.hint.map(Into::into),
            ..request_error(&self.request, None, why, attempts)
        }
    }

    fn unwritten(&self, error: &std::io::Error, attempts: u32) -> RequestError {
        request_error(&self.request, None, format!("the bytes cannot be written: {error}"), attempts)
    }
}

/// Drop the first `count` bytes, which had come before the connection broke; how many were dropped.
fn skip(bytes: &mut Bytes, count: u64) -> u64 {
    let cut = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    drop(bytes.split_to(cut));
    cut as u64
}
