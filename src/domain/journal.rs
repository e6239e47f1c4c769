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
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::name::RepositoryName;
use super::report::Target;

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
        /// What is deleted, with its content.
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

/// What was deleted from Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedKey {
    /// The key.
    pub key: String,
    /// What it held, or the part of it that was deleted.
    pub content: KeyContent,
}

/// The content of a Redis key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyContent {
    /// A hash, deleted as a whole.
    Hash(BTreeMap<String, String>),
    /// Members that were removed from a set.
    Members(Vec<String>),
}

/// By which means a change can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversal {
    /// In storage.
    Storage,
    /// In Redis.
    Cache,
    /// Not by us; why that is no loss.
    Impossible(&'static str),
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

impl Change {
    /// By which means it can be taken back.
    #[must_use]
    pub const fn reversal(&self) -> Reversal {
        match self {
            Self::FileMoved { .. } | Self::LinkWritten { .. } => Reversal::Storage,
            Self::CacheDeleted { .. } => Reversal::Cache,
            Self::ClaimDeleted { .. } => {
                Reversal::Impossible("the claim was false, and a push brings back a link that was not")
            }
            Self::Uploaded { .. } => Reversal::Impossible("an upload only adds what the digest names"),
        }
    }
}

/// All that a journal tells, run by run, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The runs.
    pub runs: Vec<Run>,
}

/// One run as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// When its first record was written.
    pub started: Timestamp,
    /// What it was for; nothing if that record is lost.
    pub purpose: Option<Purpose>,
    /// The registry it worked on; nothing if that record is lost.
    pub target: Option<Target>,
    /// Whether it ended by itself.
    pub finished: bool,
    /// Its steps, in the order in which they were first named.
    pub steps: Vec<StepHistory>,
}

/// One step as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepHistory {
    /// Its name.
    pub step: String,
    /// The step, for people; empty if that record is lost.
    pub what: String,
    /// How far it came.
    pub progress: Progress,
    /// What it was about to change, in order.
    pub changes: Vec<RecordedChange>,
}

/// How far a step came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was never begun.
    Planned,
    /// It was begun, and nothing says how it ended.
    Started,
    /// It was taken.
    Done,
    /// It failed; the reason.
    Failed(String),
}

/// A change, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedChange {
    /// The number of the entry that recorded it.
    pub sequence: u64,
    /// What was to be different.
    pub change: Change,
    /// Whether it was taken back since.
    pub undone: bool,
}

impl History {
    /// Read a journal's entries, which are in order.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut history = Self::default();
        for entry in entries {
            if let Record::Undone { change } = &entry.record {
                history.undo(*change);
            } else {
                history.run(entry).read(entry.sequence, &entry.record);
            }
        }
        history
    }

    /// The run that this entry belongs to. A resumed run's entries need not be adjacent.
    fn run(&mut self, entry: &Entry) -> &mut Run {
        let at = self.runs.iter().position(|run| run.id == entry.run).unwrap_or_else(|| {
            self.runs.push(Run::new(entry));
            self.runs.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "`at` was found in, or pushed to, this very list")]
        &mut self.runs[at]
    }

    fn undo(&mut self, sequence: u64) {
        let changes = self.runs.iter_mut().flat_map(|run| &mut run.steps).flat_map(|step| &mut step.changes);
        for change in changes.filter(|change| change.sequence == sequence) {
            change.undone = true;
        }
    }

    /// The runs that did not end by themselves, oldest first.
    pub fn interrupted(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.finished)
    }

    /// The newest repair of which something can still be taken back.
    #[must_use]
    pub fn last_undoable(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.purpose != Some(Purpose::Undo) && !run.undoable().is_empty())
    }
}

impl Run {
    fn new(entry: &Entry) -> Self {
        Self {
            id: entry.run.clone(),
            started: entry.at,
            purpose: None,
            target: None,
            finished: false,
            steps: Vec::new(),
        }
    }

    fn read(&mut self, sequence: u64, record: &Record) {
        match record {
            Record::RunStarted { purpose, target, .. } => {
                self.purpose = Some(*purpose);
                self.target = Some(target.clone());
            }
            Record::StepPlanned { step, what } => self.step(step).what.clone_from(what),
            Record::StepStarted { step } => self.step(step).progress = Progress::Started,
            Record::Change { step, change } => {
                let change = RecordedChange { sequence, change: change.clone(), undone: false };
                self.step(step).changes.push(change);
            }
            Record::StepDone { step } => self.step(step).progress = Progress::Done,
            Record::StepFailed { step, why } => self.step(step).progress = Progress::Failed(why.clone()),
            Record::RunFinished => self.finished = true,
            Record::Undone { .. } => {}
        }
    }

    fn step(&mut self, name: &str) -> &mut StepHistory {
        let at = self.steps.iter().position(|step| step.step == name).unwrap_or_else(|| {
            self.steps.push(StepHistory {
                step: name.to_owned(),
                what: String::new(),
                progress: Progress::Planned,
                changes: Vec::new(),
            });
            self.steps.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "`at` was found in, or pushed to, this very list")]
        &mut self.steps[at]
    }

    /// The steps that were planned or begun and never ended, in order. None of a run that finished.
    #[must_use]
    pub fn unfinished(&self) -> Vec<&StepHistory> {
        let open = |step: &&StepHistory| matches!(step.progress, Progress::Planned | Progress::Started);
        if self.finished { Vec::new() } else { self.steps.iter().filter(open).collect() }
    }

    /// What can be taken back, in the order in which to do it: the last change first.
    #[must_use]
    pub fn undoable(&self) -> Vec<&RecordedChange> {
        let mut changes: Vec<_> = self
            .steps
            .iter()
            .flat_map(|step| &step.changes)
            .filter(|change| !change.undone && !matches!(change.change.reversal(), Reversal::Impossible(_)))
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.sequence));
        changes
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
#[path = "journal_tests.rs"]
mod tests;
