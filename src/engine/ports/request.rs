//! Why a request to a registry brought nothing, or not what was needed.

use std::fmt;

/// A request that failed, after all its attempts. What was asked and why it failed are apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// The request's method.
    pub method: Box<str>,
    /// Its URL without secrets.
    pub url: Box<str>,
    /// The status that came, where one did.
    pub status: Option<u16>,
    /// The registry's error code, where it gave one, such as `DENIED`.
    pub code: Option<Box<str>>,
    /// What went wrong.
    pub why: Box<str>,
    /// The start of the body that came with the status, where it is not told by `why`.
    pub body: Box<str>,
    /// What to do next.
    pub hint: Option<Box<str>>,
    /// How often it was tried; 0 if it was not sent at all.
    pub attempts: u32,
}

impl RequestError {
    /// A request that was not answered.
    #[must_use]
    pub fn new(method: &str, url: &str, why: impl Into<Box<str>>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            status: None,
            code: None,
            why: why.into(),
            body: Box::default(),
            hint: None,
            attempts: 0,
        }
    }

    /// What was asked: method and URL.
    #[must_use]
    pub fn asked(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    /// Why it failed: the body's start and how often it was tried included.
    #[must_use]
    pub fn reason(&self) -> String {
        let body = if self.body.is_empty() { String::new() } else { format!(": `{}`", self.body) };
        let tried = if self.attempts > 1 { format!(" ({} attempts)", self.attempts) } else { String::new() };
        format!("{}{body}{tried}", self.why)
    }

    /// Why it failed, and what to do next.
    #[must_use]
    pub fn reason_and_hint(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        self.reason() + &hint
    }

    /// Whether the daemon says that the thing is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.status, Some(404))
    }

    /// Whether this registry does not allow the operation at all: read-only, pull-through, delete disabled.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.status, Some(405))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.asked(), self.reason())
    }
}

impl std::error::Error for RequestError {}
