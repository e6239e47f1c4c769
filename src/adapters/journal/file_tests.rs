use super::*;
use crate::domain::history::{History, Progress};
use std::fs::{self, OpenOptions};

fn started(step: &str) -> Record {
    Record::StepStarted { step: step.into() }
}

fn append_raw(dir: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(dir.join(NAME)).unwrap().write_all(bytes).unwrap();
}

fn records(contents: &Contents) -> Vec<(u64, &str)> {
    contents.entries.iter().map(|entry| (entry.sequence, entry.run.as_str())).collect()
}

#[test]
fn records_outlive_the_run_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/b");
    for run in ["one", "two"] {
        let journal = FileJournal::take(&state, run).unwrap();
        journal.append(started("1")).unwrap();
        journal.append(Record::RunFinished).unwrap();
    }
    assert_eq!(records(&read(&state).unwrap()), [(1, "one"), (2, "one"), (3, "two"), (4, "two")]);
    let journal = FileJournal::take(&state, "three").unwrap();
    assert_eq!(journal.earlier().len(), 4);
}

#[test]
fn a_torn_last_record_is_tolerated() {
    let dir = tempfile::tempdir().unwrap();
    FileJournal::take(dir.path(), "one").unwrap().append(started("1")).unwrap();
    append_raw(dir.path(), br#"{"sequence":2,"at":"20"#);
    assert_eq!(read(dir.path()).unwrap().torn, 22);
    FileJournal::take(dir.path(), "two").unwrap().append(started("1")).unwrap();
    let contents = read(dir.path()).unwrap();
    assert_eq!(records(&contents), [(1, "one"), (2, "two")]);
    assert_eq!((contents.torn, contents.damage), (0, vec![]));
}

#[test]
fn garbage_in_the_middle_is_reported_and_the_rest_read() {
    let dir = tempfile::tempdir().unwrap();
    let journal = FileJournal::take(dir.path(), "one").unwrap();
    journal.append(started("1")).unwrap();
    append_raw(dir.path(), b"\0\0\xff not ours\n");
    journal.append(Record::StepDone { step: "1".into() }).unwrap();
    drop(journal);
    let journal = FileJournal::take(dir.path(), "two").unwrap();
    let places: Vec<_> = journal.damage().iter().map(|damage| damage.what.to_string()).collect();
    assert_eq!(places, [format!("{}:2", dir.path().join(NAME).display())]);
    let history = History::of(journal.earlier());
    assert_eq!(history.runs[0].steps[0].progress, Progress::Done);
}

#[test]
fn a_journal_that_is_all_garbage_is_not_told_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    drop(FileJournal::take(dir.path(), "one").unwrap());
    append_raw(dir.path(), &b"?\n".repeat(100_000));
    let damage = read(dir.path()).unwrap().damage;
    let (last, path) = (damage.last().unwrap(), dir.path().join(NAME));
    assert_eq!((damage.len(), last.what.to_string()), (21, format!("{}:100000", path.display())));
    assert_eq!(last.why.to_string(), "this line is no record: the last of 99980 more");
}

#[test]
fn only_one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = FileJournal::take(dir.path(), "one").unwrap();
    let refused = FileJournal::take(dir.path(), "two").unwrap_err();
    let JournalError::Locked { holder: Some(holder), .. } = &refused else { panic!("{refused}") };
    let process = format!("process {} since ", std::process::id());
    assert_eq!(holder.split_at(process.len()).0, process);
    drop(first);
    FileJournal::take(dir.path(), "two").unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = FileJournal::take(&file.join("state"), "one").unwrap_err();
    assert_eq!(refused.to_string(), format!("cannot make the folder `{}`", file.join("state").display()));
}

/// A filesystem of 64 KiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=64k,mode=700", "none"]).arg(dir.path()).status();
        mount.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_half_record() {
    let Some(disk) = SmallDisk::new() else {
        eprintln!("skipped: this user cannot mount");
        return;
    };
    let journal = FileJournal::take(disk.0.path(), "one").unwrap();
    let long = || started(&"long".repeat(1000));
    let written = (0..100).take_while(|_| journal.append(long()).is_ok()).count();
    assert!((1..16).contains(&written), "{written}");
    drop(journal);
    let contents = read(disk.0.path()).unwrap();
    assert_eq!((contents.entries.len(), contents.torn, contents.damage), (written, 0, vec![]));
}

#[test]
fn many_threads_share_the_wait_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = FileJournal::take(dir.path(), "one").unwrap();
    let mut numbers = std::thread::scope(|scope| {
        let append = || (0..50).map(|_| journal.append(started("1")).unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(append)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=400).collect::<Vec<_>>());
    let batch = journal.append_all(vec![started("2"), started("3")]).unwrap();
    assert_eq!(batch, [401, 402]);
    let written: Vec<_> = read(dir.path()).unwrap().entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(written, (1..=402).collect::<Vec<_>>());
}
