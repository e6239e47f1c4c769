//! The journal: what a run is about to change, written down before it is changed.
//!
//! ```text
//! run-started ─ step-planned* ─ ( step-started ─ change* ─ step-done | step-failed )* ─ run-finished
//! ```
//!
//! Every record is on the disk before the next thing happens, so a run that was killed left either a
//! record whose change may or may not have been made, or a change that a record describes. That is why
//! each [`Change`] is a value that can be made again, or taken back, whether it was made or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::name::RepositoryName;
use super::target::Target;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: unique in this journal and growing.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: String,
    /// What it says.
    #[serde(flatten)]
    pub record: Record,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A run begins.
    RunStarted {
        /// What for.
        purpose: Purpose,
        /// The registry it works on, without secrets.
        target: Target,
        /// The version of regfsck.
        version: String,
        /// Its process.
        pid: u32,
    },
    /// The run means to take this step.
    StepPlanned {
        /// The step's name in its plan.
        step: String,
        /// The step, for people.
        what: String,
    },
    /// The step begins.
    StepStarted {
        /// The step's name.
        step: String,
    },
    /// The step is about to change this.
    Change {
        /// The step's name.
        step: String,
        /// What will be different.
        change: Change,
    },
    /// The step was taken.
    StepDone {
        /// The step's name.
        step: String,
    },
    /// The step failed, and the run went on with others.
    StepFailed {
        /// The step's name.
        step: String,
        /// Why.
        why: String,
    },
    /// A change of this or an earlier run was taken back.
    Undone {
        /// The number of the entry that recorded the change.
        change: u64,
    },
    /// The run ended by itself.
    RunFinished,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Making the registry coherent.
    Repair,
    /// Taking changes back.
    Undo,
}

/// Something that will be different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A file goes from one place to another, where nothing was: into the quarantine or out of it.
    FileMoved {
        /// Where it was.
        from: PathBuf,
        /// Where it will be.
        to: PathBuf,
        /// What it holds: nothing else is moved, there or back.
        content: Digest,
    },
    /// A link file's content is replaced.
    LinkWritten {
        /// The link file.
        path: PathBuf,
        /// What it said; nothing if there was no such file.
        old: Option<Content>,
        /// What it will say.
        new: Content,
    },
    /// Keys, or members of sets, go from Redis.
    CacheDeleted {
        /// What goes, with what it held, so that a person can put it back.
        keys: Vec<DeletedKey>,
    },
    /// The daemon is asked to forget its claim by DELETE.
    ClaimDeleted {
        /// Where the claim was.
        repository: RepositoryName,
        /// What was claimed.
        digest: Digest,
        /// Whether it went through the manifest endpoint, not the blob endpoint.
        manifest: bool,
    },
    /// The daemons of a service are restarted, and forget what they remembered.
    Restarted {
        /// What names the service.
        service: String,
        /// Its daemons, by their URLs.
        daemons: Vec<String>,
    },
    /// The bytes of a manifest are put back that nobody needs but a daemon believes in.
    Returned {
        /// Where it was uploaded.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// Content is uploaded, which only adds.
    Uploaded {
        /// Where to.
        repository: RepositoryName,
        /// What.
        digest: Digest,
    },
}

/// What a file says: text where it is text, so that a person can read the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Text.
    Text(String),
    /// Bytes that are no UTF-8.
    Bytes(Vec<u8>),
}

/// A key of Redis that is deleted, or loses members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedKey {
    /// The key.
    pub key: String,
    /// What it held, or the part of it that goes.
    pub content: KeyContent,
}

/// The content of a Redis key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyContent {
    /// A hash, deleted as a whole: its fields.
    Hash(BTreeMap<String, Content>),
    /// Members that are removed from a set; the others stay.
    Members(Vec<String>),
}

impl Content {
    /// The content of a file.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }

    /// The bytes as they were.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes.as_slice(),
        }
    }
}

/// A change of storage.
#[derive(Debug, Clone, Copy)]
pub enum StorageChange<'a> {
    /// [`Change::FileMoved`]
    Moved {
        /// Where it was.
        from: &'a Path,
        /// Where it will be.
        to: &'a Path,
        /// What it holds.
        content: &'a Digest,
    },
    /// [`Change::LinkWritten`]
    Link {
        /// The link file.
        path: &'a Path,
        /// What it said.
        old: Option<&'a Content>,
        /// What it will say.
        new: &'a Content,
    },
}

impl Change {
    /// What makes the link at `path` say `digest`, which says `old`; nothing if it does already. What is longer than `longest` is too
    /// much for the journal: `keep` moves the file itself away.
    ///
    /// # Errors
    /// Those of `keep`.
    pub fn of_link<E>(
        path: PathBuf,
        old: Option<Content>,
        digest: &Digest,
        longest: u64,
        keep: impl FnOnce() -> Result<Vec<Self>, E>,
    ) -> Result<Vec<Self>, E> {
        let new = Content::Text(digest.to_string());
        if old.as_ref() == Some(&new) {
            return Ok(Vec::new());
        }
        let is_huge = old.as_ref().is_some_and(|old| old.as_bytes().len() as u64 > longest);
        let mut changes = if is_huge { keep()? } else { Vec::new() };
        changes.push(Self::LinkWritten { path, old: old.filter(|_| !is_huge), new });
        Ok(changes)
    }

    /// The change of storage that it is; nothing where something else changes.
    #[must_use]
    pub fn in_storage(&self) -> Option<StorageChange<'_>> {
        match self {
            Self::FileMoved { from, to, content } => Some(StorageChange::Moved { from, to, content }),
            Self::LinkWritten { path, old, new } => {
                Some(StorageChange::Link { path, old: old.as_ref(), new })
            }
            Self::CacheDeleted { .. }
            | Self::ClaimDeleted { .. }
            | Self::Restarted { .. }
            | Self::Returned { .. }
            | Self::Uploaded { .. } => None,
        }
    }

    /// Why it cannot be taken back, which is no loss; nothing for what was changed in storage, which can.
    #[must_use]
    pub const fn lasting(&self) -> Option<&'static str> {
        match self {
            Self::FileMoved { .. } | Self::LinkWritten { .. } => None,
            Self::CacheDeleted { .. } => {
                Some("the daemon fills its cache by itself, and what was deleted from Redis was stale")
            }
            Self::ClaimDeleted { .. } => {
                Some("the claim that was deleted was false, and a push brings back a link that was not")
            }
            Self::Restarted { .. } => Some("a daemon that was restarted remembers nothing of before"),
            Self::Returned { .. } => Some("garbage collection takes it again, and nobody sees it until then"),
            Self::Uploaded { .. } => Some("an upload only adds what the digest names"),
        }
    }
}

/// What tells one registry from another: where it is stored, or else where it is served.
#[must_use]
pub fn identity(target: &Target) -> Option<&str> {
    target.storage.as_deref().or(target.registry.as_deref())
}

/// The name of the folder that a registry's journal lies in: readable, and unlike that of any other.
#[must_use]
pub fn folder_name(identity: &str) -> String {
    let plain = identity.split_once("://").map_or(identity, |(_, rest)| rest);
    let slug: Vec<_> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|s| !s.is_empty()).collect();
    let slug: String = slug.join("-").chars().take(60).collect();
    let sum = Digest::sha256(Sha256::digest(identity.as_bytes()).into()).hex();
    let sum = sum.get(..8).unwrap_or(&sum);
    format!("{slug}-{sum}").trim_start_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_by_its_storage_first() {
        let both =
            Target { storage: Some("/s".into()), registry: Some("http://h".into()), ..Target::default() };
        assert_eq!(identity(&both), Some("/s"));
        assert_eq!(identity(&Target { storage: None, ..both }), Some("http://h"));
        assert_eq!(identity(&Target::default()), None);
    }

    #[test]
    fn folder_names_are_readable_and_distinct() {
        let names =
            ["/var/lib/registry", "/var/lib-registry", "https://reg.example:5000", "/"].map(folder_name);
        assert_eq!(
            names,
            [
                "var-lib-registry-0373a45b",
                "var-lib-registry-bea12908",
                "reg-example-5000-019f4217",
                "8a5edab2"
            ]
        );
    }
}
