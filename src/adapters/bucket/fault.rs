//! What can go wrong between us and an object store.

use thiserror::Error;

use super::xml::Element;
use crate::domain::observed::{Observed, Reason};
use crate::engine::ports::StorageError;

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
    /// What the store's refusal means; `body` is its own words.
    pub(super) fn of_answer(asked: &str, status: u16, region: Option<&str>, body: &[u8]) -> Self {
        let error = Element::read(body).unwrap_or_default();
        let code = error.text("Code").to_owned();
        match (status, &*code) {
            (404, "NoSuchKey" | "") => return Self::Absent,
            (412, _) => return Self::Changed,
            (416, _) => return Self::OutOfRange,
            _ => {}
        }
        let named = if code.is_empty() { String::new() } else { format!(" {code}") };
        let message: String = error.text("Message").chars().take(200).collect();
        let said = format!("HTTP {status}{named}");
        let said = if message.is_empty() { said } else { format!("{said}: {message}") };
        let asked = asked.to_owned();
        let is_passing = matches!(status, 429 | 500..)
            || matches!(&*code, "SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable");
        if is_passing {
            return Self::Passing { asked, said };
        }
        let region = region.map(str::to_owned).or_else(|| Some(error.text("Region").to_owned()));
        Self::Refused { asked, said, hint: hint(status, &code, region.filter(|region| !region.is_empty())) }
    }

    /// Whether asking again may help.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// The same in words that are kept with what could not be looked at.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Refused { hint: Some(hint), .. } => format!("{self}; {hint}").into(),
            Self::Absent | Self::Changed | Self::OutOfRange | Self::Passing { .. } | Self::Refused { .. } => {
                self.to_string().into()
            }
        }
    }

    /// What a look at one thing saw.
    pub(super) fn observed<T>(self) -> Observed<T> {
        match self {
            Self::Absent => Observed::Absent,
            other @ (Self::Changed | Self::OutOfRange | Self::Passing { .. } | Self::Refused { .. }) => {
                Observed::Unknown(other.reason())
            }
        }
    }

    /// That all of storage cannot be looked at.
    pub(super) fn of_storage(self, location: &str) -> StorageError {
        let why = self.to_string();
        let hint = match self {
            Self::Refused { hint, .. } => hint,
            Self::Absent | Self::Changed | Self::OutOfRange | Self::Passing { .. } => None,
        };
        StorageError::Store { location: location.to_owned(), why, hint }
    }
}

/// What to type next.
fn hint(status: u16, code: &str, region: Option<String>) -> Option<String> {
    if let (301 | 307 | 400 | 403, Some(region)) = (status, region) {
        return Some(format!(
            "the bucket is in the region `{region}`: give that, as `region` of the config or with ?region={region}"
        ));
    }
    let words = match (status, code) {
        (_, "NoSuchBucket" | "InvalidBucketName") => {
            "there is no such bucket at this endpoint: check its name and the endpoint"
        }
        (301 | 307, _)
        | (_, "PermanentRedirect" | "IllegalLocationConstraintException" | "AuthorizationHeaderMalformed") => {
            "the bucket is elsewhere: check region and endpoint"
        }
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken") => {
            "the credentials are not accepted: check accesskey and secretkey of the config, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY"
        }
        (_, "ExpiredToken" | "TokenRefreshRequired") => {
            "the credentials have expired: renew them, and AWS_SESSION_TOKEN with them"
        }
        (_, "RequestTimeTooSkewed") => "the clocks of this machine and of the store differ: set this one's",
        (_, "AccessDenied") | (403, _) => {
            "a check needs s3:ListBucket on the bucket and s3:GetObject on what is in it; a repair s3:PutObject and \
             s3:DeleteObject as well"
        }
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> StoreFault {
        let body = format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        StoreFault::of_answer("GET s3://b/k", status, None, body.as_bytes())
    }

    #[test]
    fn only_a_missing_key_is_absent() {
        assert_eq!(answer(404, "NoSuchKey"), StoreFault::Absent);
        for (status, code) in [(404, "NoSuchBucket"), (403, "AccessDenied"), (400, "ExpiredToken")] {
            assert!(matches!(answer(status, code), StoreFault::Refused { hint: Some(_), .. }), "{code}");
            assert!(matches!(answer(status, code).observed::<()>(), Observed::Unknown(_)), "{code}");
        }
        for (status, code) in [(503, "SlowDown"), (500, "InternalError"), (502, ""), (429, "")] {
            assert!(answer(status, code).is_passing(), "{status} {code}");
        }
    }

    #[test]
    fn another_region_is_named() {
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let StoreFault::Refused { hint: Some(hint), .. } =
            StoreFault::of_answer("GET s3://b", 400, None, body)
        else {
            panic!("it is refused")
        };
        assert!(hint.contains("?region=eu-west-1"), "{hint}");
    }
}
