//! Full disks: the registry's and our own. Nothing is lost, and whoever reads the report at night knows what to do.
//!
//! What 2.8.2 answers, with `UNKNOWN` and "unknown error" in each case:
//!
//! | room for | answer | detail |
//! |---|---|---|
//! | not even a session | POST: 500 | the fields of a Go error: `Enclosed: {Op, Path, Err: 28}` |
//! | a session, not the data | PUT: 500 | a text: `write …/_uploads/…/data: no space left on device` |
//!
//! What came of the data stays in the session's folder, and the disk full: a DELETE of the session answers 404
//! `BLOB_UPLOAD_INVALID` then, and only upload purging takes it away. So a full disk is not tried twice.

use std::fs;
use std::path::Path;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::plan::StepResult;

use super::refusals::files;
use super::sources::REPOSITORY;
use super::{Mirror, Ran, Regfsck, bare, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};
use crate::support::regfsck::Ended;

/// A small filesystem of its own over a folder; taken away when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn over(folder: &std::path::Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=800k,mode=700", "tmpfs"]).arg(folder);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: a full disk needs the right to mount a tmpfs");
        }
        is_mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        let daemon = kind.start(&Settings::default());
        let Some(_disk) = SmallDisk::over(&daemon.root()) else { return };
        let image = Image::build("large", &[200_000, 3000]).unwrap();
        assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
        assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobBitFlipped.apply(&daemon.root(), &at);
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let bad = fs::read(&data).unwrap();
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let filler = daemon.root().join("filler");
        let _ = fs::write(&filler, vec![1; 800_000]);
        let (regfsck, source) = (Regfsck::on(&daemon), mirror.source());
        let arguments = ["--content", "--retry-times", "1", "--source", &source];
        let ran = regfsck.fix(&arguments);
        assert!(matches!(ran.status, 1 | 4), "{}\n{}", ran.stderr, ran.table);
        assert_eq!(fs::read(&data).unwrap(), bad, "{}", ran.table);
        #[expect(clippy::disallowed_methods, reason = "the filler is the test's own")]
        fs::remove_file(&filler).unwrap();
        regfsck.fix(&arguments).healed();
        judge(&daemon, REPOSITORY, "1", &image);
    }
}

const FULL: &str = "; the registry's disk is full: make room there, by more than what is to be uploaded, and run this \
                    again; what came so far stays under `_uploads` until the registry purges it";

/// A registry on a small disk, with a bad layer; and a mirror that has it.
struct Scene {
    daemon: Daemon,
    mirror: Mirror,
    image: Image,
    _disk: SmallDisk,
}

fn scene(kind: &Kind) -> Option<Scene> {
    let daemon = kind.start(&Settings::default());
    let disk = SmallDisk::over(&daemon.root())?;
    let image = Image::build("large", &[200_000, 3000]).unwrap();
    assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
    Damage::BlobBitFlipped.apply(&daemon.root(), &at);
    let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
    Some(Scene { daemon, mirror, image, _disk: disk })
}

impl Scene {
    fn fix(&self, regfsck: &Regfsck) -> Ran {
        regfsck.fix(&["--content", "--retry-times", "1", "--source", &self.mirror.source()])
    }

    fn filler(&self) -> std::path::PathBuf {
        self.daemon.root().join("filler")
    }

    /// Somebody made room.
    fn heals(&self, regfsck: &Regfsck) {
        remove(&self.filler());
        self.fix(regfsck).healed();
        judge(&self.daemon, REPOSITORY, "1", &self.image);
    }
}

fn remove(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "the filler is the test's own")]
    fs::remove_file(path).unwrap();
}

/// Write until nothing goes on the disk any more but so many bytes.
fn fill(filler: &Path, left: u64) {
    let _ = fs::write(filler, vec![1; 900_000]);
    let size = fs::metadata(filler).unwrap().len();
    fs::File::options().write(true).open(filler).unwrap().set_len(size - left).unwrap();
}

#[test]
fn no_room_for_the_layer_is_told_in_the_daemon_s_words_and_ours() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        let Some(scene) = scene(&kind) else { return };
        fill(&scene.filler(), 60_000);
        let before = files(&scene.daemon.root());
        let regfsck = Regfsck::on(&scene.daemon);
        let ran = scene.fix(&regfsck).expect(1);
        assert_eq!(ran.standing(), ["corrupt-blob"]);
        let results = ran.results();
        let [(result, why)] = &results[..] else { panic!("{results:?}") };
        let url = format!("PUT {}/v2/{REPOSITORY}/blobs/uploads/", scene.daemon.url());
        let room = "/data: no space left on device)";
        assert!(result == "failed" && why.starts_with(&url), "{why}");
        assert!(why.contains(": 500 Internal Server Error, UNKNOWN: unknown error (write /"), "{why}");
        assert!(why.ends_with(&format!("{room}{FULL}")), "{why}");
        assert_eq!(files(&scene.daemon.root()), before);
        scene.heals(&regfsck);
    }
}

#[test]
fn no_room_at_all_is_seen_before_anything_is_moved() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        let Some(scene) = scene(&kind) else { return };
        fill(&scene.filler(), 0);
        let before = files(&scene.daemon.root());
        let regfsck = Regfsck::on(&scene.daemon);
        let ran = scene.fix(&regfsck).expect(4);
        let said = ran.report().refusal.as_deref().unwrap();
        let url = format!(
            "the registry refuses uploads: POST {}/v2/{REPOSITORY}/blobs/uploads/",
            scene.daemon.url()
        );
        assert!(said.starts_with(&url), "{said}");
        let why = if kind.flavour().is_3() { "no space left on device" } else { "errno 28" };
        assert!(said.contains("/startedat"), "{said}");
        assert!(said.ends_with(&format!(": {why}) (2 attempts){FULL}")), "{said}");
        assert_eq!(files(&scene.daemon.root()), before);
        scene.heals(&regfsck);
    }
}

/// Our own: the journal, and the folder that bytes pass through.
#[test]
fn no_room_in_the_state_folder_is_said_too() {
    for (size, left) in [(3000, 0), (3_000_000, 100_000)] {
        let daemon = Kind::all()[0].start(&Settings::default());
        let image = Image::build("large", &[size, 3000]).unwrap();
        assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobBitFlipped.apply(&daemon.root(), &at);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let state = tempfile::tempdir().unwrap();
        let Some(_disk) = SmallDisk::over(state.path()) else { return };
        fill(&state.path().join("filler"), left);
        let before = files(&daemon.root());
        let mut command =
            bare(["check", "--fix", "--yes", "--content", "-o", "json", "--source", &mirror.source()]);
        command.arg("--config").arg(daemon.config_path()).arg("--state-dir").arg(state.path());
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(files(&daemon.root()), before);
        let place = state.path().display();
        if left == 0 {
            let lock = format!(
                "error: cannot write `{place}/lock`: No space left on device (os error 28); \
                 name a folder that this user may write to with `--state-dir`\n"
            );
            // Before it what this check saw could not be kept for the next one, which is said as well.
            assert_eq!(ended.status, 2, "{}", ended.stderr);
            assert!(ended.stderr.ends_with(&lock), "{}", ended.stderr);
        } else {
            let spool = format!("; cannot spool to `{place}/spool`: No space left on device (os error 28)");
            let outcomes = ended.report().outcomes.unwrap();
            let StepResult::Failed(failed) = &outcomes[0].result else { panic!("{outcomes:?}") };
            assert!(failed.ends_with(&spool), "{failed}");
            assert_eq!(ended.status, 1);
        }
    }
}
