//! Undo lists, tells what it breaks, asks, and goes no further back than it was told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{REPOSITORY, Scene};
use crate::support::damage::{Damage, Paths};
use crate::support::program::{find, until};

const FIX: [&str; 7] = ["check", "--config", "config.yml", "--fix", "--yes", "--source", "docker://MIRROR"];

fn layer(scene: &Scene) -> PathBuf {
    Paths::new(&scene.daemon.root()).data(&scene.image.layers[0].digest)
}

#[test]
fn undo_lists_tells_what_breaks_again_and_takes_back_one_run_at_a_time() {
    let scene = Scene::sandbox();
    let undo = ["undo", "--config", "config.yml"];
    let nothing = scene.told(&[&undo[..], &["--list"]].concat());
    scene.damage(Damage::BlobHalved);
    scene.told(&FIX);
    scene.damage(Damage::LinkEmptied);
    scene.told(&FIX);
    let listed = scene.told(&[&undo[..], &["--list"]].concat());
    let asked = scene.told(&undo);
    let link = Paths::new(&scene.daemon.root()).layer_link(REPOSITORY, &scene.image.layers[0].digest);
    assert_ne!(fs::read(&link).unwrap(), b"", "nobody agreed");
    let taken = scene.told(&[&undo[..], &["--yes"]].concat());
    assert_eq!(fs::read(&link).unwrap(), b"");
    let further = scene.told(&[&undo[..], &["--yes"]].concat());
    let after = scene.told(&[&undo[..], &["--list"]].concat());
    insta::assert_snapshot!([nothing, listed, asked, taken, further, after].join("\n"));
    // The run before it, by its name.
    let whole = layer(&scene).metadata().unwrap().len();
    let run = oldest(&scene);
    let named = scene.told(&[&undo[..], &["--yes", "--run", &run]].concat());
    assert!(layer(&scene).metadata().unwrap().len() < whole, "{named}");
}

/// A repair says where the bad file is; what it prints puts it back, and the doctor knows of it.
#[test]
fn where_the_bad_file_went_is_said_and_what_is_printed_puts_it_back() {
    let scene = Scene::sandbox();
    let doctor = ["doctor", "--config", "config.yml"];
    assert!(!scene.told(&doctor).contains("quarantine-kept"));
    scene.damage(Damage::BlobHalved);
    let bad = layer(&scene).metadata().unwrap().len();
    let fixed = scene.command(&FIX).output().unwrap();
    let said = String::from_utf8(fixed.stderr).unwrap();
    let mut lines = said.lines();
    let kept = lines.next().unwrap();
    assert!(kept.starts_with("kept in ") && kept.contains(": 1 bad file, which may be deleted"), "{said}");
    let folder = Path::new(kept.strip_prefix("kept in ").unwrap().split(':').next().unwrap());
    assert!(folder.is_dir(), "{said}");
    assert!(scene.told(&doctor).contains("quarantine-kept"), "{}", scene.told(&doctor));
    let undo: Vec<&str> = lines.next().unwrap().trim().strip_prefix("regfsck ").unwrap().split(' ').collect();
    let undone = scene.told(&[&undo[..], &["--yes"]].concat());
    assert_eq!(layer(&scene).metadata().unwrap().len(), bad, "{undone}");
}

/// "Which may be deleted when the images pull": what was cannot be put back, and the good file stays.
#[test]
fn what_is_gone_from_the_quarantine_is_not_said_to_be_back() {
    let scene = Scene::sandbox();
    let whole = fs::read(layer(&scene)).unwrap();
    scene.damage(Damage::BlobHalved);
    scene.told(&FIX);
    fs::remove_dir_all(scene.daemon.root().with_file_name("root.regfsck-quarantine")).unwrap();
    let undone = scene.command(&["undo", "--config", "config.yml", "--yes"]).output().unwrap();
    let said = String::from_utf8(undone.stdout).unwrap();
    assert_eq!(undone.status.code(), Some(1), "{said}");
    assert!(said.lines().next().unwrap().ends_with(": 0 changes taken back"), "{said}");
    assert_eq!(fs::read(layer(&scene)).unwrap(), whole);
}

fn oldest(scene: &Scene) -> String {
    let listed = scene.command(&["undo", "--config", "config.yml", "--list"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let oldest = listed.lines().rfind(|line| line.starts_with("20")).unwrap();
    oldest.split(' ').next().unwrap().to_owned()
}

/// The program on a terminal of its own; what it showed, and how it ended.
fn on_a_terminal(scene: &Scene, words: &str, question: &str, typed: &str) -> Option<(i32, String)> {
    use std::io::Write as _;
    find("script")?;
    let program = env!("CARGO_BIN_EXE_regfsck");
    let log = scene.home.path().join("typescript");
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &format!("{program} {words}")])
        .arg(&log)
        .current_dir(scene.home.path())
        .env("HOME", scene.home.path())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let seen = |log: &Path| String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    until("it asks", || seen(&log).contains(question));
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    Some((child.wait().unwrap().code().unwrap_or(-1), seen(&log)))
}

#[test]
fn no_is_status_4_and_changes_nothing() {
    let scene = Scene::sandbox();
    scene.damage(Damage::BlobHalved);
    let bad = layer(&scene).metadata().unwrap().len();
    let fix = format!("check --config config.yml --fix --source docker://{}", scene.mirror_host());
    let Some((status, seen)) = on_a_terminal(&scene, &fix, "Carry this out?", "n") else { return };
    assert_eq!(status, 4, "{seen}");
    assert!(seen.contains("nothing was changed, as you said"), "{seen}");
    assert_eq!(layer(&scene).metadata().unwrap().len(), bad);
    scene.told(&FIX);
    let good = layer(&scene).metadata().unwrap().len();
    let undo = "undo --config config.yml";
    let Some((status, seen)) = on_a_terminal(&scene, undo, "Take it back?", "n") else { return };
    assert_eq!((status, layer(&scene).metadata().unwrap().len()), (4, good), "{seen}");
    assert!(seen.contains("will be broken again") && seen.contains("team/app:1"), "{seen}");
    let Some((status, seen)) = on_a_terminal(&scene, undo, "Take it back?", "y") else { return };
    assert_eq!((status, layer(&scene).metadata().unwrap().len()), (0, bad), "{seen}");
}
