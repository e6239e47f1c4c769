//! What tests need to see and to break: the access log, and faults decided request by request.

use std::time::Duration;

use super::routes::RoutedRequest;

/// One line of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers that say how something was asked, by lower-case name; never their secrets.
    pub headers: Vec<(String, String)>,
    /// The status that was answered; 0 where the connection was closed instead.
    pub status: u16,
}

/// The headers that the access log keeps.
const NOTED: [&str; 6] = ["accept", "content-type", "if-none-match", "range", "cache-control", "user-agent"];

impl Access {
    pub(super) fn of(request: &RoutedRequest) -> Self {
        let noted =
            NOTED.iter().filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())));
        Self {
            method: request.method.to_string(),
            path: request.uri.to_string(),
            headers: noted.collect(),
            status: 0,
        }
    }

    /// A noted header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Another answer, without asking the registry: a status, `Retry-After` in seconds, a body.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Seconds for the `Retry-After` header.
        retry_after: Option<u64>,
        /// The body and its media type.
        body: String,
        /// The body's media type.
        media_type: &'static str,
    },
    /// The true answer, cut after so many bytes of its body.
    Cut(usize),
    /// The true answer, late.
    Delay(Duration),
    /// No answer: the connection is closed.
    Reset,
}

impl Fault {
    /// A bare status with an empty list of errors.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            retry_after: None,
            body: r#"{"errors":[]}"#.into(),
            media_type: "application/json",
        }
    }

    /// A status with `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        Self::Answer {
            status,
            retry_after: Some(seconds),
            body: r#"{"errors":[]}"#.into(),
            media_type: "application/json",
        }
    }
}

/// Decides, request by request, what goes wrong. The status in `Access` is still 0.
pub trait Faults: Send + Sync + 'static {
    /// The fault for this request, if any.
    fn decide(&self, request: &Access) -> Option<Fault>;
}

impl<F: Fn(&Access) -> Option<Fault> + Send + Sync + 'static> Faults for F {
    fn decide(&self, request: &Access) -> Option<Fault> {
        self(request)
    }
}
