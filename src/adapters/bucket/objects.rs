//! Single objects of a store: their sizes, their bytes, part by part.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Method;
use sha2::{Digest as _, Sha256, Sha512};

use super::fault::Fault;
use super::store::{Ask, Store};
use crate::domain::digest::{Algorithm, Digest};

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

impl Store {
    /// Look at an object.
    pub(super) async fn head(&self, key: &str) -> Result<Object, Fault> {
        let answer = self.ask(&Ask::new(Method::HEAD, key), 0).await?;
        let modified = answer.header("last-modified").and_then(|text| rfc2822::parse(text).ok());
        Ok(Object {
            size: answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default(),
            modified: modified.map(|at| at.timestamp()).map(Timestamp::as_second).unwrap_or_default(),
            tag: answer.header("etag").unwrap_or_default().to_owned(),
        })
    }

    /// At most so many of the first bytes of an object, and what the store calls its content.
    pub(super) async fn start(&self, key: &str, limit: u64) -> Result<(Bytes, String), Fault> {
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
            Err(Fault::OutOfRange) => Ok((Bytes::new(), String::new())),
            Err(fault) => Err(fault),
        }
    }

    /// A part of an object that is still the one of that `ETag`; empty behind its end.
    pub(super) async fn part(&self, key: &str, from: u64, tag: &str) -> Result<Bytes, Fault> {
        let mut ask = Ask::new(Method::GET, key).header("range", format!("bytes={from}-{}", from + PART - 1));
        if !tag.is_empty() {
            ask = ask.header("if-match", tag);
        }
        match self.ask(&ask, PART).await {
            Ok(answer) => Ok(answer.body),
            Err(Fault::OutOfRange) => Ok(Bytes::new()),
            Err(fault) => Err(fault),
        }
    }
}

/// A hash under way.
pub(super) enum Sum {
    Short(Sha256),
    Long(Sha512),
}

impl Sum {
    pub(super) fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Short(Sha256::new()),
            Algorithm::Sha512 => Self::Long(Sha512::new()),
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Short(hasher) => hasher.update(bytes),
            Self::Long(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn digest(self) -> Digest {
        match self {
            Self::Short(hasher) => Digest::sha256(hasher.finalize().into()),
            Self::Long(hasher) => Digest::sha512(hasher.finalize().into()),
        }
    }
}
