//! What may be set of a bucket, and what one does not see where it is not told.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Something that is set of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BucketSetting {
    /// What is deleted by its age, and what is aborted.
    #[error("lifecycle rules")]
    Lifecycle,
    /// Whether a version of what is deleted stays.
    #[error("versioning")]
    Versioning,
    /// Whether what is deleted can be had back for some days.
    #[error("soft delete")]
    SoftDelete,
    /// Under whose keys objects are encrypted.
    #[error("encryption")]
    Encryption,
    /// All of it.
    #[error("lifecycle rules, versioning and soft delete")]
    All,
}
