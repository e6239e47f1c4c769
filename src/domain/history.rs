//! What a journal tells about the runs that wrote it: what is unfinished, and what can be taken back.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::journal::{Change, Entry, Purpose, Record};
use super::target::Target;

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

/// What came of an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The run whose changes were taken back.
    pub run: String,
    /// Those that are as before now.
    pub taken_back: Vec<RecordedChange>,
    /// Those that are not, and why.
    pub left: Vec<(RecordedChange, String)>,
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

    /// The runs that did not end by themselves, and that no later repair has followed which did.
    pub fn cut_short(&self) -> impl Iterator<Item = &Run> {
        let is_end = |run: &Run| run.finished && run.purpose != Some(Purpose::Undo);
        let after = self.runs.iter().rposition(is_end).map_or(0, |last| last + 1);
        self.runs.iter().skip(after).filter(|run| !run.finished)
    }

    /// The repairs, newest first.
    pub fn repairs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().rev().filter(|run| run.purpose != Some(Purpose::Undo))
    }

    /// The newest repair of which something can still be taken back.
    #[must_use]
    pub fn last_undoable(&self) -> Option<&Run> {
        self.repairs().find(|run| !run.undoable().is_empty())
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
            .filter(|change| !change.undone && change.change.lasting().is_none())
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.sequence));
        changes
    }

    /// Whether it changed anything that can be taken back, taken back since or not.
    #[must_use]
    pub fn changed_storage(&self) -> bool {
        self.steps.iter().flat_map(|step| &step.changes).any(|change| change.change.lasting().is_none())
    }

    /// Why what it changed beside that stays: each reason once.
    #[must_use]
    pub fn lasting(&self) -> BTreeSet<&'static str> {
        let changes = self.steps.iter().flat_map(|step| &step.changes);
        changes.filter_map(|change| change.change.lasting()).collect()
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
