//! Whether a registry lets us in.

use reqwest::{Method, StatusCode};

use crate::adapters::registry::address::shown;
use crate::adapters::registry::client::{
    Client, HttpReply, HttpRequest, NoAnswer, TokenScope, answered, cure, plain_to_tls, request_error,
    unanswered,
};
use crate::engine::ports::RequestError;

/// GET `/v2/`.
pub(in crate::adapters::registry) async fn ping(client: &Client) -> Result<(), RequestError> {
    judge(client, ask(client).await)
}

/// What `/v2/` answers, whatever it is.
pub(in crate::adapters::registry) async fn ask(client: &Client) -> Result<HttpReply, NoAnswer> {
    client.reset();
    let reply = client.ask(&HttpRequest { insist: false, ..request(client) }).await?;
    let is_tls_wanted = reply.status == StatusCode::BAD_REQUEST && speaks_tls(&reply.body);
    if is_tls_wanted && client.address.base().scheme() == "http" {
        return Err(NoAnswer { failure: plain_to_tls(), attempts: reply.attempts });
    }
    Ok(reply)
}

/// Whether it is what a registry answers that lets us in.
pub(in crate::adapters::registry) fn judge(
    client: &Client,
    answer: Result<HttpReply, NoAnswer>,
) -> Result<(), RequestError> {
    let request = request(client);
    let reply = answer.map_err(|no_answer| unanswered(&request, no_answer))?;
    let is_registry = reply.header("docker-distribution-api-version").is_some()
        || serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok()
        || reply.body.is_empty();
    let said = answered(&reply);
    let (why, hint) = match reply.status.as_u16() {
        200 if is_registry && !reply.is_web_page() => return Ok(()),
        200 | 404 => (
            format!("{said}, but this is no registry: the API version 2 is not there"),
            Some("check host, port and path prefix; a registry answers `{}` at /v2/".into()),
        ),
        _ => (said, elsewhere(&request, &reply).or_else(|| cure(&reply).map(Into::into))),
    };
    Err(RequestError { hint, ..request_error(&request, Some(reply.status), why, reply.attempts) })
}

fn request(client: &Client) -> HttpRequest {
    HttpRequest::new(Method::GET, client.address.root(), TokenScope::Known)
}

/// Where it redirects to.
fn elsewhere(request: &HttpRequest, reply: &HttpReply) -> Option<Box<str>> {
    let target = reply.header("location").filter(|_| (301..=308).contains(&reply.status.as_u16()))?;
    let target = request.url.join(target).ok()?;
    Some(format!("it redirects to {}: give that address", shown(&target)).into())
}

/// What Go's and nginx's TLS servers answer to plain HTTP.
fn speaks_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("HTTP request to an HTTPS server")
        || text.contains("plain HTTP request was sent to HTTPS port")
}
