//! What others put where we keep our own: it is refused with the reason, and nothing of theirs is touched.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::guard::Guarded;
use regfsck::domain::report::Verdict;
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::repair::{Mirror, Ran, Regfsck, bare};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Pushed};
use crate::support::regfsck::Ended;

const REPOSITORY: &str = "team/app";
const STRANGER: u32 = 54321;

/// A registry with a bad layer, a mirror that has it, and a file that is not ours to touch.
struct Scene {
    daemon: Daemon,
    mirror: Mirror,
    regfsck: Regfsck,
    victim: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
        let image = Image::two_layers("state").unwrap();
        assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobBitFlipped.apply(&daemon.root(), &at);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let victim = daemon.root().with_file_name("victim");
        fs::write(&victim, "precious").unwrap();
        let regfsck = Regfsck::on(&daemon);
        Self { daemon, mirror, regfsck, victim }
    }

    fn arguments(&self) -> Vec<String> {
        let arguments = ["--fix", "--yes", "--content", "--source", &self.mirror.source()];
        arguments.map(str::to_owned).into()
    }

    fn fix(&self) -> Ran {
        let arguments = self.arguments();
        self.regfsck.run("check", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn state(&self, name: &str) -> PathBuf {
        self.regfsck.state().join(name)
    }

    fn quarantine(&self) -> PathBuf {
        self.daemon.root().with_file_name("root.regfsck-quarantine")
    }

    /// What was said, with names for what is elsewhere each time.
    fn said(&self, ran: &Ran) -> String {
        let results: Vec<_> = ran.results().into_iter().map(|(_, why)| why).collect();
        let said = [ran.stderr.trim(), &results.join("; ")].concat();
        let above = self.daemon.root().parent().unwrap().display().to_string();
        said.replace(&self.regfsck.state().display().to_string(), "STATE").replace(&above, "ABOVE")
    }
}

#[derive(Debug, Clone, Copy)]
enum Plant {
    Link,
    LinkToFolder,
    Pipe,
    Strangers,
    ForAll,
    HardLink,
}

fn plant(what: Plant, path: &Path, scene: &Scene) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let elsewhere = scene.victim.with_file_name("elsewhere");
    match what {
        Plant::Link => symlink(&scene.victim, path).unwrap(),
        Plant::LinkToFolder => {
            fs::create_dir_all(&elsewhere).unwrap();
            symlink(&elsewhere, path).unwrap();
        }
        Plant::Pipe => mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap(),
        Plant::HardLink => fs::hard_link(&scene.victim, path).unwrap(),
        Plant::Strangers | Plant::ForAll => {
            if !path.exists() {
                fs::create_dir(path).unwrap();
            }
            if matches!(what, Plant::Strangers) {
                chown(path, Some(STRANGER), None).unwrap();
            } else {
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            }
        }
    }
}

const LINK: &str = "it is a symbolic link, which is not followed here: remove it, or name what it leads to";
const PIPE: &str = "it is no regular file: move it away";
const STRANGE: &str =
    "it belongs to user 54321, who may change it meanwhile: run as that user, or move it away";
const OPEN: &str = "others may write to it (mode 777): take that from them with `chmod go-w`";
const NAMES: &str = "it has another name too (a hard link), and may be something else: move it away";

#[test]
fn what_others_put_in_our_place_is_refused_with_the_reason_and_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be given what is another's");
        return;
    }
    let hint = "name a folder that this user may write to with `--state-dir`";
    let error = |what: &str, why: &str| format!("error: cannot {what}: {why}; {hint}");
    for (what, place, told) in [
        (Plant::Link, "STATE/journal.jsonl", error("open `STATE/journal.jsonl`", LINK)),
        (Plant::Pipe, "STATE/journal.jsonl", error("open `STATE/journal.jsonl`", PIPE)),
        (Plant::HardLink, "STATE/journal.jsonl", error("open `STATE/journal.jsonl`", NAMES)),
        (Plant::Link, "STATE/lock", error("open `STATE/lock`", LINK)),
        (Plant::Pipe, "STATE/lock", error("open `STATE/lock`", PIPE)),
        (Plant::Strangers, "STATE", format!("error: --state-dir: cannot use the folder `STATE`: {STRANGE}")),
        (Plant::ForAll, "STATE", format!("error: --state-dir: cannot use the folder `STATE`: {OPEN}")),
        (Plant::Link, "ROOT/regfsck.lock", error("open `ABOVE/root/regfsck.lock`", LINK)),
        (Plant::Pipe, "ROOT/regfsck.lock", error("open `ABOVE/root/regfsck.lock`", PIPE)),
        (
            Plant::LinkToFolder,
            "STATE/spool",
            format!("error: --state-dir: cannot use the folder `STATE/spool`: {LINK}"),
        ),
        (
            Plant::LinkToFolder,
            "QUARANTINE",
            "`ABOVE/root.regfsck-quarantine` is a symbolic link, and nothing is changed through one".into(),
        ),
        (
            Plant::Strangers,
            "QUARANTINE",
            format!("cannot use the folder `ABOVE/root.regfsck-quarantine`: {STRANGE}"),
        ),
    ] {
        let scene = Scene::new();
        let path = place
            .replace("STATE", &scene.regfsck.state().display().to_string())
            .replace("ROOT", &scene.daemon.root().display().to_string())
            .replace("QUARANTINE", &scene.quarantine().display().to_string());
        plant(what, Path::new(&path), &scene);
        let ran = scene.fix();
        assert_eq!(scene.said(&ran), told, "{what:?} at {place}");
        assert_ne!(ran.status, 0);
        assert_eq!(fs::read_to_string(&scene.victim).unwrap(), "precious", "{what:?} at {place}");
        let elsewhere = scene.victim.with_file_name("elsewhere");
        assert_eq!(fs::read_dir(elsewhere).map_or(0, Iterator::count), 0, "{what:?} at {place}");
        assert!(Path::new(&path).symlink_metadata().is_ok());
    }
}

#[test]
fn what_we_keep_is_for_us_alone() {
    let scene = Scene::new();
    scene.fix().healed();
    let saved = scene.state("plan.json");
    scene.regfsck.run("check", &["--plan", saved.to_str().unwrap()]);
    let below = |path: &Path| walkdir::WalkDir::new(path).min_depth(1).into_iter().map(Result::unwrap);
    let kept = below(scene.regfsck.state()).filter(|entry| entry.file_name() != "table");
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    for entry in kept.chain(below(&scene.quarantine())) {
        let wanted = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        // What was moved into the quarantine is as it was.
        if !(entry.file_type().is_file() && entry.path().starts_with(scene.quarantine())) {
            assert_eq!(mode(entry.path()), wanted, "{}", entry.path().display());
        }
    }
}

#[test]
fn a_plan_that_others_could_have_changed_is_not_carried_out() {
    let why = "others may write to it (mode 666): take that from them with `chmod go-w`";
    let scene = Scene::new();
    let plan = scene.state("plan.json");
    let source = scene.mirror.source();
    scene.regfsck.run("check", &["--content", "--plan", plan.to_str().unwrap(), "--source", &source]);
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o666)).unwrap();
    let arguments = ["--yes", "--plan", plan.to_str().unwrap(), "--content", "--source", &source];
    let ran = scene.regfsck.run("repair", &arguments);
    assert_eq!(scene.said(&ran), format!("error: cannot read the plan `STATE/plan.json`: {why}"));
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o600)).unwrap();
    scene.regfsck.run("repair", &arguments).healed();
}

#[test]
fn an_edited_plan_says_and_does_what_its_actions_are() {
    let scene = Scene::new();
    let plan = scene.state("plan.json");
    let source = scene.mirror.source();
    scene.regfsck.run("check", &["--content", "--plan", plan.to_str().unwrap(), "--source", &source]);
    let edit = |from: &str, to: &str| {
        let text = fs::read_to_string(&plan).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&plan, text.replacen(from, to, 1)).unwrap();
    };
    edit("\"what\": \"move the bad file", "\"what\": \"\u{202e}look at the bad file");
    let arguments = ["--plan", plan.to_str().unwrap(), "--content", "--source", &source];
    let ran = scene.regfsck.run("repair", &arguments);
    let step = "move the bad file to the quarantine, then upload blob";
    assert!(ran.stderr.contains(step) && !ran.stderr.contains("look at"), "{}", ran.stderr);
    edit("\"id\": \"upload-blob:", "\"id\": \"\u{202e}upload-blob:");
    let ran = scene.regfsck.run("repair", &arguments);
    let why = "error: `STATE/plan.json` was changed since check --plan saved it: step 1 is called something else than what it \
               does; make a new one";
    assert_eq!((scene.said(&ran), ran.status), (why.into(), 2));
}

#[test]
fn undo_says_that_the_journal_is_damaged() {
    let scene = Scene::new();
    scene.fix().healed();
    let folder = fs::read_dir(scene.regfsck.state()).unwrap().map(|entry| entry.unwrap().path());
    let journal = folder.map(|path| if path.is_dir() { path.join("journal.jsonl") } else { path });
    let journal = journal.filter(|path| path.ends_with("journal.jsonl")).find(|path| path.exists()).unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, format!("no record\u{200b}\n{text}")).unwrap();
    let undone = scene.regfsck.undo();
    let said = "the journal is damaged, and what it does not tell stays as it is: ";
    assert!(undone.stderr.starts_with(said), "{}", undone.stderr);
}

/// A guarded garbage collection that goes on until it is let end.
struct Guard {
    child: Child,
    gate: PathBuf,
}

impl Guard {
    fn start(scene: &Scene) -> Self {
        let (begun, gate) = (scene.state("begun"), scene.state("end"));
        // Its own file is gone once the test is over, however that ended.
        let script = format!(
            "echo $$ >{begun}; while [ -e {begun} ] && [ ! -e {gate} ]; do sleep 0.02; done",
            begun = begun.display(),
            gate = gate.display()
        );
        let arguments = ["--gc-version", "2", "--report-only", "--", "sh", "-c", &script];
        let child =
            scene.regfsck.command("guard", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !begun.exists() {
            assert!(Instant::now() < deadline, "the guard does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child: child.unwrap(), gate }
    }

    /// The process of the garbage collection.
    fn collection(&self) -> PathBuf {
        let pid = loop {
            let text = fs::read_to_string(self.gate.with_file_name("begun")).unwrap();
            if let Ok(pid) = text.trim().parse::<u32>() {
                break pid;
            }
        };
        Path::new("/proc").join(pid.to_string())
    }

    /// What is said of who has the lock.
    fn holder(&self) -> String {
        format!("another run (process {} since ", self.child.id())
    }

    fn end(mut self) -> Option<i32> {
        fs::write(&self.gate, "").unwrap();
        self.child.wait().unwrap().code()
    }
}

/// Two who repair with nothing in common but the registry.
#[test]
fn one_registry_is_changed_by_one_run_wherever_each_keeps_its_state() {
    let scene = Scene::new();
    scene.fix().healed();
    let image = Image::two_layers("state").unwrap();
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
    let guard = Guard::start(&scene);
    Damage::BlobBitFlipped.apply(&scene.daemon.root(), &at);
    let other = Regfsck::on(&scene.daemon);
    let arguments = scene.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = other.run("check", &arguments).expect(4);
    let refusal = ran.report().refusal.clone().unwrap();
    assert_eq!(refusal.split_at(guard.holder().len()).0, guard.holder());
    let lock =
        format!("holds `{}`; ", scene.daemon.root().canonicalize().unwrap().join("regfsck.lock").display());
    assert_eq!(refusal.matches(&lock).count(), 1, "{refusal}");
    let ended: Ended = other.command("guard", &["--gc-version", "2", "--", "true"]).output().unwrap().into();
    let guarded: Guarded = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.status, guarded.gate.open), (4, false));
    assert_eq!(guarded.refusal.unwrap().split_at(guard.holder().len()).0, guard.holder());
    assert_eq!(other.undo().status, 4);
    // Who has no storage knows the registry by its address.
    let state = tempfile::tempdir().unwrap();
    let mut command = bare(["check", "-o", "json", "--registry", &scene.daemon.url(), "--state-dir"]);
    let ran = other.ran(command.arg(state.path()).args(&arguments).output().unwrap().into()).expect(4);
    assert_eq!(ran.report().verdict, Verdict::Refused);
    assert_eq!(guard.end(), Some(0));
    other.run("check", &arguments).healed();
}

#[test]
fn who_is_killed_holds_nothing_any_more() {
    let scene = Scene::new();
    scene.fix().healed();
    let mut guard = Guard::start(&scene);
    let lock = scene.daemon.root().join("regfsck.lock");
    assert!(lock.exists());
    let collection = guard.collection();
    guard.child.kill().unwrap();
    guard.child.wait().unwrap();
    let other = Regfsck::on(&scene.daemon);
    let image = Image::two_layers("state").unwrap();
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
    Damage::BlobBitFlipped.apply(&scene.daemon.root(), &at);
    let arguments = scene.arguments();
    other.run("check", &arguments.iter().map(String::as_str).collect::<Vec<_>>()).healed();
    assert!(!lock.exists(), "and nothing of ours stays in storage");
    drop(scene);
    let deadline = Instant::now() + Duration::from_secs(30);
    while collection.exists() {
        assert!(Instant::now() < deadline, "the garbage collection of this test goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
