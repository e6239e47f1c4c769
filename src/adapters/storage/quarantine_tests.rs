use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use tempfile::TempDir;

use super::*;
use crate::adapters::journal::FileJournal;
use crate::adapters::storage::quarantined;
use crate::domain::history::History;
use crate::domain::journal::Record;
use crate::domain::layout::ROOT;
use crate::domain::report::Target;
use crate::engine::ports::Journal;
use crate::engine::undo::undo;
use crate::engine::write_ahead::carry_out;

struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// In memory, where that is to be had: for what is done hundreds of times, each forced to the disk.
    fn fast() -> Self {
        Self::of(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn of(dir: TempDir) -> Self {
        fs::create_dir_all(dir.path().join("registry").join(ROOT)).unwrap();
        Self { dir }
    }

    fn v2(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("registry").join(ROOT)
    }

    fn driver_root(&self) -> PathBuf {
        self.v2().ancestors().nth(3).unwrap().to_owned()
    }

    fn writer(&self, run: &str) -> FilesystemWriter {
        FilesystemWriter::new(&self.v2(), run).unwrap()
    }

    fn journal(&self, run: &str) -> FileJournal {
        FileJournal::take(&self.dir.path().join("state"), run).unwrap()
    }

    fn blob(&self, bytes: &str) -> PathBuf {
        self.file(&self.writer("none").path(&Place::Data(digest())), bytes)
    }

    fn link(&self, bytes: &[u8]) -> PathBuf {
        let path = self.writer("none").link(&repository(), &LinkPlace::Layer(digest()));
        self.file(&path, bytes)
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the fixture")]
    fn file(&self, path: &Path, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        path.to_owned()
    }

    fn carry_out(&self, run: &str, changes: Vec<Change>) {
        carry_out(&self.journal(run), &self.writer(run), "1", changes).unwrap();
    }

    fn undo(&self) {
        let undone = undo(&self.journal("undo"), &self.writer("undo"), Target::default(), None).unwrap();
        assert_eq!(undone.left, []);
    }
}

fn digest() -> Digest {
    Digest::sha256([0xab; 32])
}

fn repository() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_bad_blob_goes_beside_the_root_with_its_owner_mode_and_time() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let before = path.metadata().unwrap();
    let changes = fixture.writer("run").quarantine_blob(&digest()).unwrap();
    let Change::FileMoved { to, .. } = changes[0].clone() else { panic!("{changes:?}") };
    let root = fixture.v2().ancestors().nth(4).unwrap().join("registry.regfsck-quarantine/run");
    assert_eq!(to.strip_prefix(root).unwrap(), path.strip_prefix(fixture.driver_root()).unwrap());
    fixture.carry_out("run", changes);
    let after = to.metadata().unwrap();
    let marks = |m: &fs::Metadata| (m.ino(), m.mode(), m.uid(), m.mtime(), m.mtime_nsec(), m.len());
    assert_eq!(marks(&after), marks(&before));
    assert!(!path.exists());
    assert_eq!(fixture.writer("run").quarantine_blob(&digest()).unwrap(), []);
}

#[test]
fn undo_restores_the_bad_bytes_and_keeps_the_good() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    fixture.carry_out("run", fixture.writer("run").quarantine_blob(&digest()).unwrap());
    fs::write(&path, "good").unwrap();
    fixture.undo();
    assert_eq!(text(&path), "bad");
    let kept = fixture.writer("undo").own.join(path.strip_prefix(fixture.driver_root()).unwrap());
    assert_eq!(text(&kept), "good");
    assert_eq!(History::of(fixture.journal("next").earlier()).last_undoable(), None);
}

#[test]
fn what_earlier_runs_put_away_is_found_newest_first() {
    let fixture = Fixture::new();
    assert_eq!(quarantined(&fixture.v2()), Vec::<PathBuf>::new());
    for run in ["20260101T000000Z-9", "20260102T000000Z-1"] {
        fixture.blob("bad");
        fixture.carry_out(run, fixture.writer(run).quarantine_blob(&digest()).unwrap());
    }
    let own = |run: &str| fixture.writer(run).own;
    assert_eq!(quarantined(&fixture.v2()), [own("20260102T000000Z-1"), own("20260101T000000Z-9")]);
}

#[test]
fn undo_restores_into_a_folder_that_is_gone() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    fixture.carry_out("run", fixture.writer("run").quarantine_blob(&digest()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "what garbage collection does")]
    fs::remove_dir(path.parent().unwrap()).unwrap();
    fixture.undo();
    assert_eq!(text(&path), "bad");
}

#[test]
fn a_change_that_was_recorded_but_not_made_is_undone_without_harm() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    let change = fixture.writer("run").quarantine_blob(&digest()).unwrap().remove(0);
    let journal = fixture.journal("run");
    journal.append(Record::Change { step: "1".into(), change }).unwrap();
    drop(journal);
    fixture.undo();
    assert_eq!(text(&path), "bad");
}

#[test]
fn a_change_can_be_made_again() {
    let fixture = Fixture::new();
    fixture.blob("bad");
    let writer = fixture.writer("run");
    let change = writer.quarantine_blob(&digest()).unwrap().remove(0);
    writer.apply(&change).unwrap();
    writer.apply(&change).unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let fixture = Fixture::new();
    let path = fixture.blob("first");
    let writer = fixture.writer("run");
    let change = writer.quarantine_blob(&digest()).unwrap().remove(0);
    writer.apply(&change).unwrap();
    fs::write(&path, "second").unwrap();
    assert!(matches!(writer.apply(&change), Err(StorageWriteError::Occupied { .. })));
    let other = writer.quarantine_blob(&digest()).unwrap().remove(0);
    writer.apply(&other).unwrap();
    let (Change::FileMoved { to: one, .. }, Change::FileMoved { to: two, .. }) = (change, other) else {
        panic!("moves");
    };
    assert_eq!((text(&one), text(&two)), ("first".into(), "second".into()));
}

#[test]
fn a_link_is_rewritten_with_its_mode_and_put_back_byte_for_byte() {
    let fixture = Fixture::new();
    let path = fixture.link(b"\xff\0");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(1234), Some(4321)).unwrap();
    }
    let owner = |path: &Path| path.metadata().map(|m| (m.mode(), m.uid(), m.gid())).unwrap();
    let before = owner(&path);
    let writer = fixture.writer("run");
    let place = LinkPlace::Layer(digest());
    fixture.carry_out("run", writer.write_link(&repository(), &place, &digest()).unwrap());
    assert_eq!((text(&path), owner(&path)), (digest().to_string(), before));
    assert_eq!(writer.write_link(&repository(), &place, &digest()).unwrap(), []);
    fixture.undo();
    assert_eq!((fs::read(&path).unwrap(), owner(&path)), (b"\xff\0".to_vec(), before));
}

#[test]
fn a_new_link_is_made_like_its_folder_and_taken_away_by_undo() {
    let fixture = Fixture::new();
    let writer = fixture.writer("run");
    let place = LinkPlace::Tag("latest".parse().unwrap());
    fixture.carry_out("run", writer.write_link(&repository(), &place, &digest()).unwrap());
    let path = writer.link(&repository(), &place);
    assert_eq!(text(&path), digest().to_string());
    let folder = path.parent().unwrap().metadata().unwrap().mode();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, folder & 0o666);
    fixture.undo();
    assert!(!path.exists());
}

#[test]
fn a_huge_link_is_kept_as_a_file() {
    let fixture = Fixture::new();
    let path = fixture.link(&[b'x'; 5000]);
    let writer = fixture.writer("run");
    let place = LinkPlace::Layer(digest());
    fixture.carry_out("run", writer.write_link(&repository(), &place, &digest()).unwrap());
    assert_eq!(text(&path), digest().to_string());
    fixture.undo();
    assert_eq!(fs::read(&path).unwrap(), [b'x'; 5000]);
}

#[test]
fn a_link_that_changed_since_is_left_alone() {
    let fixture = Fixture::new();
    let path = fixture.link(b"");
    let writer = fixture.writer("run");
    let change = writer.write_link(&repository(), &LinkPlace::Layer(digest()), &digest()).unwrap().remove(0);
    fs::write(&path, "other").unwrap();
    assert!(matches!(writer.apply(&change), Err(StorageWriteError::ChangedSince { .. })));
    assert!(matches!(writer.revert(&change), Err(StorageWriteError::ChangedSince { .. })));
}

#[test]
fn a_forged_journal_reaches_nothing_outside() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    let writer = fixture.writer("run");
    let victim = fixture.file(&fixture.dir.path().canonicalize().unwrap().join("victim"), "v");
    for to in [victim.clone(), fixture.v2().join("../../../../victim")] {
        for change in [
            Change::FileMoved { from: path.clone(), to: to.clone(), content: SHA256 },
            Change::FileMoved { from: to.clone(), to: fixture.v2().join("x"), content: SHA256 },
            Change::LinkWritten {
                path: to,
                old: Some(Content::Text("v".into())),
                new: Content::Text("w".into()),
            },
        ] {
            assert!(matches!(writer.apply(&change), Err(StorageWriteError::Outside { .. })), "{change:?}");
            assert!(matches!(writer.revert(&change), Err(StorageWriteError::Outside { .. })), "{change:?}");
        }
    }
    assert_eq!(text(&victim), "v");
}

#[test]
fn what_is_no_file_is_not_moved() {
    let fixture = Fixture::new();
    let path = fixture.writer("run").path(&Place::Data(digest()));
    fs::create_dir_all(&path).unwrap();
    assert!(matches!(
        fixture.writer("run").quarantine_blob(&digest()),
        Err(StorageWriteError::NotAFile { .. })
    ));
}

#[test]
fn a_database_in_use_is_an_obstacle() {
    let fixture = Fixture::new();
    assert_eq!(fixture.writer("run").obstacles(), Vec::<String>::new());
    fixture.file(&fixture.v2().parent().unwrap().join("lockfiles/database-in-use"), "");
    assert_eq!(fixture.writer("run").obstacles().len(), 1);
}

#[test]
fn a_path_that_is_no_registry_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(FilesystemWriter::new(dir.path(), "run"), Err(StorageWriteError::NotARegistry { .. })));
}

/// A folder mounted over itself, as a container's volume is.
struct Mount(PathBuf);

impl Mount {
    fn new(path: PathBuf) -> Option<Self> {
        let status = std::process::Command::new("mount").arg("--bind").arg(&path).arg(&path).status();
        status.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn where_the_root_is_a_mount_the_quarantine_is_inside() {
    let fixture = Fixture::new();
    let path = fixture.blob("bad");
    let Some(mount) = Mount::new(fixture.driver_root()) else {
        eprintln!("skipped: this user cannot mount");
        return;
    };
    let writer = fixture.writer("run");
    assert_eq!(writer.own, mount.0.join("regfsck-quarantine/run"));
    fixture.carry_out("run", writer.quarantine_blob(&digest()).unwrap());
    assert!(!path.exists());
    fixture.undo();
    assert_eq!(text(&path), "bad");
}

#[path = "quarantine_killed_tests.rs"]
mod killed;
