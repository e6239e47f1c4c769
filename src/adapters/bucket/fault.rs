//! What can go wrong between us and an object store.

use thiserror::Error;

use super::xml::Element;
use crate::domain::observed::{Observed, Reason};
use crate::engine::ports::StorageError;

/// What to do where there is no such bucket.
pub(super) const NO_BUCKET: &str =
    "there is no such bucket at this endpoint: check its name and the endpoint";

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::adapters) enum StoreFault {
    /// There is no such object.
    #[error("there is no such object")]
    Absent,
    /// The object is not the one that was meant: it was written since.
    #[error("the object was changed by something else since")]
    Changed,
    /// The object ends before what was asked for.
    #[error("the object ends before that")]
    OutOfRange,
    /// No store of that kind does so.
    #[error("{asked}: the store does not offer that")]
    NotOffered {
        /// Method and place, without secrets.
        asked: String,
    },
    /// It may answer another time.
    #[error("{asked}: {said}")]
    Passing {
        /// Method and place, without secrets.
        asked: String,
        /// What was said.
        said: String,
    },
    /// It will not answer so.
    #[error("{asked}: {said}")]
    Refused {
        /// Method and place, without secrets.
        asked: String,
        /// What was said.
        said: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl StoreFault {
    /// What the store's refusal means.
    pub(super) fn of_refusal(asked: &str, refusal: Refusal) -> Self {
        let Refusal { status, code, message, hint } = refusal;
        match (status, &*code) {
            (404, "NoSuchKey" | "BlobNotFound" | "") => return Self::Absent,
            // What is not set of a bucket.
            (404, "NoSuchLifecycleConfiguration" | "ServerSideEncryptionConfigurationNotFoundError") => {
                return Self::Absent;
            }
            (412, _) => return Self::Changed,
            (405 | 501, _) => return Self::NotOffered { asked: asked.to_owned() },
            (416, _) => return Self::OutOfRange,
            _ => {}
        }
        let named = if code.is_empty() { String::new() } else { format!(" {code}") };
        // Some say who asked and when on further lines.
        let message: String = message.lines().next().unwrap_or_default().chars().take(200).collect();
        let said = format!("HTTP {status}{named}");
        let said = if message.is_empty() { said } else { format!("{said}: {message}") };
        let asked = asked.to_owned();
        let is_passing = matches!(status, 408 | 429 | 500..)
            || matches!(&*code, "SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable");
        if is_passing { Self::Passing { asked, said } } else { Self::Refused { asked, said, hint } }
    }

    /// Whether asking again may help.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// The same in words that are kept with what could not be looked at.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Refused { hint: Some(hint), .. } => format!("{self}; {hint}").into(),
            Self::Absent
            | Self::Changed
            | Self::OutOfRange
            | Self::NotOffered { .. }
            | Self::Passing { .. }
            | Self::Refused { .. } => self.to_string().into(),
        }
    }

    /// What a look at one thing saw.
    pub(super) fn observed<T>(self) -> Observed<T> {
        match self {
            Self::Absent => Observed::Absent,
            other @ (Self::Changed
            | Self::OutOfRange
            | Self::NotOffered { .. }
            | Self::Passing { .. }
            | Self::Refused { .. }) => Observed::Unknown(other.reason()),
        }
    }

    /// That all of storage cannot be looked at.
    pub(super) fn of_storage(self, location: &str) -> StorageError {
        let why = self.to_string();
        let hint = match self {
            Self::Refused { hint, .. } => hint,
            Self::Absent
            | Self::Changed
            | Self::OutOfRange
            | Self::NotOffered { .. }
            | Self::Passing { .. } => None,
        };
        StorageError::Store { location: location.to_owned(), why, hint }
    }
}

/// A refusal in a store's words.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Empty where the store says no more, so that what was asked for is not there.
    pub(super) code: String,
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Refusal {
    /// That of an `<Error>`.
    pub(super) fn of_xml(status: u16, error: &Element, hint: Option<String>) -> Self {
        let (code, message) = (error.text("Code").to_owned(), error.text("Message").to_owned());
        Self { status, code, message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> StoreFault {
        let body = format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        let error = Element::read(body.as_bytes()).unwrap();
        StoreFault::of_refusal("GET s3://b/k", Refusal::of_xml(status, &error, Some("do".to_owned())))
    }

    #[test]
    fn only_a_missing_key_is_absent() {
        assert_eq!(answer(404, "NoSuchKey"), StoreFault::Absent);
        assert_eq!(answer(404, "BlobNotFound"), StoreFault::Absent);
        let refused =
            [(404, "NoSuchBucket"), (404, "ContainerNotFound"), (403, "AccessDenied"), (400, "ExpiredToken")];
        for (status, code) in refused {
            assert!(matches!(answer(status, code), StoreFault::Refused { hint: Some(_), .. }), "{code}");
            assert!(matches!(answer(status, code).observed::<()>(), Observed::Unknown(_)), "{code}");
        }
        for (status, code) in [(503, "SlowDown"), (500, "InternalError"), (502, ""), (429, "")] {
            assert!(answer(status, code).is_passing(), "{status} {code}");
        }
    }
}
