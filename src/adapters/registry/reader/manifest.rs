//! Manifests as the daemon serves them.

use reqwest::{Method, StatusCode};

use super::answer::{Question, said, without};
use crate::adapters::registry::client::{Client, End, HttpReply, HttpRequest, request_error};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::manifest::{self, Kind};
use crate::domain::name::{Reference, RepositoryName};
use crate::domain::views::served::{Answer, Asked, Denial, ServedManifest};
use crate::domain::views::storage::ReadManifest;
use crate::engine::ports::{Hasher, RawManifest, RequestError};

const TOO_LARGE: &str = "more than the 4 MiB that a manifest may have";

/// What is served, asked for `by` a digest or not.
pub(super) async fn ask(
    client: &Client,
    request: HttpRequest,
    by: Option<&Digest>,
) -> Asked<Answer<ServedManifest>> {
    let question = Question::new(&request);
    let question = match by {
        Some(digest) => question.about(digest),
        None => question,
    };
    match client.ask(&request).await {
        Err(no_answer) => question.no_answer(&no_answer),
        Ok(reply) => question.answered(read(&reply, by)),
    }
}

/// The bytes of a manifest.
pub(crate) async fn fetch(
    client: &Client,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<RawManifest, RequestError> {
    let request = client.of_manifest(Method::GET, repository, &reference.to_string());
    let reply = client.expect(&request, &[200]).await?;
    let refuse = |why: &str| Err(request_error(&request, Some(reply.status), why, reply.attempts));
    match reply.end {
        End::Whole if reply.is_web_page() => return refuse("a web page, not a manifest"),
        End::Whole => {}
        End::Cut | End::Enough => return refuse(TOO_LARGE),
    }
    let algorithm = match reference {
        Reference::Digest(digest) => digest.algorithm(),
        Reference::Tag(_) => Algorithm::Sha256,
    };
    let bytes = as_stored(reply.body);
    let digest = Hasher::of(algorithm, &bytes);
    Ok(RawManifest { bytes, digest })
}

fn read(reply: &HttpReply, by: Option<&Digest>) -> (Answer<ServedManifest>, String) {
    let words = said(reply);
    if reply.status != StatusCode::OK || reply.is_web_page() {
        let answer = match (without(reply), by) {
            // Asked for by digest, it can only be the manifest that is unknown.
            (Answer::No(Denial::Unspecified), Some(_)) => Answer::No(Denial::Manifest),
            (answer, _) => answer,
        };
        return (answer, words);
    }
    if reply.end != End::Whole {
        let why = format!("{words}, more than the 4 MiB that a manifest may have");
        return (Answer::Unknown(why.clone()), why);
    }
    let stored = stored_in(&reply.body);
    let bytes = stored.as_deref().unwrap_or(&reply.body);
    let (size, digest) = (bytes.len() as u64, digest_of(reply, bytes, by));
    let read = match manifest::parse(bytes) {
        Ok(manifest) => ReadManifest::Manifest(manifest),
        Err(error) => ReadManifest::Unreadable(error.to_string()),
    };
    let claimed = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let lie = claimed.filter(|claimed| claimed.algorithm() == digest.algorithm() && *claimed != digest);
    let said = lie.map_or_else(
        || format!("{words}, {size} bytes of {}", digest.short()),
        |claimed| format!("{words}, {size} bytes of {} called {}", digest.short(), claimed.short()),
    );
    (Answer::Yes(ServedManifest { digest, size, read }), said)
}

/// The digest of the bytes by the algorithm asked for, else by the one that the daemon names them with.
fn digest_of(reply: &HttpReply, bytes: &[u8], by: Option<&Digest>) -> Digest {
    let named = || reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let algorithm = by.copied().or_else(named).map_or(Algorithm::Sha256, |digest| digest.algorithm());
    Hasher::of(algorithm, bytes)
}

/// What is stored of a manifest of schema 1, where it was signed when it was asked for.
fn stored_in(body: &[u8]) -> Option<Vec<u8>> {
    let is_old = manifest::parse(body).is_ok_and(|manifest| manifest.kind == Kind::Schema1);
    is_old.then(|| manifest::signed_payload(body)).flatten()
}

fn as_stored(body: Vec<u8>) -> Vec<u8> {
    stored_in(&body).unwrap_or(body)
}
