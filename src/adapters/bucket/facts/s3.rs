//! What S3 tells of a bucket: each setting by a question of its own.

use reqwest::Method;

use super::{Setting, SettingQuestion, covers, touches};
use crate::adapters::bucket::ask::{Ask, StoreReply};
use crate::adapters::bucket::xml::Element;
use crate::domain::bucket_setting::BucketSetting;
use crate::domain::doctor::BucketFacts;

pub(in crate::adapters::bucket) fn settings() -> Vec<Setting> {
    let asked = |of, name, right, read, unset| {
        let ask = Ask::new(Method::GET, "").query(name, "");
        Setting { of, asked: Some(SettingQuestion { ask, right, read, unset }) }
    };
    vec![
        asked(
            BucketSetting::Lifecycle,
            "lifecycle",
            "s3:GetLifecycleConfiguration",
            lifecycle,
            BucketFacts {
                aborts_uploads: Some(false),
                expires: Some(false),
                ends_versions: Some(false),
                ..BucketFacts::default()
            },
        ),
        asked(
            BucketSetting::Versioning,
            "versioning",
            "s3:GetBucketVersioning",
            versioning,
            BucketFacts { keeps_versions: Some(false), ..BucketFacts::default() },
        ),
        asked(
            BucketSetting::Encryption,
            "encryption",
            "s3:GetEncryptionConfiguration",
            encryption,
            BucketFacts { hides_sums: Some(false), ..BucketFacts::default() },
        ),
    ]
}

/// The outermost element, which not all stores call alike.
fn element(answer: &StoreReply) -> Option<Element> {
    Element::read(&answer.body).filter(|set| set.name() != "Error")
}

fn lifecycle(answer: &StoreReply, prefix: &str) -> Option<BucketFacts> {
    let rules = element(answer)?;
    let enabled: Vec<_> = rules.all("Rule").filter(|rule| rule.text("Status") == "Enabled").collect();
    let covered = |name: &str| {
        enabled.iter().any(|rule| rule.first(name).is_some() && on(rule).is_some_and(|on| covers(on, prefix)))
    };
    let expires = |rule: &Element| {
        let expiration = rule.first("Expiration");
        // What is left of versions may go, too: that deletes nothing.
        expiration.is_some_and(|when| ["Days", "Date"].iter().any(|name| when.first(name).is_some()))
            && on(rule).is_some_and(|on| touches(on, prefix))
    };
    Some(BucketFacts {
        aborts_uploads: Some(covered("AbortIncompleteMultipartUpload")),
        ends_versions: Some(covered("NoncurrentVersionExpiration")),
        expires: Some(enabled.iter().any(|rule| expires(rule))),
        ..BucketFacts::default()
    })
}

/// The keys that a rule is on begin with that; nothing if it is on tagged ones, as no driver writes them.
fn on(rule: &Element) -> Option<&str> {
    let Some(filter) = rule.first("Filter") else { return Some(rule.text("Prefix")) };
    let filter = filter.first("And").unwrap_or(filter);
    filter.first("Tag").is_none().then(|| filter.text("Prefix"))
}

fn versioning(answer: &StoreReply, _prefix: &str) -> Option<BucketFacts> {
    let keeps_versions = Some(element(answer)?.text("Status") == "Enabled");
    Some(BucketFacts { keeps_versions, ..BucketFacts::default() })
}

fn encryption(answer: &StoreReply, _prefix: &str) -> Option<BucketFacts> {
    let set = element(answer)?;
    let mut applied = set.all("Rule").filter_map(|rule| rule.first("ApplyServerSideEncryptionByDefault"));
    let hides_sums = Some(applied.any(|by| by.text("SSEAlgorithm").starts_with("aws:kms")));
    Some(BucketFacts { hides_sums, ..BucketFacts::default() })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn of(rule: &str) -> (Option<bool>, Option<bool>) {
        let xml = format!(
            "<LifecycleConfiguration><Rule><Status>Enabled</Status>{rule}</Rule></LifecycleConfiguration>"
        );
        let facts =
            lifecycle(&StoreReply { headers: HeaderMap::new(), body: xml.into() }, "reg/docker/").unwrap();
        (facts.expires, facts.aborts_uploads)
    }

    #[test]
    fn a_rule_counts_where_the_registrys_keys_are() {
        let days = "<Expiration><Days>30</Days></Expiration>";
        for (rule, expires) in [
            (format!("<Prefix></Prefix>{days}"), true),
            (format!("<Filter><Prefix>reg/</Prefix></Filter>{days}"), true),
            (format!("<Filter><Prefix>reg/docker/registry/v2/blobs/</Prefix></Filter>{days}"), true),
            (format!("<Filter><And><Prefix>reg/</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>{days}"), true),
            (format!("<Filter><Prefix>other/</Prefix></Filter>{days}"), false),
            (format!("<Filter><Prefix>reg/docker/repositories/a/_uploads/</Prefix></Filter>{days}"), false),
            (format!("<Filter><Tag><Key>a</Key></Tag></Filter>{days}"), false),
            (format!("<Filter><And><Prefix></Prefix><Tag><Key>a</Key></Tag></And></Filter>{days}"), false),
            ("<Prefix/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>".into(), false),
        ] {
            assert_eq!(of(&rule), (Some(expires), Some(false)), "{rule}");
        }
        let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
        for (prefix, aborts) in [("", true), ("reg/", true), ("reg/docker/x/", false), ("other/", false)] {
            let rule = format!("<Filter><Prefix>{prefix}</Prefix></Filter>{abort}");
            assert_eq!(of(&rule), (Some(false), Some(aborts)), "{prefix}");
        }
    }
}
