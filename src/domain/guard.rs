//! What a guarded garbage collection did, stage by stage. `-o json` writes it as it is.
//!
//! ```text
//! gate ─► snapshot ─► collection ─► restart? ─► check ─► claims cleared ─► proof
//! ```

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gc::{Abort, Loss, Release};
use super::observed::Unlooked;
use super::report::{Report, Tool};

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guarded {
    /// The version of this contract: that of reports.
    pub schema: u32,
    /// Who wrote this.
    pub tool: Tool,
    /// When the run began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The stage that failed, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Stage>,
    /// The process's exit status.
    pub exit_status: u8,
    /// Why nothing was done at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What garbage collection would have done.
    pub gate: Gate,
    /// Where storage's view of before lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// How garbage collection ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<Collected>,
    /// Whether, and how, the restart of the daemon ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// The check after it, with what was cleared and its proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// A stage that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Garbage collection was not let run.
    Gate,
    /// Garbage collection.
    Collection,
    /// The restart of the daemon.
    Restart,
    /// The check after it found something, or could not look at everything.
    Check,
}

/// What garbage collection would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Whose garbage collector was reckoned with; both where it is not known.
    pub flavours: BTreeSet<Release>,
    /// Whether it deletes untagged manifests (`-m`).
    pub delete_untagged: bool,
    /// Whether it may run.
    pub open: bool,
    /// Whether garbage collection that keeps untagged manifests might run, where this one must not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_without_untagged: bool,
    /// Why it would give up.
    pub aborts: BTreeSet<Abort>,
    /// What it would take that images need.
    pub losses: Vec<Loss>,
    /// How many blobs it would delete.
    pub garbage_blobs: u64,
    /// Their bytes.
    pub garbage_bytes: u64,
    /// What could not be looked at, which keeps it shut.
    pub unknown: Vec<Unlooked>,
}

/// How garbage collection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// The command.
    pub command: Vec<String>,
    /// Its exit status, where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// The signal that killed it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why it could not be run, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many suspects its output named.
    pub suspects: u64,
    /// Where its output lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Collected {
    /// Whether it ended well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == Some(0)
    }
}
