//! Questions to a store, and its answers.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// The key that it is about; empty where it is about the bucket.
    pub(super) key: String,
    /// Where it is asked, escaped, where that is not at the key.
    pub(super) path: Option<String>,
    pub(super) query: Vec<(&'static str, Vec<u8>)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Ask {
    pub(super) fn new(method: Method, key: &str) -> Self {
        let (key, body) = (key.to_owned(), Bytes::new());
        Self { method, key, path: None, query: Vec::new(), headers: Vec::new(), body }
    }

    pub(super) fn at(self, path: String) -> Self {
        Self { path: Some(path), ..self }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The same, where there is something to say.
    pub(super) fn query_some(self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        if value.is_empty() { self } else { self.query(name, value) }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn header_some(self, name: &'static str, value: &str) -> Self {
        if value.is_empty() { self } else { self.header(name, value) }
    }

    /// Only these bytes, the last included.
    pub(super) fn range(self, (from, to): (u64, u64)) -> Self {
        self.header("range", format!("bytes={from}-{to}"))
    }

    pub(super) fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct StoreReply {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl StoreReply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Everything but what needs no escaping in any part of a URL.
pub(super) fn encode(into: &mut String, text: &[u8], is_path: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            into.push(byte.into());
        } else {
            into.push('%');
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            into.extend([digit(byte >> 4), digit(byte & 15)].map(char::from));
        }
    }
}

/// The same, as a text of its own.
pub(super) fn encoded(text: &str, is_path: bool) -> String {
    let mut into = String::new();
    encode(&mut into, text.as_bytes(), is_path);
    into
}
