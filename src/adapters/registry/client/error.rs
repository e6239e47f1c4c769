//! What is told of an answer that was not the one needed, and of none.

use reqwest::StatusCode;

use super::exchange::{HttpReply, HttpRequest, NoAnswer};
use super::wire::{self, printable};
use crate::adapters::registry::address::shown;
use crate::engine::ports::RequestError;

const FULL: &str = "the registry's disk is full: make room there, by more than what is to be uploaded, and run this again; \
                    what came so far stays under `_uploads` until the registry purges it";

/// An error about a request.
pub(crate) fn request_error(
    request: &HttpRequest,
    status: Option<StatusCode>,
    why: impl Into<Box<str>>,
    attempts: u32,
) -> RequestError {
    let status = status.map(|status| status.as_u16());
    let error = RequestError::new(request.method.as_str(), &shown(&request.url), why);
    RequestError { status, attempts, ..error }
}

/// No answer came. Attempts are told where one more might help: a refusal is as final after a broken connection as at once.
pub(crate) fn unanswered(request: &HttpRequest, NoAnswer { failure, attempts }: NoAnswer) -> RequestError {
    let attempts = if failure.is_passing() { attempts } else { 1 };
    let error = request_error(request, None, failure.why, attempts);
    RequestError { hint: failure.hint.map(Into::into), ..error }
}

/// An answer came, and not the one that was needed.
pub(crate) fn refused(request: &HttpRequest, reply: &HttpReply) -> RequestError {
    let error = wire::errors(&reply.body).and_then(|errors| errors.into_iter().next());
    let why = match error.as_ref().and_then(wire::WireError::trouble) {
        Some(trouble) => format!("{} ({trouble})", answered(reply)),
        None => answered(reply),
    };
    let body = match error {
        Some(_) => String::new(),
        None => printable(&String::from_utf8_lossy(&reply.body), 160),
    };
    let hint = if is_full(reply) { Some(FULL) } else { cure(reply) }.map(Into::into);
    let code = error.map(|error| Box::from(error.code));
    RequestError {
        code,
        body: body.into(),
        hint,
        ..request_error(request, Some(reply.status), why, reply.attempts)
    }
}

/// Status and error code in words.
pub(crate) fn answered(reply: &HttpReply) -> String {
    let mut words = vec![status_words(reply.status)];
    if let Some(error) = wire::errors(&reply.body).and_then(|errors| errors.into_iter().next()) {
        words.push(error.line());
    } else if reply.is_web_page() {
        words.push("a web page".into());
    }
    if is_for_less(reply) {
        words.push("the account lacks the right to do this".into());
    }
    if reply.status.is_redirection() {
        words.push("a redirect, not followed".into());
    }
    words.join(", ")
}

fn status_words(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |reason| format!("{} {reason}", status.as_str()))
}

/// Whether the registry says that it knows us, and does not let us do this.
fn is_for_less(reply: &HttpReply) -> bool {
    reply.header("www-authenticate").is_some_and(|challenge| challenge.contains("insufficient_scope"))
}

/// Whether the daemon says that its disk is full.
pub(crate) fn is_full(reply: &HttpReply) -> bool {
    wire::errors(&reply.body).is_some_and(|errors| errors.iter().any(wire::WireError::is_for_want_of_room))
}

/// What to do about a status that is no answer.
pub(crate) fn cure(reply: &HttpReply) -> Option<&'static str> {
    Some(match reply.status.as_u16() {
        401 if reply.to_given_token && is_for_less(reply) => {
            "the token is good, but not for this: get one for --registry-token that covers it"
        }
        401 if reply.to_given_token => {
            "the token is not accepted: it has run out, or another registry's server made it; get a new one for --registry-token"
        }
        401 => {
            "credentials are missing or not accepted: give --creds, or log in so that an auth file has them"
        }
        403 => "these credentials may not do this: use an account with more rights",
        413 => {
            "a proxy in front of the registry limits how large a request may be (nginx: client_max_body_size)"
        }
        405 => "this registry does not allow it (read-only, pull-through cache, or deletion disabled)",
        429 => "the registry throttles us: lower --rate or --jobs",
        502..=504 => "the registry, or a proxy in front of it, is overloaded or down",
        301..=308 => "this address only redirects: give the URL that it redirects to",
        _ => return None,
    })
}
