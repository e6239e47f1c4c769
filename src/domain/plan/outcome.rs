//! What came of a plan's steps, and what the check after them showed.

use serde::{Deserialize, Serialize};

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The step's name.
    pub step: String,
    /// What it was to do, for people.
    pub what: String,
    /// What came of it.
    pub result: StepResult,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// It was carried out; what it brought, in words.
    Done(String),
    /// It was tried; why it failed.
    Failed(String),
    /// It was not tried; why not.
    Skipped(String),
}

impl StepResult {
    /// Whether it was carried out.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// What the second collection showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Proof {
    /// Findings that are gone, by id.
    pub resolved: Vec<String>,
    /// Findings that are still there.
    pub remaining: Vec<String>,
    /// Findings that were not there before.
    pub introduced: Vec<String>,
    /// Findings of which nobody knows, because what proved them could not be looked at again.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// The images that were pulled in full over the API after the repair.
    pub pulled: Vec<String>,
}
