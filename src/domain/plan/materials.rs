//! What there is to repair with.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::digest::Digest;
use crate::domain::manifest::Manifest;
use crate::domain::name::{Image, RepositoryName, Tag};

/// What sources have of what the findings need.
#[derive(Debug, Clone, Default)]
pub struct Materials {
    /// Manifests whose bytes some source has, hashed and read.
    pub manifests: BTreeMap<Digest, Manifest>,
    /// Where the bytes of content are: a source that says it has them. What no source has is not in here.
    pub sightings: BTreeMap<Digest, String>,
    /// What sources say that broken tags should name.
    pub tags: BTreeMap<(RepositoryName, Tag), Digest>,
    /// Images that a local engine has under the registry's own name, and can push.
    pub pushes: BTreeSet<Image>,
}
