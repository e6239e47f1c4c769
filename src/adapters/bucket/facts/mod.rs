//! What is set of a bucket, and what that costs: for the doctor. Each store tells what it tells.

pub(super) mod azure;
pub(super) mod gcs;
pub(super) mod s3;

use std::sync::Arc;

use super::BucketStorage;
use super::ask::{Ask, StoreReply};
use super::fault::StoreFault;
use super::runtime::wait;
use crate::domain::bucket_setting::BucketSetting;
use crate::domain::doctor::BucketFacts;
use crate::domain::limit::Limit;
use crate::domain::observed::{Thing, Unlooked};

/// Something that is set of a bucket.
pub(super) struct Setting {
    pub(super) of: BucketSetting,
    /// How to ask for it; nothing where the store tells nobody who reads objects.
    pub(super) asked: Option<SettingQuestion>,
}

/// A question about a setting.
pub(super) struct SettingQuestion {
    pub(super) ask: Ask,
    /// The right to ask it.
    pub(super) right: &'static str,
    /// What the answer says of keys that begin with that; nothing if it is none.
    pub(super) read: fn(&StoreReply, &str) -> Option<BucketFacts>,
    /// What it means that nothing is set.
    pub(super) unset: BucketFacts,
}

/// What a store said of its bucket.
#[derive(Debug, Default)]
pub struct ToldOfBucket {
    /// What it said.
    pub facts: BucketFacts,
    /// What it does not say, or not to us.
    pub untold: Vec<Limit>,
    /// What it could not say now.
    pub unknown: Vec<Unlooked>,
}

impl BucketStorage {
    /// What is set of the bucket.
    #[must_use]
    pub fn facts(&self) -> ToldOfBucket {
        let mut told = ToldOfBucket::default();
        for Setting { of, asked } in self.store.dialect.settings() {
            match asked {
                Some(asked) => self.note(of, asked, &mut told),
                None => told.untold.push(Limit::BucketUntold { setting: of, right: None }),
            }
        }
        told
    }

    fn note(&self, setting: BucketSetting, asked: SettingQuestion, told: &mut ToldOfBucket) {
        let SettingQuestion { ask, right, read, unset } = asked;
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        match wait(async move { store.ask_for(&ask, |answer| read(answer, &prefix)).await }) {
            Ok(facts) => told.facts.learn(&facts),
            Err(StoreFault::Absent) => told.facts.learn(&unset),
            Err(StoreFault::NotOffered { .. }) => {
                told.untold.push(Limit::BucketUntold { setting, right: None });
            }
            Err(fault @ StoreFault::Refused { .. }) => {
                tracing::debug!(%fault, "the bucket's {setting}");
                told.untold.push(Limit::BucketUntold { setting, right: Some(right.to_owned()) });
            }
            Err(fault @ (StoreFault::Passing { .. } | StoreFault::Changed | StoreFault::OutOfRange)) => {
                let bucket = Thing::side(format!("{}: {setting}", self.location));
                told.unknown.push(Unlooked::new(bucket, fault.reason()));
            }
        }
    }
}

/// Whether a rule on keys that begin with `rule` is on all of those that begin with `prefix`.
fn covers(rule: &str, prefix: &str) -> bool {
    prefix.starts_with(rule)
}

/// Whether it is on some of them; upload sessions, which nobody misses, may end by a rule.
fn touches(rule: &str, prefix: &str) -> bool {
    let is_on_uploads = rule.contains("/_uploads");
    covers(rule, prefix) || (rule.starts_with(prefix) && !is_on_uploads)
}
