//! The last restart that our journal tells of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StartWitness;
use crate::adapters::journal;
use crate::domain::journal::{Change, Entry, Record};
use crate::domain::start::{Start, Witness};

/// The journal of a registry, about one of its daemons.
#[derive(Debug, Clone)]
pub struct JournalWitness {
    /// The folder that the journal lies in.
    pub folder: PathBuf,
    /// The daemon as the journal names it.
    pub daemon: String,
}

#[async_trait]
impl StartWitness for JournalWitness {
    async fn start(&self) -> Result<Start, String> {
        let contents = journal::read(&self.folder).map_err(|error| error.to_string())?;
        let none = || "our journal tells of no restart".to_owned();
        restarted(&contents.entries, &self.daemon).ok_or_else(none)
    }
}

/// The last restart of the daemon that succeeded: it began after the restart did.
fn restarted(entries: &[Entry], daemon: &str) -> Option<Start> {
    let mut begun: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    let mut last = None;
    for entry in entries {
        let run = entry.run.as_str();
        if let Record::Change { step, change: Change::Restarted { daemons, .. } } = &entry.record
            && daemons.iter().any(|known| known == daemon)
        {
            begun.insert((run, step), entry.at);
        }
        if let Record::StepDone { step } = &entry.record {
            let start = begun.remove(&(run, step.as_str()));
            last = start.map(|at| Start { at, witness: Witness::Restart(run.to_owned()) }).or(last);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_restart_that_succeeded_counts_from_when_it_began() {
        let entry = |second: i64, record: Record| Entry {
            sequence: second.unsigned_abs(),
            at: Timestamp::from_second(second).unwrap(),
            run: "run".into(),
            record,
        };
        let change = |second: i64, step: &str, daemon: &str| {
            let change = Change::Restarted { service: "s".into(), daemons: vec![daemon.to_owned()] };
            entry(second, Record::Change { step: step.into(), change })
        };
        let done = |second: i64, step: &str| entry(second, Record::StepDone { step: step.into() });
        let failed = entry(9, Record::StepFailed { step: "c".into(), why: "it".into() });
        let entries = [
            change(1, "a", "x"),
            done(2, "a"),
            change(3, "b", "x"),
            change(4, "other", "y"),
            done(5, "other"),
            done(6, "b"),
            change(8, "c", "x"),
            failed,
        ];
        let at = |entries: &[Entry], daemon| restarted(entries, daemon).map(|start| start.at.as_second());
        assert_eq!(at(&entries, "x"), Some(3));
        assert_eq!(at(&entries, "y"), Some(4));
        assert_eq!(at(&entries, "z"), None);
        assert_eq!(at(&entries[..1], "x"), None);
    }
}
