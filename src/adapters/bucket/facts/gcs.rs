//! What Google tells of a bucket: all of it at once.

use reqwest::Method;
use serde::Deserialize;

use super::{Setting, SettingQuestion, covers, touches};
use crate::adapters::bucket::ask::{Ask, StoreReply};
use crate::domain::bucket_setting::BucketSetting;
use crate::domain::doctor::BucketFacts;

/// A day.
const SECONDS: u64 = 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    versioning: Versioning,
    #[serde(default)]
    soft_delete_policy: SoftDelete,
}

#[derive(Default, Deserialize)]
struct Lifecycle {
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Default, Deserialize)]
struct Versioning {
    #[serde(default)]
    enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SoftDelete {
    #[serde(default)]
    retention_duration_seconds: String,
}

#[derive(Deserialize)]
struct Rule {
    action: Action,
    #[serde(default)]
    condition: Condition,
}

#[derive(Deserialize)]
struct Action {
    r#type: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    is_live: Option<bool>,
    num_newer_versions: Option<u64>,
    days_since_noncurrent_time: Option<u64>,
    noncurrent_time_before: Option<String>,
    days_since_custom_time: Option<u64>,
    custom_time_before: Option<String>,
    matches_prefix: Vec<String>,
}

/// The bucket itself, which is at `path`.
pub(in crate::adapters::bucket) fn settings(path: String) -> Vec<Setting> {
    let ask = Ask::new(Method::GET, "").at(path).query("fields", "lifecycle,versioning,softDeletePolicy");
    let asked = SettingQuestion { ask, right: "storage.buckets.get", read, unset: BucketFacts::default() };
    vec![Setting { of: BucketSetting::All, asked: Some(asked) }]
}

fn read(answer: &StoreReply, prefix: &str) -> Option<BucketFacts> {
    let Bucket { lifecycle, versioning, soft_delete_policy } = serde_json::from_slice(&answer.body).ok()?;
    let rules = || lifecycle.rule.iter().filter(|rule| rule.action.r#type == "Delete");
    let kept: u64 = soft_delete_policy.retention_duration_seconds.parse().unwrap_or_default();
    Some(BucketFacts {
        expires: Some(rules().any(|rule| rule.condition.is_on_live(prefix))),
        ends_versions: Some(rules().any(|rule| rule.condition.is_on_old(prefix))),
        keeps_versions: Some(versioning.enabled),
        restores: Some(kept / SECONDS),
        ..BucketFacts::default()
    })
}

impl Condition {
    fn is_of_versions(&self) -> bool {
        self.is_live == Some(false)
            || self.num_newer_versions.is_some_and(|versions| versions > 0)
            || self.days_since_noncurrent_time.is_some()
            || self.noncurrent_time_before.is_some()
    }

    /// No driver gives an object a time of its own.
    fn is_of_own_time(&self) -> bool {
        self.days_since_custom_time.is_some() || self.custom_time_before.is_some()
    }

    fn is_on(&self, is: impl Fn(&str) -> bool) -> bool {
        self.matches_prefix.is_empty() || self.matches_prefix.iter().any(|on| is(on))
    }

    fn is_on_live(&self, prefix: &str) -> bool {
        !self.is_of_versions() && !self.is_of_own_time() && self.is_on(|on| touches(on, prefix))
    }

    fn is_on_old(&self, prefix: &str) -> bool {
        self.is_live != Some(true) && !self.is_of_own_time() && self.is_on(|on| covers(on, prefix))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn of(body: &str) -> BucketFacts {
        read(&StoreReply { headers: HeaderMap::new(), body: body.to_owned().into() }, "reg/docker/").unwrap()
    }

    #[test]
    fn what_is_not_said_is_not_set() {
        let nothing = BucketFacts {
            expires: Some(false),
            ends_versions: Some(false),
            keeps_versions: Some(false),
            restores: Some(0),
            ..BucketFacts::default()
        };
        assert_eq!(of("{}"), nothing);
        let set =
            of(r#"{"versioning":{"enabled":true},"softDeletePolicy":{"retentionDurationSeconds":"604800"}}"#);
        assert_eq!(set, BucketFacts { keeps_versions: Some(true), restores: Some(7), ..nothing });
    }

    #[test]
    fn a_rule_deletes_what_is_live_or_what_was() {
        for (condition, live, old) in [
            (r#"{"age":30}"#, true, true),
            (r#"{"age":30,"isLive":true}"#, true, false),
            (r#"{"isLive":false}"#, false, true),
            (r#"{"daysSinceNoncurrentTime":7}"#, false, true),
            (r#"{"numNewerVersions":3,"matchesPrefix":["reg/"]}"#, false, true),
            (r#"{"daysSinceCustomTime":1}"#, false, false),
            (r#"{"age":1,"matchesPrefix":["other/","reg/docker/registry/"]}"#, true, false),
            (r#"{"age":1,"matchesPrefix":["other/"]}"#, false, false),
        ] {
            let facts = of(&format!(
                r#"{{"lifecycle":{{"rule":[{{"action":{{"type":"Delete"}},"condition":{condition}}}]}}}}"#
            ));
            assert_eq!((facts.expires, facts.ends_versions), (Some(live), Some(old)), "{condition}");
        }
        let other =
            of(r#"{"lifecycle":{"rule":[{"action":{"type":"SetStorageClass"},"condition":{"age":1}}]}}"#);
        assert_eq!(other.expires, Some(false));
    }
}
