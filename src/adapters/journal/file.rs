//! Reading the journal's file and appending to it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::lock::Lock;
use crate::domain::journal::{Entry, Record};
use crate::domain::observed::Unlooked;
use crate::engine::ports::{Journal, JournalError};

const NAME: &str = "journal.jsonl";

/// What a journal's file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its records, in order.
    pub entries: Vec<Entry>,
    /// Lines that are no records.
    pub damage: Vec<Unlooked>,
    /// How many bytes at its end belong to a record that was not written to its end.
    pub torn: u64,
}

/// Read the journal in a state folder without taking it. A journal that does not exist is empty.
///
/// # Errors
/// When there is a file that cannot be read.
pub fn read(dir: &Path) -> Result<Contents, JournalError> {
    let path = dir.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => Ok(parse(&path, &bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Contents::default()),
        Err(source) => Err(JournalError::Refused { what: "read", path, source }),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if !line.ends_with(b"\n") {
            contents.torn = line.len() as u64;
        } else if !line.trim_ascii().is_empty() {
            match serde_json::from_slice(line) {
                Ok(entry) => contents.entries.push(entry),
                Err(error) => contents.damage.push(Unlooked {
                    what: format!("{}:{number}", path.display()),
                    why: format!("this line is no record: {error}"),
                }),
            }
        }
    }
    contents
}

/// The journal of one registry, taken by this run.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    run: String,
    earlier: Contents,
    tail: Mutex<Tail>,
    _lock: Lock,
}

/// The end of the file, where records go.
#[derive(Debug)]
struct Tail {
    file: File,
    length: u64,
    next: u64,
}

impl FileJournal {
    /// Take the journal in this state folder for a run of that name; the folder is made if need be.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run holds it, and when the folder or file cannot be made.
    pub fn take(dir: &Path, run: impl Into<String>) -> Result<Self, JournalError> {
        let refused = |what, path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Refused { what, path, source }
        };
        make_dir(dir).map_err(refused("make the folder", dir))?;
        let lock = Lock::take(dir)?;
        let earlier = read(dir)?;
        let path = dir.join(NAME);
        let tail = Tail::open(&path, &earlier).map_err(refused("open", &path))?;
        // The file's name must outlast a crash too, not only what it holds.
        sync_dir(dir).map_err(refused("force to the disk", dir))?;
        Ok(Self { path, run: run.into(), earlier, tail: Mutex::new(tail), _lock: lock })
    }
}

impl Tail {
    fn open(path: &Path, earlier: &Contents) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len().saturating_sub(earlier.torn);
        if earlier.torn > 0 {
            tracing::warn!(path = %path.display(), bytes = earlier.torn, "cutting off a torn record");
            file.set_len(length)?;
            file.sync_all()?;
        }
        let next = earlier.entries.iter().map(|entry| entry.sequence).max().unwrap_or(0) + 1;
        Ok(Self { file, length, next })
    }

    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // A full disk may have taken half a line; the next record must not be glued to it.
            let _ = self.file.set_len(self.length);
            return written;
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

impl Journal for FileJournal {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn run(&self) -> &str {
        &self.run
    }

    fn earlier(&self) -> &[Entry] {
        &self.earlier.entries
    }

    fn damage(&self) -> &[Unlooked] {
        &self.earlier.damage
    }

    fn append(&self, record: Record) -> Result<u64, JournalError> {
        let refused = |source| JournalError::Refused { what: "write to", path: self.path.clone(), source };
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = tail.next;
        let entry = Entry { sequence, at: Timestamp::now(), run: self.run.clone(), record };
        let mut line = serde_json::to_vec(&entry).map_err(|error| refused(error.into()))?;
        line.push(b'\n');
        tail.append(&line).map_err(refused)?;
        tail.next += 1;
        Ok(sequence)
    }
}

/// Make the folder, only for its owner: the journal names what is in the registry.
fn make_dir(dir: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::{History, Progress};

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
        let places: Vec<_> = journal.damage().iter().map(|damage| damage.what.clone()).collect();
        assert_eq!(places, [format!("{}:2", dir.path().join(NAME).display())]);
        let history = History::of(journal.earlier());
        assert_eq!(history.runs[0].steps[0].progress, Progress::Done);
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
            let mount = mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(dir.path()).status();
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
}
