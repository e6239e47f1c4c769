//! `regfsck watch`, the program itself, beside real registries.

mod page;
mod pushes;
mod running;
mod served;
mod shipped;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use jiff::SignedDuration;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::finding::State;
use regfsck::domain::report::{Report, Verdict};
use rustix::process::Signal;
use tempfile::TempDir;

pub(crate) use self::running::Watching;
use crate::doubles::tree;
use crate::support::program::until;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::Settings;

/// What every watch of these tests is told: nothing is left to chance.
const PLAIN: [&str; 4] = ["--jitter", "0", "--poll", "1s"];

/// A driver's root with one image, `app:1`.
fn stored() -> (TempDir, Image) {
    let dir = TempDir::new().unwrap();
    let image = Image::two_layers("app").unwrap();
    tree::image(&dir.path().to_owned(), "app", Some("1"), &image);
    (dir, image)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Option<Report> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn checks_follow_each_other_and_their_files_are_replaced() {
    let (root, image) = stored();
    let state = TempDir::new().unwrap();
    let (json, metrics) = (state.path().join("report.json"), state.path().join("regfsck.prom"));
    let outputs = [format!("json={}", text(&json)), format!("prometheus={}", text(&metrics))];
    let storage = text(root.path());
    let mut words = vec!["--storage", &storage, "--interval", "1s", "-o", &outputs[0], "-o", &outputs[1]];
    words.extend(PLAIN);
    let watching = Watching::start(state.path(), &words);
    until("two checks", || watching.said().matches("checked: coherent").count() > 1);
    assert_eq!(read(&json).unwrap().verdict, Verdict::Coherent);
    assert!(fs::read_to_string(&metrics).unwrap().contains("regfsck_verdict{"));
    // What is damaged meanwhile is in the next report.
    let lost = root.path().join("docker/registry/v2").join(tree::data(&image.layers[0].digest));
    fs::rename(lost.parent().unwrap(), root.path().join("away")).unwrap();
    let id = format!("missing-blob:{}", image.layers[0].digest);
    until("the finding", || read(&json).is_some_and(|report| ids(&report).contains(&id.as_str())));
    until("it is seen to go", || {
        watching.said().contains("a blob disappeared: looking what it leaves behind")
    });
    let ended = watching.end(Signal::TERM);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("watching: a check every 1s"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_watch_that_is_killed_at_any_moment_reads_its_state_again() {
    let (root, _) = stored();
    let state = TempDir::new().unwrap();
    let storage = text(root.path());
    let words = [&["--storage", &storage, "--interval", "1s"], &PLAIN[..]].concat();
    for round in 0..12 {
        let watching = Watching::start(state.path(), &words);
        sleep(Duration::from_millis(150 * round));
        let ended = watching.end(Signal::KILL);
        assert!(!ended.stderr.contains("cannot"), "{}", ended.stderr);
    }
    // What a kill in the middle of writing leaves goes with the next start.
    fs::write(state.path().join("watch/.regfsck-new-1-0"), "{").unwrap();
    let kept = read(&state.path().join("watch/report.json")).unwrap();
    // The next check is due when it was: the state is that of before.
    let words = [&["--storage", &storage, "--interval", "6h"], &PLAIN[..]].concat();
    let watching = Watching::start(state.path(), &words);
    sleep(Duration::from_secs(2));
    let ended = watching.end(Signal::TERM);
    assert_eq!(ended.status, 0);
    assert!(!ended.stderr.contains("checked:"), "{}", ended.stderr);
    assert_eq!(read(&state.path().join("watch/report.json")).unwrap().finished, kept.finished);
    assert!(!state.path().join("watch/.regfsck-new-1-0").exists());
    // Six hours later it is due at once.
    let earlier = Report { finished: kept.finished - SignedDuration::from_hours(6), ..kept };
    fs::write(state.path().join("watch/report.json"), serde_json::to_string(&earlier).unwrap()).unwrap();
    let watching = Watching::start(state.path(), &words);
    until("a check", || watching.said().contains("checked: coherent"));
    assert_eq!(watching.end(Signal::KILL).stdout, "");
    // Damage costs what it hit, and is said.
    fs::write(state.path().join("watch/report.json"), "{").unwrap();
    let watching = Watching::start(state.path(), &words);
    until("a check", || watching.said().contains("checked: coherent"));
    let ended = watching.end(Signal::INT);
    let said = format!("cannot read `{}`: EOF", text(&state.path().join("watch/report.json")));
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

#[test]
fn two_do_not_watch_one_registry_and_bad_words_end_it_at_once() {
    let (root, _) = stored();
    let state = TempDir::new().unwrap();
    let (storage, folder) = (text(root.path()), text(state.path()));
    let watching = Watching::start(state.path(), &["--storage", &storage]);
    until("a check", || watching.said().contains("checked: coherent"));
    let second = run(["watch", "--storage", &storage, "--state-dir", &folder]);
    assert_eq!(second.status, 4);
    let says = format!("error: another regfsck watches this registry: it holds `{folder}/watch/lock`\n");
    assert_eq!(second.stderr, says);
    watching.end(Signal::TERM);
    for (words, says) in [
        (&["--at", "25:00"][..], "write it like 03:30, 03:30 UTC or 03:30 Europe/Berlin"),
        (&["--at", "03:30", "--interval", "1h"], "cannot be used with"),
        (&["--interval", "0"], "is less than a second"),
        (&["--fix", "--fix-only", "lost-blob"], "is no finding code"),
        (&["-o", "json=/nowhere/report.json"], "cannot write `/nowhere/report.json`"),
        (&["--storage", "/nowhere/at/all"], "/nowhere/at/all"),
    ] {
        let given = if words.contains(&"--storage") { vec![] } else { vec!["--storage", &storage] };
        let ended = run([&["watch", "--state-dir", &folder], &given[..], words].concat());
        assert_eq!(ended.status, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn a_check_that_cannot_look_does_not_end_the_watch() {
    let (root, _) = stored();
    let state = TempDir::new().unwrap();
    let storage = text(root.path());
    let words = [&["--storage", &storage, "--interval", "1s"], &PLAIN[..]].concat();
    let watching = Watching::start(state.path(), &words);
    until("a check", || watching.said().contains("checked: coherent"));
    let away = root.path().with_extension("away");
    fs::rename(root.path(), &away).unwrap();
    until("a check that cannot look", || watching.said().contains("a check could not look: "));
    fs::rename(&away, root.path()).unwrap();
    let before = watching.said().matches("checked:").count();
    until("a check", || watching.said().matches("checked:").count() > before);
    assert_eq!(watching.end(Signal::TERM).status, 0);
}

#[test]
fn the_configuration_is_read_again_when_that_is_asked_for() {
    let (root, _) = stored();
    let state = TempDir::new().unwrap();
    let config = state.path().join("config.yml");
    let good = format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n", text(root.path()));
    fs::write(&config, &good).unwrap();
    let words = ["--config", &text(&config), "--offline"].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let watching = Watching::start(state.path(), &words);
    until("a check", || watching.said().contains("checked: coherent"));
    fs::write(&config, "version: 0.1\nstorage: [").unwrap();
    watching.send(Signal::HUP);
    until("a complaint", || watching.said().contains("cannot be read again, the earlier one counts: "));
    fs::write(&config, &good).unwrap();
    watching.send(Signal::HUP);
    until("an answer", || watching.said().contains("the configuration was read again"));
    assert_eq!(watching.end(Signal::TERM).status, 0);
}

#[test]
fn what_garbage_collection_leaves_behind_is_found_without_being_told() {
    on_every_registry(|| {
        let Some(registry) = RealRegistry::start(&Settings::default()) else { return };
        let (raw, state) = (Raw::new(&registry.url()), TempDir::new().unwrap());
        let image = Image::two_layers("app").unwrap();
        raw.push_image("app", "1", &image);
        raw.push_image("kept", "1", &Image::two_layers("kept").unwrap());
        assert_eq!(raw.pull("app", "1", &image), Ok(()));
        let (config, json) = (text(&registry.config_path()), state.path().join("report.json"));
        let output = format!("json={}", text(&json));
        let watching =
            Watching::start(state.path(), &[&["--config", &config, "-o", &output], &PLAIN[..]].concat());
        until("a check", || watching.said().contains("checked: coherent"));
        until("a view", || state.path().join("watch/before.snapshot").is_file());
        // Nobody tells of it: no notifications, no --suspects, no --since.
        assert_eq!(raw.delete(&manifest_path("app", &image.manifest.digest.to_string())).status, 202);
        assert_eq!(registry.garbage_collect(true, false).status, 0);
        let phantom = format!("phantom-blob:app:{}", image.layers[0].digest);
        let is_found = || read(&json).is_some_and(|report| ids(&report).contains(&phantom.as_str()));
        until("the phantom", is_found);
        watching.end(Signal::TERM);
        // What was found is asked about again, though nothing goes any more.
        let words = [&["--config", &config, "-o", &output, "--interval", "1s"], &PLAIN[..]].concat();
        let watching = Watching::start(state.path(), &words);
        until("two checks", || watching.said().matches("checked:").count() > 1);
        assert!(is_found(), "{}", watching.said());
        watching.end(Signal::TERM);
    });
}

/// A registry that lost two layers, and a backup that has them.
fn damaged() -> Option<(RealRegistry, TempDir, [String; 2])> {
    let registry = RealRegistry::start(&Settings::default())?;
    let image = Image::two_layers("app").unwrap();
    Raw::new(&registry.url()).push_image("app", "1", &image);
    let backup = TempDir::new().unwrap();
    tree::image(&backup.path().to_owned(), "app", Some("1"), &image);
    let lost = [&image.layers[0], &image.layers[1]].map(|layer| {
        let folder = registry.data_file(&layer.digest).parent().unwrap().to_owned();
        fs::rename(&folder, folder.with_extension("lost")).unwrap();
        format!("missing-blob:{}", layer.digest)
    });
    Some((registry, backup, lost))
}

#[test]
fn what_is_found_is_repaired_within_the_limits() {
    on_every_registry(|| {
        let Some((registry, backup, lost)) = damaged() else { return };
        let state = TempDir::new().unwrap();
        let (config, json) = (text(&registry.config_path()), state.path().join("report.json"));
        let (output, source) = (format!("json={}", text(&json)), format!("storage:{}", text(backup.path())));
        let plain = [&["--config", &config, "-o", &output], &PLAIN[..]].concat();
        let fix = [&plain[..], &["--fix", "--source", &source]].concat();
        let states = |report: &Report| {
            let missing = report.findings.iter().filter(|finding| lost.contains(&finding.id));
            missing.map(|finding| finding.state).collect::<Vec<_>>()
        };
        let checked = |words: &[&str]| {
            let watching = Watching::start(state.path(), words);
            until("a check", || watching.said().contains("checked: "));
            until("a report", || json.is_file());
            let ended = watching.end(Signal::TERM);
            let report = read(&json).unwrap();
            for file in [&json, &state.path().join("watch/report.json")] {
                fs::rename(file, file.with_extension("old")).unwrap();
            }
            (ended.stderr, report)
        };
        // Off unless it is asked for.
        let (_, report) = checked(&plain);
        assert_eq!((states(&report), report.plan.is_none()), (vec![State::Open; 2], true));
        // Not what is not meant.
        let (_, report) = checked(&[&fix[..], &["--fix-only", "stale-upload"]].concat());
        assert_eq!(states(&report), [State::Open; 2]);
        // Not more than is allowed.
        let (said, report) = checked(&[&fix[..], &["--fix-max", "1"]].concat());
        assert_eq!(states(&report), [State::Open; 2]);
        assert!(
            said.contains("nothing was repaired: it takes more steps than the 1 that are left"),
            "{said}"
        );
        let (_, report) = checked(&fix);
        assert_eq!((states(&report), report.exit_status), (vec![State::Repaired; 2], 0));
        assert!(state.path().join("journal.jsonl").is_file());
        // What was done today counts, whoever is started again.
        let image = Image::two_layers("app").unwrap();
        for layer in &image.layers {
            let folder = registry.data_file(&layer.digest).parent().unwrap().to_owned();
            fs::rename(&folder, folder.with_extension("again")).unwrap();
        }
        let (said, report) = checked(&[&fix[..], &["--fix-max", "3"]].concat());
        assert_eq!(states(&report), [State::Open; 2]);
        assert!(said.contains("than the 1 that are left for today"), "{said}");
    });
}
