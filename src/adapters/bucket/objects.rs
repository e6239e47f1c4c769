//! Single objects of a store: their sizes, their bytes, part by part.

use bytes::Bytes;
use jiff::fmt::rfc2822;
use reqwest::Method;

use super::fault::StoreFault;
use super::store::{Ask, ObjectStore};

/// So much is fetched at once of what is hashed.
const PART: u64 = 8 << 20;

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) size: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
    pub(super) tag: String,
}

impl ObjectStore {
    /// Look at an object.
    pub(super) async fn head(&self, key: &str) -> Result<Object, StoreFault> {
        let answer = self.ask(&Ask::new(Method::HEAD, key), 0).await?;
        let modified = answer.header("last-modified").and_then(|text| rfc2822::parse(text).ok());
        Ok(Object {
            size: answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default(),
            modified: modified.map(|at| at.timestamp().as_second()).unwrap_or_default(),
            tag: answer.header("etag").unwrap_or_default().to_owned(),
        })
    }

    /// At most so many of the first bytes of an object, and what the store calls its content.
    pub(super) async fn start(&self, key: &str, limit: u64) -> Result<(Bytes, String), StoreFault> {
        let Some(last) = limit.checked_sub(1) else {
            return self.head(key).await.map(|object| (Bytes::new(), object.tag));
        };
        let ask = Ask::new(Method::GET, key).header("range", format!("bytes=0-{last}"));
        match self.ask(&ask, limit).await {
            Ok(answer) => {
                let tag = answer.header("etag").unwrap_or_default().to_owned();
                Ok((answer.body, tag))
            }
            // There is no first byte of nothing.
            Err(StoreFault::OutOfRange) => Ok((Bytes::new(), String::new())),
            Err(fault) => Err(fault),
        }
    }

    /// A part of an object that is still the one of that `ETag`; empty behind its end.
    pub(super) async fn part(&self, key: &str, from: u64, tag: &str) -> Result<Bytes, StoreFault> {
        let mut ask = Ask::new(Method::GET, key).header("range", format!("bytes={from}-{}", from + PART - 1));
        if !tag.is_empty() {
            ask = ask.header("if-match", tag);
        }
        match self.ask(&ask, PART).await {
            Ok(answer) => Ok(answer.body),
            Err(StoreFault::OutOfRange) => Ok(Bytes::new()),
            Err(fault) => Err(fault),
        }
    }
}
