//! When nothing may be written: each refusal says why and what would work, and nothing is changed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::report::Verdict;
use walkdir::WalkDir;

use super::{Mirror, Ran, Regfsck, bare, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};
use crate::support::raw::blob_path;

const REPOSITORY: &str = "team/app";

/// A daemon that lost a layer, and a mirror that has it.
fn scene(kind: &Kind) -> (Daemon, Mirror, Image) {
    let daemon = kind.start(&Settings::default());
    let (mirror, image) = damaged(&daemon);
    (daemon, mirror, image)
}

fn damaged(daemon: &Daemon) -> (Mirror, Image) {
    let image = Image::two_layers("refused").unwrap();
    assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
    assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
    Damage::BlobDataRemoved.apply(&daemon.root(), &at);
    (Mirror::with(&[(REPOSITORY, "1", &image)]), image)
}

/// Every file of storage with the digest of its content.
pub(super) fn files(root: &Path) -> Vec<String> {
    let files = WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    // A 2.x daemon leaves the hash of nothing behind when an upload is cancelled.
    let files = files.filter(|entry| {
        entry.file_type().is_file() && !entry.path().to_string_lossy().contains("/_uploads/")
    });
    let shown = |path: &Path| {
        let content = Blob::new(fs::read(path).unwrap());
        format!("{} {}", path.strip_prefix(root).unwrap().display(), content.digest.short())
    };
    files.map(|entry| shown(entry.path())).collect()
}

#[track_caller]
fn refused(ran: &Ran, why: &str) {
    assert_eq!((ran.status, ran.report().verdict), (4, Verdict::Refused), "{}\n{}", ran.stderr, ran.table);
    let said = ran.report().refusal.as_deref().unwrap();
    assert!(said.contains(why), "{said}");
}

#[test]
fn without_a_terminal_and_without_yes() {
    for kind in Kind::all() {
        let (daemon, mirror, _) = scene(&kind);
        let before = files(&daemon.root());
        let regfsck = Regfsck::on(&daemon);
        let ran = regfsck.run("check", &["--fix", "--source", &mirror.source()]).expect(2);
        assert!(ran.stderr.contains("upload blob"), "the plan is shown: {}", ran.stderr);
        let said = "error: nothing was changed: there is no terminal to ask on; --yes does what is shown above without asking";
        assert_eq!(ran.stderr.lines().last(), Some(said));
        assert_eq!(files(&daemon.root()), before);
    }
}

#[test]
fn another_registry_s_storage() {
    for kind in Kind::all() {
        let (daemon, mirror, image) = scene(&kind);
        let stranger = kind.start(&Settings::default());
        // It claims the same content, so only the handshake can tell them apart.
        stranger.raw().push_image(REPOSITORY, "1", &image);
        let before = (files(&daemon.root()), files(&stranger.root()));
        let regfsck = Regfsck::on(&daemon);
        let url = stranger.url();
        let ran = regfsck.fix(&["--registry", &url, "--source", &mirror.source()]);
        refused(&ran, "these views are not of the same registry: an upload session started at");
        assert_eq!((files(&daemon.root()), files(&stranger.root())), before);
    }
}

#[test]
fn a_registry_whose_metadata_is_in_a_database() {
    for kind in Kind::all() {
        let (daemon, mirror, _) = scene(&kind);
        let lock = daemon.root().join("docker/registry/lockfiles/database-in-use");
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        fs::write(&lock, "").unwrap();
        let before = files(&daemon.root());
        let ran = Regfsck::on(&daemon).fix(&["--source", &mirror.source()]);
        refused(&ran, "keeps its metadata in a database");
        assert_eq!(files(&daemon.root()), before);
    }
}

#[test]
fn another_run_holds_the_lock() {
    for kind in Kind::all() {
        let (daemon, mirror, _) = scene(&kind);
        let regfsck = Regfsck::on(&daemon);
        let holder = regfsck::adapters::journal::FileJournal::take(regfsck.state(), "another").unwrap();
        let before = files(&daemon.root());
        let ran = regfsck.fix(&["--source", &mirror.source()]);
        refused(&ran, "another run (process");
        assert_eq!(files(&daemon.root()), before);
        assert_eq!(regfsck.undo().status, 4);
        drop(holder);
        regfsck.fix(&["--source", &mirror.source()]).healed();
    }
}

#[test]
fn read_only_mode() {
    for kind in Kind::all() {
        let Kind::Sandbox(_) = &kind else { continue };
        let daemon = kind.start(&Settings { read_only: true, ..Settings::default() });
        // Its content comes from a daemon on the same root that may write.
        let image = Image::two_layers("read only").unwrap();
        let options = regfsck::adapters::sandbox::Options::new(daemon.root(), daemon.flavour());
        let writer = regfsck::adapters::sandbox::Sandbox::start(options).unwrap();
        let raw = crate::support::raw::Raw::new(&writer.url());
        assert_eq!(raw.push_image(REPOSITORY, "1", &image).1.status, 201);
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobDataRemoved.apply(&daemon.root(), &at);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let before = files(&daemon.root());
        let regfsck = Regfsck::on(&daemon);
        // The config says so: nothing is planned.
        let ran = regfsck.fix(&["--source", &mirror.source()]).expect(1);
        assert_eq!(ran.steps(), Vec::<String>::new());
        let why = "the registry is in read-only mode; switch that off for the repair";
        assert!(ran.unresolved().iter().any(|(_, said)| said == why), "{:?}", ran.unresolved());
        // Nothing says so: the daemon does.
        let (root, url) = (daemon.root(), daemon.url());
        let output =
            bare(["check", "--fix", "--yes", "-o", "json", "--source", &mirror.source(), "--registry", &url])
                .arg("--storage")
                .arg(&root)
                .arg("--state-dir")
                .arg(regfsck.state())
                .output()
                .unwrap();
        refused(&regfsck.ran(output.into()), "it is in read-only mode; switch that off");
        assert_eq!(files(&daemon.root()), before);
    }
}

#[test]
fn a_pull_through_cache() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        let image = Image::two_layers("pulled through").unwrap();
        let remote = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let proxy = Some(remote.sandbox.url());
        let daemon = kind.start(&Settings { proxy, ..Settings::default() });
        assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !data.exists() && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobDataRemoved.apply(&daemon.root(), &at);
        let regfsck = Regfsck::on(&daemon);
        let ran = regfsck.fix(&["--source", &remote.source()]).expect(1);
        assert_eq!(ran.steps(), Vec::<String>::new());
        let said = ran.unresolved().into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("\n");
        assert!(said.contains("a pull-through cache takes no"), "{said}");
        let asked = daemon.access_log();
        assert!(asked.iter().all(|access| matches!(access.method.as_str(), "GET" | "HEAD" | "PUT")));
        assert!(asked.iter().all(|access| access.method != "PUT" || access.status >= 400));
    }
}

#[test]
fn plans_are_saved_carried_out_and_refused_when_stale() {
    for kind in Kind::all() {
        let (daemon, mirror, image) = scene(&kind);
        let regfsck = Regfsck::on(&daemon);
        let (plan, source) = (regfsck.file("plan.json"), mirror.source());
        let path = plan.to_str().unwrap();
        let before = files(&daemon.root());
        regfsck.check(&["--plan", path, "--source", &source]).expect(1);
        assert_eq!(files(&daemon.root()), before);
        // From another registry.
        let stranger = kind.start(&Settings::default());
        let foreign = Regfsck::on(&stranger);
        let ran = foreign.run("repair", &["--yes", "--plan", path, "--source", &source]).expect(2);
        assert!(ran.stderr.contains("was made for another registry"), "{}", ran.stderr);
        // Carried out.
        regfsck.run("repair", &["--yes", "--plan", path, "--source", &source]).healed();
        judge(&daemon, REPOSITORY, "1", &image);
        // Stale: what it was made for is not so any more.
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobBitFlipped.apply(&daemon.root(), &at);
        regfsck.check(&["--content", "--plan", path, "--source", &source]).expect(1);
        fs::write(Paths::new(&daemon.root()).data(&image.layers[0].digest), &image.layers[0].bytes).unwrap();
        let before = files(&daemon.root());
        let ran = regfsck.run("repair", &["--yes", "--plan", path, "--source", &source]);
        refused(&ran, "the plan does not fit any more");
        assert_eq!(files(&daemon.root()), before);
        // Garbage, another version, nothing.
        for (text, said) in [("{}", "is not a plan"), ("no json", "is not a plan")] {
            fs::write(&plan, text).unwrap();
            let ran = regfsck.run("repair", &["--yes", "--plan", path]).expect(2);
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
        let ran = regfsck.run("repair", &["--yes", "--plan", "/does/not/exist"]).expect(2);
        assert!(ran.stderr.contains("cannot read the plan"), "{}", ran.stderr);
    }
}

/// The program on a terminal of its own, by `script`; typed into after the prompt.
fn on_a_terminal(regfsck: &Regfsck, daemon: &Daemon, source: &str, typed: &str) -> Option<(i32, String)> {
    let command = bare(Vec::<String>::new());
    let program = command.get_program().display();
    let line = format!(
        "{program} check --fix --config {} --state-dir {} --source {source}",
        daemon.config_path().display(),
        regfsck.state().display()
    );
    let log = regfsck.file("typescript");
    let child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &line])
        .arg(&log)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .env("TERM", "xterm")
        .spawn();
    let Ok(mut child) = child else {
        crate::support::missing("script", "a prompt on a terminal");
        return None;
    };
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let seen = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    while !seen().contains("Carry this out?") {
        assert!(std::time::Instant::now() < patience, "{}", seen());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    stdin.flush().unwrap();
    let status = child.wait().unwrap();
    drop(stdin);
    Some((status.code().unwrap_or(-1), seen()))
}

#[test]
fn on_a_terminal_the_plan_is_shown_and_asked_about() {
    let kind = &Kind::all()[0];
    for (typed, status, is_healed) in [("y", 0, true), ("n", 4, false), ("\u{3}", 130, false)] {
        let (daemon, mirror, image) = scene(kind);
        let regfsck = Regfsck::on(&daemon);
        let before = files(&daemon.root());
        let Some((ended, seen)) = on_a_terminal(&regfsck, &daemon, &mirror.source(), typed) else { return };
        assert_eq!(ended, status, "{typed:?}: {seen}");
        assert!(seen.contains("upload blob"), "{seen}");
        assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image).is_ok(), is_healed, "{typed:?}");
        if !is_healed {
            assert_eq!(files(&daemon.root()), before);
        }
    }
}

#[test]
fn deletes_that_the_registry_does_not_allow_are_told() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings { delete: false, ..Settings::default() });
        let (_, image) = damaged(&daemon);
        let regfsck = Regfsck::on(&daemon);
        let (root, url) = (daemon.root(), daemon.url());
        // No config tells that deletes are off.
        let output = bare(["purge", "--yes", "-o", "json", "--registry", &url, "--storage"])
            .arg(&root)
            .arg("--state-dir")
            .arg(regfsck.state())
            .output()
            .unwrap();
        let ran = regfsck.ran(output.into()).expect(1);
        let (result, why) = &ran.results()[0];
        assert_eq!(result, "failed");
        assert!(why.starts_with("the registry allows no deletes: set storage.delete.enabled"), "{why}");
        assert_eq!(daemon.raw().head(&blob_path(REPOSITORY, &image.layers[0].digest)).status, 200);
    }
}
