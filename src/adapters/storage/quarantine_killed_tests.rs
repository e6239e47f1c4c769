//! A repair that is killed, and an undo that is killed too.

use std::sync::Mutex;

use super::*;
use crate::domain::journal::Entry;
use crate::domain::observed::Unlooked;
use crate::engine::ports::JournalError;
use crate::engine::undo::UndoError;

/// A journal and a storage that are both gone after so many calls, as a process is that is killed.
struct Killed<'t, T: ?Sized> {
    inner: &'t T,
    left: &'t Mutex<usize>,
}

impl<T: ?Sized> Killed<'_, T> {
    fn live(&self) -> std::io::Result<()> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or_else(|| std::io::Error::other("killed"))?;
        Ok(())
    }
}

impl Journal for Killed<'_, FileJournal> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn earlier(&self) -> &[Entry] {
        self.inner.earlier()
    }

    fn damage(&self) -> &[Unlooked] {
        self.inner.damage()
    }

    fn append_all(&self, records: Vec<Record>) -> Result<Vec<u64>, JournalError> {
        let refused = |source| JournalError::Refused { what: "write to", path: PathBuf::new(), source };
        self.live().map_err(refused)?;
        self.inner.append_all(records)
    }
}

impl StorageWriter for Killed<'_, FilesystemWriter> {
    fn obstacles(&self) -> Vec<String> {
        self.inner.obstacles()
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        self.inner.quarantine_blob(digest)
    }

    fn write_link(
        &self,
        of: &RepositoryName,
        at: &LinkPlace,
        to: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        self.inner.write_link(of, at, to)
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        self.inner.revert(change)
    }

    fn apply(&self, change: &Change) -> Result<(), StorageWriteError> {
        self.live().map_err(refused("killed at", Path::new("")))?;
        self.inner.apply(change)
    }
}

/// A repair of a bad blob and a bad link, as far as it comes.
fn repair(journal: &dyn Journal, writer: &dyn StorageWriter) {
    let place = LinkPlace::Layer(digest());
    let changes = [writer.quarantine_blob(&digest()), writer.write_link(&repository(), &place, &digest())];
    for changes in changes {
        if carry_out(journal, writer, "1", changes.unwrap()).is_err() {
            return;
        }
    }
}

/// Whether anything was taken back; what is left must be nothing.
fn undo_as_far(journal: &dyn Journal, writer: &dyn StorageWriter) -> bool {
    match undo(journal, writer, Target::default(), None) {
        Ok(_) | Err(UndoError::Journal(_)) => true,
        Err(UndoError::Nothing { .. }) => false,
        Err(error @ (UndoError::NoSuchRun { .. } | UndoError::TakenBack { .. })) => panic!("{error}"),
    }
}

#[test]
fn killed_anywhere_in_a_repair_and_anywhere_in_its_undo_the_next_undo_ends_it() {
    for (repaired, undone) in (0..5).flat_map(|repaired| (0..13).map(move |undone| (repaired, undone))) {
        let fixture = Fixture::fast();
        let (blob, link) = (fixture.blob("bad"), fixture.link(b"wrong"));
        let (repaired_left, undone_left) = (Mutex::new(repaired), Mutex::new(undone));
        {
            let (journal, writer) = (fixture.journal("run"), fixture.writer("run"));
            let left = &repaired_left;
            repair(&Killed { inner: &journal, left }, &Killed { inner: &writer, left });
        }
        if repaired >= 2 {
            fs::write(&blob, "good").unwrap();
        }
        {
            let (journal, writer) = (fixture.journal("undo"), fixture.writer("undo"));
            let left = &undone_left;
            undo_as_far(&Killed { inner: &journal, left }, &Killed { inner: &writer, left });
        }
        let again = undo_as_far(&fixture.journal("again"), &fixture.writer("again"));
        let at = format!("killed after {repaired} and {undone}, undone again: {again}");
        assert_eq!((text(&blob).as_str(), text(&link).as_str()), ("bad", "wrong"), "{at}");
        assert!(!undo_as_far(&fixture.journal("last"), &fixture.writer("last")), "{at}");
    }
}
