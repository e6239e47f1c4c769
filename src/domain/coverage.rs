//! How much was looked at, side by side, and what could not be.

use serde::{Deserialize, Serialize};

use super::limit::Limits;
use super::observed::{Reason, Thing, Unlooked};
use super::shard::Shard;

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Coverage {
    /// In storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageCoverage>,
    /// Over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedCoverage>,
    /// In Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheCoverage>,
    /// Which part of a check that is split among machines this was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What could not be looked at.
    pub unknown: Vec<Unlooked>,
    /// What this kind of run cannot see, and what would let it.
    #[serde(flatten)]
    pub limits: Limits,
}

impl Coverage {
    /// Enter that the run was stopped before everything was looked at.
    pub fn note_interrupt(&mut self) {
        self.unknown.push(Unlooked::new(Thing::Rest, Reason::Interrupted));
        Unlooked::sort(&mut self.unknown);
    }
}

/// What was looked at in storage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StorageCoverage {
    /// Repositories.
    pub repositories: u64,
    /// Tags.
    pub tags: u64,
    /// Revision links.
    pub revision_links: u64,
    /// Layer links.
    pub layer_links: u64,
    /// Blobs, manifests among them.
    pub blobs: u64,
    /// Their bytes in all.
    pub bytes: u64,
    /// Manifests read, each once.
    pub manifests: u64,
    /// Upload sessions.
    pub uploads: u64,
    /// Blobs whose content was hashed.
    pub hashed_blobs: u64,
    /// The bytes of those.
    pub hashed_bytes: u64,
}

/// What was asked over the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServedCoverage {
    /// Requests sent in all, retries included.
    pub requests: u64,
    /// Tags resolved.
    pub tags: u64,
    /// Manifests asked for.
    pub manifests: u64,
    /// Repository-blob pairs asked about.
    pub blobs: u64,
    /// Blobs whose bytes were hashed as they came.
    #[serde(default)]
    pub hashed_blobs: u64,
    /// How many bytes were hashed.
    #[serde(default)]
    pub hashed_bytes: u64,
}

/// What was read from Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CacheCoverage {
    /// Keys seen.
    pub keys: u64,
    /// Global entries (`blobs::DIGEST`).
    pub entries: u64,
    /// Members of repository sets.
    pub members: u64,
}
