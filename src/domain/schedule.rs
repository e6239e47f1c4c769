//! What a pull-through cache is to drop one day: `scheduler-state.json` in the root of its driver.
//!
//! ```text
//! { "team/app@sha256:…": { "Key": "team/app@sha256:…", "ExpiryData": "2026-01-02T03:04:05Z", "EntryType": 0 }, … }
//! ```
//!
//! Only such a daemon writes it, some seconds after it fetched something. An entry goes with what it stands for.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::views::served::Subject;

/// How long content is kept where nothing is said: a week (2.x always, 3.x by default).
pub const WEEK: SignedDuration = SignedDuration::from_hours(168);

/// When each piece of content is to be dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expiries(HashMap<Subject, Timestamp>);

#[derive(Deserialize)]
struct Expiring {
    #[serde(rename = "ExpiryData")]
    expiry: Timestamp,
}

impl Expiries {
    /// Read it; what is none is passed over.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let entries: HashMap<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap_or_default();
        let read = |(key, value): (String, serde_json::Value)| {
            let (name, digest) = key.rsplit_once('@')?;
            let entry: Expiring = serde_json::from_value(value).ok()?;
            Some(((name.parse().ok()?, digest.parse().ok()?), entry.expiry))
        };
        Self(entries.into_iter().filter_map(read).collect())
    }

    /// Not before when it was fetched, if it is kept for at most so long.
    #[must_use]
    pub fn fetched(&self, subject: &Subject, ttl: SignedDuration) -> Option<Timestamp> {
        self.0.get(subject)?.checked_sub(ttl).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_when_its_content_was_fetched() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let text = format!(
            r#"{{"a/b@{digest}":{{"Key":"a/b@{digest}","ExpiryData":"2026-01-08T00:00:00.5Z","EntryType":0}},"odd":1,"a@b":{{}}}}"#
        );
        let schedule = Expiries::parse(text.as_bytes());
        let subject = ("a/b".parse().unwrap(), digest.parse().unwrap());
        assert_eq!(schedule.fetched(&subject, WEEK), Some("2026-01-01T00:00:00.5Z".parse().unwrap()));
        assert_eq!(schedule.fetched(&("a".parse().unwrap(), subject.1), WEEK), None);
        assert_eq!(Expiries::parse(b"[]"), Expiries::default());
    }
}
