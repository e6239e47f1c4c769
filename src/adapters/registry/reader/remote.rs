//! What a daemon is, by reads that change nothing and make a pull-through cache fetch nothing.
//!
//! | asked | 2.x | 3.x | a cache of 2.x | a cache of 3.x |
//! |---|---|---|---|---|
//! | how far an upload is that there never was | 404, `BLOB_UPLOAD_INVALID` | 404, `BLOB_UPLOAD_UNKNOWN` | as 2.x | 500, `operation unsupported` |
//! | a manifest that nobody has | 404 | 404 | 500, around its remote's 404 | 500; later 404 |

use reqwest::{Method, StatusCode};

use super::belief::never_seen;
use crate::adapters::registry::client::{Client, HttpReply, HttpRequest, TokenScope, errors};
use crate::domain::name::RepositoryName;

/// An upload that there never was.
const NO_UPLOAD: &str = "regfsck";

/// Whether it is a pull-through cache; what does not answer in a cache's way is none.
pub(super) async fn is_pull_through(client: &Client, repository: &RepositoryName) -> bool {
    let Some(reply) = asked_of_no_upload(client, repository).await else { return false };
    if failed_over(&reply, &["unsupported"]) {
        return true;
    }
    if says(&reply, "BLOB_UPLOAD_UNKNOWN") {
        return false;
    }
    let manifest = client.of_manifest(Method::GET, repository, &never_seen().to_string());
    let Ok(reply) = client.ask(&manifest).await else { return false };
    failed_over(&reply, &["manifest unknown", "manifest_unknown"])
}

/// Whether it is of 2.x, which cannot read the question.
pub(super) async fn is_of_2(client: &Client, repository: &RepositoryName) -> bool {
    asked_of_no_upload(client, repository).await.is_some_and(|reply| says(&reply, "BLOB_UPLOAD_INVALID"))
}

async fn asked_of_no_upload(client: &Client, repository: &RepositoryName) -> Option<HttpReply> {
    let mut url = client.address.uploads(repository);
    url.set_path(&format!("{}{NO_UPLOAD}", url.path()));
    let upload = HttpRequest::new(Method::GET, url, TokenScope::Pull(repository.to_string()));
    client.ask(&HttpRequest { insist: false, ..upload }).await.ok()
}

fn says(reply: &HttpReply, code: &str) -> bool {
    let said = errors(&reply.body).is_some_and(|errors| errors.iter().any(|error| error.code == code));
    said && reply.status == StatusCode::NOT_FOUND
}

/// Whether it failed, and over one of these.
fn failed_over(reply: &HttpReply, words: &[&str]) -> bool {
    let said = String::from_utf8_lossy(&reply.body).to_ascii_lowercase();
    reply.status == StatusCode::INTERNAL_SERVER_ERROR && words.iter().any(|word| said.contains(word))
}
