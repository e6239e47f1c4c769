//! What Azure tells whoever reads blobs: whether deleted ones can be had back. Lifecycle rules and versioning are told by the
//! management of the account, which is asked elsewhere and by others.

use reqwest::Method;

use super::{Setting, SettingQuestion};
use crate::adapters::bucket::ask::{Ask, StoreReply};
use crate::adapters::bucket::xml::Element;
use crate::domain::bucket_setting::BucketSetting;
use crate::domain::doctor::BucketFacts;

pub(in crate::adapters::bucket) fn settings() -> Vec<Setting> {
    // Not the container is asked but the account, which is one level above.
    let ask =
        Ask::new(Method::GET, "").at("..".to_owned()).query("restype", "service").query("comp", "properties");
    let right = "Microsoft.Storage/storageAccounts/blobServices/read";
    let asked = SettingQuestion { ask, right, read, unset: BucketFacts::default() };
    vec![
        Setting { of: BucketSetting::SoftDelete, asked: Some(asked) },
        Setting { of: BucketSetting::Lifecycle, asked: None },
        Setting { of: BucketSetting::Versioning, asked: None },
    ]
}

fn read(answer: &StoreReply, _prefix: &str) -> Option<BucketFacts> {
    let set = Element::named(&answer.body, "StorageServiceProperties")?;
    let kept = set.first("DeleteRetentionPolicy").filter(|policy| policy.text("Enabled") == "true");
    let restores = kept.map_or(Some(0), |policy| policy.text("Days").parse().ok());
    Some(BucketFacts { restores, ..BucketFacts::default() })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn deleted_blobs_stay_for_days_where_that_is_on() {
        for (policy, days) in [
            ("", 0),
            ("<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>", 0),
            ("<DeleteRetentionPolicy><Enabled>true</Enabled><Days>14</Days></DeleteRetentionPolicy>", 14),
        ] {
            let xml = format!("<StorageServiceProperties>{policy}</StorageServiceProperties>");
            let answer = StoreReply { headers: HeaderMap::new(), body: xml.into() };
            assert_eq!(read(&answer, "").and_then(|facts| facts.restores), Some(days), "{policy}");
        }
    }
}
