//! What an answer means.

use jiff::Timestamp;

use crate::adapters::registry::client::{
    HttpReply, HttpRequest, NoAnswer, WireError, answered, cure, errors, printable,
};
use crate::domain::digest::Digest;
use crate::domain::observed;
use crate::domain::views::served::{Answer, Asked, Denial, Exchange};

/// A question, on its way to become an exchange.
pub(super) struct Question {
    asked: String,
    content: Option<Digest>,
    at: Timestamp,
}

impl Question {
    pub(super) fn new(request: &HttpRequest) -> Self {
        let range = request.headers.get("range").and_then(|range| range.to_str().ok());
        let shown = request.shown();
        let asked = range.map_or_else(|| shown.clone(), |range| format!("{shown}, Range: {range}"));
        Self { asked, content: None, at: Timestamp::now() }
    }

    /// It asks about this content.
    pub(super) fn about(self, digest: &Digest) -> Self {
        Self { content: Some(*digest), ..self }
    }

    pub(super) fn noting(mut self, note: &str) -> Self {
        self.asked.push_str(note);
        self
    }

    pub(super) fn exchange(self, said: impl Into<String>) -> Exchange {
        let asked = observed::Request { shown: self.asked.into(), content: self.content };
        Exchange { asked: asked.into(), said: said.into(), at: self.at }
    }

    pub(super) fn answered<T>(self, (answer, said): (Answer<T>, String)) -> Asked<Answer<T>> {
        Asked { answer, exchange: self.exchange(said) }
    }

    /// No answer.
    pub(super) fn no_answer<T>(self, no_answer: &NoAnswer) -> Asked<Answer<T>> {
        let why = no_answer.words();
        self.answered((Answer::Unknown(why.clone()), why))
    }
}

/// Status, error code and attempts: what is shown as evidence.
pub(crate) fn said(reply: &HttpReply) -> String {
    let said = answered(reply);
    if reply.attempts > 1 { format!("{said}, after {} attempts", reply.attempts) } else { said }
}

/// What an answer without the thing asked for means.
pub(super) fn without<T>(reply: &HttpReply) -> Answer<T> {
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
fn not_found<T>(reply: &HttpReply) -> Answer<T> {
    let Some(errors) = errors(&reply.body) else {
        return if reply.is_web_page() {
            Answer::Unknown(format!("{}: no answer of a registry", said(reply)))
        } else {
            Answer::No(Denial::Unspecified)
        };
    };
    if let Some(error) = errors.iter().find(|error| error.is_about_accept()) {
        return Answer::Unknown(format!("it is there, but was not sent: {}", printable(&error.message, 160)));
    }
    let denial = errors.iter().map(WireError::denial).find(|denial| *denial != Denial::Unspecified);
    Answer::No(denial.unwrap_or(Denial::Unspecified))
}
