//! Ctrl-C in the middle of a repair: what was begun is ended, what was done and what is left is said, with what goes on.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use regfsck::adapters::sandbox::{Access, Fault};
use rustix::process::{Pid, Signal, kill_process};

use super::{REPOSITORY, Scene};
use crate::support::daemon::Daemon;
use crate::support::damage::Paths;
use crate::support::program::until;
use crate::support::raw::blob_path;
use crate::support::regfsck::{Ended, end};

/// Three of its blobs are cut, each of which a step makes good.
fn scene() -> Scene {
    let scene = Scene::sandbox();
    let paths = Paths::new(&scene.daemon.root());
    for blob in [&scene.image.config, &scene.image.layers[0], &scene.image.layers[1]] {
        fs::write(paths.data(&blob.digest), &blob.bytes[..9]).unwrap();
    }
    scene
}

fn interrupt(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
}

/// Run these words, and interrupt them at the second request of this method, which is answered so much later.
fn interrupted(
    scene: &Scene,
    words: &[&str],
    (method, late): (&'static str, Duration),
    then: impl FnOnce(&Child, &AtomicUsize),
) -> Ended {
    let Daemon::Sandbox { sandbox, .. } = &scene.daemon else { unreachable!() };
    let (pid, puts) = (Arc::new(AtomicI32::new(0)), Arc::new(AtomicUsize::new(0)));
    let (child, count) = (Arc::clone(&pid), Arc::clone(&puts));
    sandbox.inject(move |access: &Access| {
        if access.method == method && count.fetch_add(1, Ordering::SeqCst) == 1 {
            interrupt(child.load(Ordering::SeqCst));
            return Some(Fault::Delay(late));
        }
        None
    });
    let mut command = scene.command(&[words, &["--jobs", "1"]].concat());
    let running = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    pid.store(running.id().cast_signed(), Ordering::SeqCst);
    then(&running, &puts);
    let ended = end(running);
    sandbox.heal();
    ended
}

fn pulls(scene: &Scene) -> bool {
    scene.daemon.raw().pull(REPOSITORY, "1", &scene.image) == Ok(())
}

/// The line behind the last words of stderr, as it was printed.
fn printed(ended: &Ended) -> Vec<&str> {
    let line = ended.stderr.lines().last().unwrap().trim();
    line.strip_prefix("regfsck ").unwrap().split(' ').collect()
}

const FIX: [&str; 7] = ["check", "--config", "config.yml", "--fix", "--yes", "--source", "docker://MIRROR"];

#[test]
fn a_repair_that_is_interrupted_says_what_was_done_and_what_goes_on() {
    let scene = scene();
    let ended = interrupted(&scene, &FIX, ("PUT", Duration::from_millis(500)), |_, _| {});
    insta::assert_snapshot!(scene.names().told("check --config config.yml --fix --yes …", &ended));
    assert!(!pulls(&scene));
    let rest = scene.command(&[&printed(&ended)[..], &["--yes"]].concat()).output().unwrap();
    assert!(rest.status.success(), "{rest:?}");
    assert!(pulls(&scene));
}

#[test]
fn a_saved_plan_that_is_interrupted_is_gone_on_with_by_a_check() {
    let scene = scene();
    let saved = ["check", "--config", "config.yml", "--source", "docker://MIRROR", "--plan", "plan.json"];
    assert_eq!(scene.command(&saved).output().unwrap().status.code(), Some(1));
    let repair = ["repair", "--plan", "plan.json", "--yes"];
    let ended = interrupted(&scene, &repair, ("PUT", Duration::from_millis(500)), |_, _| {});
    assert_eq!(ended.status, 3, "{ended:?}");
    let rest = scene.command(&[&printed(&ended)[..], &["--yes"]].concat()).output().unwrap();
    assert!(rest.status.success(), "{rest:?} {ended:?}");
    assert!(pulls(&scene));
}

#[test]
fn a_second_time_ends_at_once_and_the_next_run_goes_on() {
    let scene = scene();
    let ended = interrupted(&scene, &FIX, ("PUT", Duration::from_secs(5)), |child, puts| {
        until("the second blob is put", || puts.load(Ordering::SeqCst) > 1);
        std::thread::sleep(Duration::from_millis(500));
        interrupt(child.id().cast_signed());
    });
    assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
    // What was held back is answered by now, or never.
    std::thread::sleep(Duration::from_secs(5));
    let rest = scene.command(&FIX).output().unwrap();
    assert!(rest.status.success(), "{rest:?}");
    assert!(pulls(&scene));
}

#[test]
fn a_purge_that_is_interrupted_says_what_is_left_and_goes_on() {
    let scene = Scene::sandbox();
    let paths = Paths::new(&scene.daemon.root());
    let blobs = [&scene.image.config, &scene.image.layers[0], &scene.image.layers[1]];
    for blob in blobs {
        fs::remove_file(paths.data(&blob.digest)).unwrap();
    }
    let purge = ["purge", "--config", "config.yml", "--yes"];
    let ended = interrupted(&scene, &purge, ("DELETE", Duration::from_millis(500)), |_, _| {});
    insta::assert_snapshot!(scene.names().told("purge --config config.yml --yes", &ended));
    let claimed = || {
        let heads =
            blobs.iter().map(|blob| scene.daemon.raw().head(&blob_path(REPOSITORY, &blob.digest)).status);
        heads.filter(|status| *status == 200).count()
    };
    assert_eq!(claimed(), 2, "the first DELETE was of an upload session");
    let rest = scene.command(&[&printed(&ended)[..], &["--yes"]].concat()).output().unwrap();
    assert_eq!(rest.status.code(), Some(1), "the image is lost still: {rest:?}");
    assert_eq!(claimed(), 0);
}
