//! The journal of a process that is killed while it writes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::journal::{FileJournal, read};
use regfsck::domain::journal::Record;
use regfsck::engine::ports::{Journal, JournalError};

/// Names the state folder of the process that is to be killed.
const STATE: &str = "REGFSCK_TEST_KILLED_STATE";

/// Not a test by itself: what the process does that is to be killed.
#[test]
fn writer() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    let journal = FileJournal::take(&state, "killed").unwrap();
    for step in 0_u64.. {
        let number = journal.append(Record::StepStarted { step: step.to_string() }).unwrap();
        eprintln!("wrote {number}");
    }
}

/// Run [`writer`] until it has written so many records, kill it, and say which was the last that it knew
/// to be written.
fn kill_after(state: &Path, records: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::writer", "--nocapture"])
        .env(STATE, state)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut written = lines.filter_map(|line| line.strip_prefix("wrote ")?.parse::<u64>().ok());
    let known = written.by_ref().take(records).last().unwrap();
    let refused = FileJournal::take(state, "other").unwrap_err();
    assert!(matches!(refused, JournalError::Locked { holder: Some(_), .. }), "{refused}");
    child.kill().unwrap();
    let known = written.last().unwrap_or(known);
    child.wait().unwrap();
    known
}

#[test]
fn a_killed_writer_leaves_all_that_it_knew_of_and_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let known = kill_after(dir.path(), round * 7);
        let contents = read(dir.path()).unwrap();
        let numbers: Vec<_> = contents.entries.iter().map(|entry| entry.sequence).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        // One more may be on the disk than the process lived to tell.
        assert!((known..=known + 1).contains(&(numbers.len() as u64)), "{known} {}", numbers.len());
        drop(FileJournal::take(dir.path(), "next").unwrap());
        assert_eq!(contents.damage, []);
    }
}
