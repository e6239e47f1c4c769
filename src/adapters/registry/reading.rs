//! What an answer means.

use jiff::Timestamp;
use reqwest::StatusCode;

use super::transport::{Ask, Reply, Silence};
use super::wire::{self, printable};
use crate::domain::views::served::{Answer, Asked, Denial, Exchange};

/// A question, on its way to become an exchange.
pub(super) struct Question {
    asked: String,
    at: Timestamp,
}

impl Question {
    pub(super) fn new(ask: &Ask) -> Self {
        let range = ask.headers.get("range").and_then(|range| range.to_str().ok());
        let asked = range.map_or_else(|| ask.shown(), |range| format!("{}, Range: {range}", ask.shown()));
        Self { asked, at: Timestamp::now() }
    }

    pub(super) fn noting(mut self, note: &str) -> Self {
        self.asked.push_str(note);
        self
    }

    pub(super) fn exchange(self, said: impl Into<String>) -> Exchange {
        Exchange { asked: self.asked, said: said.into(), at: self.at }
    }

    /// No answer.
    pub(super) fn silence<T>(self, silence: &Silence) -> Asked<Answer<T>> {
        let why = silence.words();
        Asked { answer: Answer::Unknown(why.clone()), exchange: self.exchange(why) }
    }
}

impl Silence {
    /// In one line, the cure included.
    pub(super) fn words(&self) -> String {
        let tried = if self.attempts > 1 { format!(" ({} attempts)", self.attempts) } else { String::new() };
        let hint = self.fault.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}{tried}{hint}", self.fault.why)
    }
}

/// Status, error code and size: what is shown as evidence.
pub(super) fn said(reply: &Reply) -> String {
    let mut said = answered(reply);
    if reply.attempts > 1 {
        said = format!("{said}, after {} attempts", reply.attempts);
    }
    said
}

/// The same, for those who tell the attempts themselves.
pub(super) fn answered(reply: &Reply) -> String {
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

/// Whether the registry says that it knows us, and does not let us do this.
fn is_for_less(reply: &Reply) -> bool {
    reply.header("www-authenticate").is_some_and(|challenge| challenge.contains("insufficient_scope"))
}

/// Whether the daemon says that its disk is full.
pub(super) fn is_full(reply: &Reply) -> bool {
    wire::errors(&reply.body).is_some_and(|errors| errors.iter().any(wire::WireError::is_for_want_of_room))
}

pub(super) fn status_words(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |reason| format!("{} {reason}", status.as_str()))
}

/// What an answer without the thing asked for means.
pub(super) fn without<T>(reply: &Reply) -> Answer<T> {
    let said = said(reply);
    match reply.status.as_u16() {
        404 => not_found(reply),
        500 => Answer::Broken(said),
        200..300 if reply.is_web_page() => Answer::Unknown(format!("{said}: this is not the registry's API")),
        _ => Answer::Unknown(match cure(reply) {
            Some(cure) => format!("{said}; {cure}"),
            None => said,
        }),
    }
}

/// A 404 denies something only if a registry says it, not a proxy in front of one.
fn not_found<T>(reply: &Reply) -> Answer<T> {
    let Some(errors) = wire::errors(&reply.body) else {
        return if reply.is_web_page() {
            Answer::Unknown(format!("{}: no answer of a registry", said(reply)))
        } else {
            Answer::No(Denial::Unspecified)
        };
    };
    if let Some(error) = errors.iter().find(|error| error.is_about_accept()) {
        return Answer::Unknown(format!("it is there, but was not sent: {}", printable(&error.message, 160)));
    }
    let told = errors.iter().map(wire::WireError::denial).find(|denial| *denial != Denial::Unspecified);
    Answer::No(told.unwrap_or(Denial::Unspecified))
}

/// What to do about a status that is no answer.
pub(super) fn cure(reply: &Reply) -> Option<&'static str> {
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
