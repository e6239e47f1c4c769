//! What is checked or repaired: its sides, by the names under which they are shown.

use serde::{Deserialize, Serialize};

/// What was checked; a side that was not looked at is absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Target {
    /// The storage root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// The registry's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Other replicas of it, each asked by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<String>,
    /// The Redis URL, without its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// How a person names it to regfsck: flags and their values, without secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// The same sides are the same target, whichever way it was named.
impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        let Self { storage, registry, replicas, cache, flags: _ } = self;
        (storage, registry, replicas, cache)
            == (&other.storage, &other.registry, &other.replicas, &other.cache)
    }
}

impl Eq for Target {}
