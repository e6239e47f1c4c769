//! Reading the journal's file and appending to it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustix::fs::{OFlags, fcntl_setfl};

use super::lock::Lock;
use super::refused;
use crate::adapters::files::{PrivateFolder, Unfit, read_all};
use crate::domain::journal::{Entry, Record};
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::engine::ports::{Journal, JournalError};

const NAME: &str = "journal.jsonl";
/// No journal of ours gets so large; what does is not read into memory.
const LIMIT: u64 = 1 << 30;
/// So many lines that are no records are named one by one.
const NAMED: usize = 20;

/// What a journal's file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its records, in order.
    pub entries: Vec<Entry>,
    /// Lines that are no records; of many the first ones and the last.
    pub damage: Vec<Unlooked>,
    /// How many bytes at its end belong to a record that was not written to its end.
    pub torn: u64,
}

/// Where the journal of a state folder is.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Read the journal in a state folder without taking it. A journal that does not exist is empty.
///
/// # Errors
/// When there is a file that cannot be read.
pub fn read(dir: &Path) -> Result<Contents, JournalError> {
    let folder = PrivateFolder::find(dir).map_err(refused("use the folder", dir))?;
    folder.map_or_else(|| Ok(Contents::default()), |folder| read_in(&folder))
}

fn read_in(folder: &PrivateFolder) -> Result<Contents, JournalError> {
    let path = folder.path().join(NAME);
    let opened = folder.open(NAME).map_err(refused("open", &path))?;
    let Some((file, size)) = opened else { return Ok(Contents::default()) };
    if size > LIMIT {
        return Err(refused("read", &path)(Unfit::Size(LIMIT).into()));
    }
    let bytes = read_all(file, LIMIT).map_err(refused("read", &path))?;
    Ok(parse(&path, &bytes))
}

pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let (mut more, mut last) = (0_u64, 0);
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if !line.ends_with(b"\n") {
            contents.torn = line.len() as u64;
        } else if !line.trim_ascii().is_empty() {
            match serde_json::from_slice(line) {
                Ok(entry) => contents.entries.push(entry),
                Err(error) if contents.damage.len() < NAMED => {
                    contents.damage.push(no_record(path, number, error.to_string()));
                }
                Err(_) => (more, last) = (more + 1, number),
            }
        }
    }
    if more > 0 {
        contents.damage.push(no_record(path, last, format!("the last of {more} more")));
    }
    contents
}

fn no_record(path: &Path, line: u64, why: String) -> Unlooked {
    Unlooked::new(Thing::File(path.to_owned().into(), Some(line)), Reason::NoRecord(why.into()))
}

/// The journal of one registry, taken by this run.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    run: String,
    earlier: Contents,
    file: File,
    tail: Mutex<Tail>,
    synced: Mutex<Synced>,
    _lock: Lock,
}

/// The end of the file, where records go.
#[derive(Debug)]
struct Tail {
    length: u64,
    next: u64,
}

/// How much of the file is known to be on the disk.
#[derive(Debug)]
struct Synced {
    length: u64,
    /// A failed `fsync` may be the only word about lost data: what follows it cannot be believed.
    failed: bool,
}

impl FileJournal {
    /// Take the journal in this state folder for a run of that name; the folder is made if need be.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another run holds it, and when the folder or file cannot be made.
    pub fn take(dir: &Path, run: impl Into<String>) -> Result<Self, JournalError> {
        let folder = PrivateFolder::make(dir).map_err(|error| {
            let is_there = Unfit::of(&error).is_some();
            refused(if is_there { "use the folder" } else { "make the folder" }, dir)(error)
        })?;
        let lock = Lock::of_state(&folder)?;
        let earlier = read_in(&folder)?;
        let path = dir.join(NAME);
        let (file, length) = open(&folder, earlier.torn).map_err(refused("open", &path))?;
        let next = earlier.entries.iter().map(|entry| entry.sequence).max().unwrap_or(0) + 1;
        let tail = Mutex::new(Tail { length, next });
        let synced = Mutex::new(Synced { length, failed: false });
        Ok(Self { path, run: run.into(), earlier, file, tail, synced, _lock: lock })
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Write lines, and say where they end.
    fn write(&self, records: Vec<Record>) -> io::Result<(Vec<u64>, u64)> {
        let mut tail = self.tail();
        let first = tail.next;
        let (mut lines, mut sequence) = (Vec::new(), first);
        for record in records {
            let entry = Entry { sequence, at: Timestamp::now(), run: self.run.clone(), record };
            serde_json::to_writer(&mut lines, &entry)?;
            lines.push(b'\n');
            sequence += 1;
        }
        if let Err(error) = (&self.file).write_all(&lines) {
            // A full disk may have taken half a line; the next record must not be glued to it.
            let _ = self.file.set_len(tail.length);
            return Err(error);
        }
        tail.next = sequence;
        tail.length += lines.len() as u64;
        Ok(((first..sequence).collect(), tail.length))
    }

    /// Force the file to the disk up to `end` at least. Whoever waits here for another's turn finds most
    /// often that it was done for both.
    fn sync(&self, end: u64) -> io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if synced.failed {
            return Err(io::Error::other("forcing it to the disk failed before"));
        }
        if synced.length >= end {
            return Ok(());
        }
        let length = self.tail().length;
        let forced = self.file.sync_data();
        synced.failed = forced.is_err();
        if forced.is_ok() {
            synced.length = length;
        }
        forced
    }
}

/// Open the file to append to it, a torn record cut off; with its length.
fn open(folder: &PrivateFolder, torn: u64) -> io::Result<(File, u64)> {
    let file = folder.writable(NAME)?;
    let length = file.metadata()?.len().saturating_sub(torn);
    if torn > 0 {
        tracing::warn!(path = %folder.path().display(), bytes = torn, "cutting off a torn record");
        file.set_len(length)?;
        file.sync_all()?;
    }
    fcntl_setfl(&file, OFlags::APPEND)?;
    Ok((file, length))
}

impl Journal for FileJournal {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn earlier(&self) -> &[Entry] {
        &self.earlier.entries
    }

    fn damage(&self) -> &[Unlooked] {
        &self.earlier.damage
    }

    fn append_all(&self, records: Vec<Record>) -> Result<Vec<u64>, JournalError> {
        let refused = |source| JournalError::Refused { what: "write to", path: self.path.clone(), source };
        let (numbers, end) = self.write(records).map_err(refused)?;
        self.sync(end).map_err(refused)?;
        Ok(numbers)
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
