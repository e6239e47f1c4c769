//! What a daemon is, by reads that change nothing and make a pull-through cache fetch nothing.
//!
//! | asked | 2.x | 3.x | a cache of 2.x | a cache of 3.x |
//! |---|---|---|---|---|
//! | how far an upload is that there never was | 404, `BLOB_UPLOAD_INVALID` | 404, `BLOB_UPLOAD_UNKNOWN` | as 2.x | 500, `operation unsupported` |
//! | a manifest that nobody has | 404 | 404 | 500, around its remote's answer, or why there is none | 500; later 404 |

use reqwest::{Method, StatusCode};

use super::belief::never_seen;
use crate::adapters::registry::client::{Client, HttpReply, HttpRequest, TokenScope, errors};
use crate::domain::name::RepositoryName;

/// An upload that there never was.
const NO_UPLOAD: &str = "regfsck";

/// Whether it is a pull-through cache; nothing where its answers do not tell, as where this repository is refused to us.
pub(super) async fn is_pull_through(client: &Client, repository: &RepositoryName) -> Option<bool> {
    let reply = asked_of_no_upload(client, repository).await?;
    if failed_over(&reply, "unsupported") {
        return Some(true);
    }
    if says(&reply, "BLOB_UPLOAD_UNKNOWN") {
        return Some(false);
    }
    let is_of_2 = says(&reply, "BLOB_UPLOAD_INVALID");
    let manifest = client.of_manifest(Method::GET, repository, &never_seen().to_string());
    let reply = client.ask(&manifest).await.ok()?;
    if is_of_2 && reply.status == StatusCode::NOT_FOUND {
        return Some(false);
    }
    // A cache tells what its remote said, or why that cannot be reached; another daemon what its storage said.
    let of_remote = ["manifest unknown", r#""detail":{"errors":"#, r#""op":"get","url":"#];
    of_remote.iter().any(|words| failed_over(&reply, words)).then_some(true)
}

/// Whether it is of 2.x, which cannot read the question; nothing where it gives neither answer.
pub(super) async fn is_of_2(client: &Client, repository: &RepositoryName) -> Option<bool> {
    let reply = asked_of_no_upload(client, repository).await?;
    let is_of_3 = says(&reply, "BLOB_UPLOAD_UNKNOWN") || failed_over(&reply, "unsupported");
    if says(&reply, "BLOB_UPLOAD_INVALID") { Some(true) } else { is_of_3.then_some(false) }
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

/// Whether it failed, and over this.
fn failed_over(reply: &HttpReply, words: &str) -> bool {
    let said = String::from_utf8_lossy(&reply.body).to_ascii_lowercase();
    reply.status == StatusCode::INTERNAL_SERVER_ERROR && said.contains(words)
}
