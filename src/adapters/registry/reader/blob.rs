//! What the daemon claims of a blob, and what it delivers.

use reqwest::Method;
use reqwest::header::{LOCATION, RANGE};
use url::Url;

use super::answer::{Question, said, without};
use crate::adapters::registry::client::{Client, End, HttpReply, HttpRequest, Take, TokenScope};
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::views::served::{Answer, Asked, Claim, Delivery};

/// So many redirects from store to store are followed for a byte.
const MOST_REDIRECTS: u32 = 5;

pub(super) async fn head(
    client: &Client,
    repository: &RepositoryName,
    digest: &Digest,
) -> Asked<Answer<Claim>> {
    let request = client.of_blob(Method::HEAD, repository, digest);
    let question = Question::new(&request).about(digest);
    match client.ask(&request).await {
        Err(no_answer) => question.no_answer(&no_answer),
        Ok(reply) => question.answered(read_claim(&reply)),
    }
}

pub(super) async fn byte(
    client: &Client,
    repository: &RepositoryName,
    digest: &Digest,
    at: u64,
) -> Asked<Answer<Delivery>> {
    let request = one_byte(client.of_blob(Method::GET, repository, digest), at);
    let question = Question::new(&request).about(digest);
    match client.ask(&request).await {
        Err(no_answer) => question.no_answer(&no_answer),
        Ok(reply) if matches!(reply.status.as_u16(), 302 | 303 | 307) => {
            question.answered(byte_of_store(client, request.url, reply, at).await)
        }
        Ok(reply) => question.answered(read_delivery(&reply)),
    }
}

/// Follow redirects into the object store, without our credentials, for the byte.
async fn byte_of_store(
    client: &Client,
    mut from: Url,
    mut reply: HttpReply,
    at: u64,
) -> (Answer<Delivery>, String) {
    for _ in 0..MOST_REDIRECTS {
        let Some(target) = reply.header(LOCATION.as_str()) else {
            return (Answer::Unknown("a redirect without a target".into()), said(&reply));
        };
        let target = match client.led(&from, target).await {
            Ok(target) => target,
            Err(refused) => return (Answer::Unknown(refused.words()), said(&reply)),
        };
        let host = target.host_str().unwrap_or_default().to_owned();
        let request = one_byte(HttpRequest::new(Method::GET, target.clone(), TokenScope::Known), at);
        let before = format!("{}; followed to {host}", said(&reply));
        match client.ask(&request).await {
            Err(no_answer) => {
                let why =
                    format!("the daemon redirects to {host}, which did not answer: {}", no_answer.words());
                return (Answer::Unknown(why), before);
            }
            Ok(next) if next.status.is_redirection() => (from, reply) = (target, next),
            Ok(next) => {
                let (answer, said) = read_store(&next);
                return (answer, format!("{before}: {said}"));
            }
        }
    }
    (Answer::Unknown("redirected in circles".into()), said(&reply))
}

fn one_byte(request: HttpRequest, at: u64) -> HttpRequest {
    request.header(RANGE, &format!("bytes={at}-{at}")).take(Take::FirstByte)
}

fn read_claim(reply: &HttpReply) -> (Answer<Claim>, String) {
    let mut words = said(reply);
    let answer = match reply.status.as_u16() {
        200 if !reply.is_web_page() => {
            let size = reply.length();
            if let Some(size) = size {
                words = format!("{words}, Content-Length {size}");
            }
            Answer::Yes(Claim { size, redirected: false })
        }
        307 | 302 | 303 => Answer::Yes(Claim { size: None, redirected: true }),
        _ => without(reply),
    };
    (answer, words)
}

fn read_delivery(reply: &HttpReply) -> (Answer<Delivery>, String) {
    let words = said(reply);
    let announced = reply.length();
    match (reply.status.as_u16(), reply.body.is_empty(), reply.end) {
        (200 | 206, _, _) if reply.is_web_page() => (without(reply), words),
        (200 | 206, false, _) => {
            (Answer::Yes(Delivery::Byte(reply.total())), format!("{words}, a byte came"))
        }
        (200, true, End::Whole) => {
            (Answer::Yes(Delivery::Short(Some(0))), format!("{words}, announced as empty"))
        }
        (200 | 206, true, _) => {
            let announced = announced.map(|size| format!(", Content-Length {size}")).unwrap_or_default();
            (Answer::Yes(Delivery::Nothing), format!("{words}{announced}, then not one byte"))
        }
        (416, _, _) => (Answer::Yes(Delivery::Short(reply.total())), words),
        _ => (without(reply), words),
    }
}

/// An object store's answer: it says 404 of what it lacks. What it says with 403 is of whoever signed the URL, which may
/// be too old, or made by a clock that is wrong, or by one who may not list and so is not told what is missing.
fn read_store(reply: &HttpReply) -> (Answer<Delivery>, String) {
    let names = |code: &str| reply.body.windows(code.len()).any(|part| part == code.as_bytes());
    let is_lost = ["<Code>NoSuchBucket<", "<Code>ContainerNotFound<"].iter().any(|code| names(code));
    match reply.status.as_u16() {
        404 if is_lost => {
            (Answer::Unknown("the store has no such bucket: nothing in it can be told".into()), said(reply))
        }
        404 => (Answer::Yes(Delivery::Nothing), said(reply)),
        403 => (
            Answer::Unknown("the store refuses the daemon's own URL, which proves nothing".into()),
            said(reply),
        ),
        _ => read_delivery(reply),
    }
}
