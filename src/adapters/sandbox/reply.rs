//! What the registry answers: plain values, so that every handler is an ordinary function.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream;
use serde_json::{Value, json};

use super::Flavour;
use super::layout::StoreError;

/// What answers in JSON are called.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// An answer, before it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Whether less comes than `Content-Length` says, and then the connection is cut.
    pub(super) is_cut: bool,
}

impl Reply {
    pub(super) const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), is_cut: false }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn with_body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.with("Content-Type", kind)
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status).with_body(JSON, format!("{body}\n").into_bytes())
    }

    /// As 3.x says it: JSON needs no charset.
    pub(super) fn with_json_of_3(mut self) -> Self {
        let is_json = |(name, value): &&mut (&str, String)| *name == "Content-Type" && value == JSON;
        for (_, value) in self.headers.iter_mut().filter(is_json) {
            "application/json".clone_into(value);
        }
        self
    }

    /// Go's plain text errors: what the router says before any handler is asked.
    pub(super) fn plain(status: u16, text: &str) -> Self {
        Self::new(status).with_body("text/plain; charset=utf-8", format!("{text}\n").into_bytes())
    }

    pub(super) fn not_found() -> Self {
        Self::plain(404, "404 page not found")
    }

    pub(super) fn method_not_allowed(allowed: &str) -> Self {
        Self::plain(405, "Method not allowed").with("Allow", allowed)
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The HTTP response: for HEAD the headers alone.
    pub(super) fn send(mut self, is_head: bool) -> Response<Body> {
        if !self.has("Content-Length") && !matches!(self.status, 204 | 304) {
            self.headers.push(("Content-Length", self.body.len().to_string()));
        }
        let body = match (is_head, self.is_cut) {
            (true, _) => Body::empty(),
            (false, false) => Body::from(self.body),
            (false, true) => cut_after(self.body),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = response.headers_mut();
        headers.insert(
            HeaderName::from_static("docker-distribution-api-version"),
            HeaderValue::from_static("registry/2.0"),
        );
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        if matches!(self.status, 204 | 304) {
            headers.remove(header::CONTENT_LENGTH);
        }
        response
    }
}

/// A body that ends in an error, which makes the server cut the connection.
fn cut_after(bytes: Vec<u8>) -> Body {
    let parts = stream::unfold(Some(bytes), |state| async move {
        // The head and what came before the cut must be on their way first.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        match state {
            Some(bytes) if !bytes.is_empty() => Some((Ok(bytes), Some(Vec::new()))),
            Some(_) => Some((Err(std::io::Error::other("the data ends here")), None)),
            None => None,
        }
    });
    Body::from_stream(parts)
}

/// The registry's error codes, as far as the sandbox gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    PaginationNumberInvalid,
    RangeInvalid,
    Unknown,
    Unsupported,
}

impl ErrorCode {
    const fn describe(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BlobUnknown => (404, "BLOB_UNKNOWN", "blob unknown to registry"),
            Self::BlobUploadInvalid => (404, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
            Self::BlobUploadUnknown => (404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
            Self::DigestInvalid => (400, "DIGEST_INVALID", "provided digest did not match uploaded content"),
            Self::ManifestBlobUnknown => (400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
            Self::ManifestInvalid => (400, "MANIFEST_INVALID", "manifest invalid"),
            Self::ManifestUnknown => (404, "MANIFEST_UNKNOWN", "manifest unknown"),
            Self::NameUnknown => (404, "NAME_UNKNOWN", "repository name not known to registry"),
            Self::PaginationNumberInvalid => {
                (400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
            }
            Self::RangeInvalid => (416, "RANGE_INVALID", "invalid content range"),
            Self::Unknown => (500, "UNKNOWN", "unknown error"),
            Self::Unsupported => (405, "UNSUPPORTED", "The operation is unsupported."),
        }
    }

    pub(super) fn reply(self) -> Reply {
        self.reply_all(&[None])
    }

    pub(super) fn detail(self, detail: impl Into<Value>) -> Reply {
        self.reply_all(&[Some(detail.into())])
    }

    /// Says what went wrong as the flavour does: 2.x shows an empty object, 3.x the error's text.
    pub(super) fn cause(self, flavour: Flavour, cause: &(impl ToString + ?Sized)) -> Reply {
        if flavour.is_3() { self.detail(cause.to_string()) } else { self.detail(json!({})) }
    }

    /// One error with its own message.
    pub(super) fn message(self, message: &str) -> Reply {
        let (status, code, _) = self.describe();
        Reply::json(status, &json!({"errors": [{"code": code, "message": message}]}))
    }

    /// One error for each detail.
    pub(super) fn reply_all(self, details: &[Option<Value>]) -> Reply {
        let (status, code, message) = self.describe();
        let error = |detail: &Option<Value>| match detail {
            None => json!({"code": code, "message": message}),
            Some(detail) => json!({"code": code, "message": message, "detail": detail}),
        };
        Reply::json(status, &json!({"errors": details.iter().map(error).collect::<Vec<_>>()}))
    }
}

/// The answer to something that went wrong inside: 500 UNKNOWN.
pub(super) fn broken(flavour: Flavour, error: &StoreError) -> Reply {
    if let (StoreError::InvalidPath(path) | StoreError::PathNotFound(path), false) = (error, flavour.is_3()) {
        return ErrorCode::Unknown.detail(json!({"DriverName": "filesystem", "Path": path}));
    }
    ErrorCode::Unknown.cause(flavour, error)
}
