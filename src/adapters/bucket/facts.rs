//! What is set of a bucket, and what that costs: for the doctor. Only S3 tells.

use std::sync::Arc;

use reqwest::Method;

use super::BucketStorage;
use super::ask::{Ask, StoreReply};
use super::fault::StoreFault;
use super::runtime::wait;
use super::xml::Element;
use crate::domain::doctor::BucketFacts;
use crate::domain::observed::Observed;

impl BucketStorage {
    /// What is set of the bucket. What may not be asked is not known.
    #[must_use]
    pub fn facts(&self) -> BucketFacts {
        if !self.store.dialect.hides_uploads() {
            return BucketFacts::default();
        }
        let rules = self.setting("lifecycle");
        let has_rule = |name: &str| {
            let is_one = |rule: &Element| rule.text("Status") == "Enabled" && rule.first(name).is_some();
            told(&rules, |set| set.all("Rule").any(is_one))
        };
        let versions = self.setting("versioning");
        let keeps = told(&versions, |set| set.text("Status") == "Enabled");
        let expires = has_rule("NoncurrentVersionExpiration");
        let encryption = self.setting("encryption");
        BucketFacts {
            aborts_uploads: has_rule("AbortIncompleteMultipartUpload"),
            keeps_versions: keeps.zip(expires).map(|(keeps, expires)| keeps && !expires),
            hides_sums: told(&encryption, is_kms),
        }
    }

    fn setting(&self, name: &'static str) -> Observed<Element> {
        let store = Arc::clone(&self.store);
        let ask = Ask::new(Method::GET, "").query(name, "");
        // Not all stores call the outermost element alike.
        let read = |answer: &StoreReply| Element::read(&answer.body).filter(|set| set.name() != "Error");
        let set = wait(async move { store.ask_for(&ask, read).await });
        let set = set.map_or_else(StoreFault::observed, Observed::Present);
        if let Observed::Unknown(why) = &set {
            tracing::warn!("the bucket's {name} is not looked at: {why}");
        }
        set
    }
}

/// Whether it is so; not where it is not set.
fn told(set: &Observed<Element>, is: impl Fn(&Element) -> bool) -> Option<bool> {
    match set {
        Observed::Present(set) => Some(is(set)),
        Observed::Absent => Some(false),
        Observed::Unknown(_) => None,
    }
}

fn is_kms(set: &Element) -> bool {
    let mut applied = set.all("Rule").filter_map(|rule| rule.first("ApplyServerSideEncryptionByDefault"));
    applied.any(|by| by.text("SSEAlgorithm").starts_with("aws:kms"))
}
