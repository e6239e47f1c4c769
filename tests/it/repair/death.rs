//! A daemon that is killed with kill -9 in the middle of an upload: nothing is lost, it is said where it happened,
//! and the next run heals.

use std::path::Path;
use std::process::Stdio;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::report::Verdict;
use walkdir::WalkDir;

use super::refusals::files;
use super::sources::wait_until;
use super::{Mirror, Ran, Regfsck, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Pushed};
use crate::support::regfsck::end;
use crate::support::valve::Valve;

const REPOSITORY: &str = "team/app";
/// So much of the layer has come when the daemon dies.
const ENOUGH: u64 = 1 << 20;

/// A registry with a large layer that is lost or bad, behind a valve; and a mirror that has it.
struct Scene {
    daemon: Daemon,
    valve: Valve,
    mirror: Mirror,
    image: Image,
}

fn scene(kind: &Kind, damage: Damage) -> Scene {
    let daemon = kind.start(&Settings::default());
    let image = Image::build("large", &[8 << 20, 3000]).unwrap();
    assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
    assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
    damage.apply(&daemon.root(), &at);
    let valve = Valve::before(daemon.url().trim_start_matches("http://"), 2 << 20);
    let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
    Scene { daemon, valve, mirror, image }
}

/// The largest part of an upload that storage has.
fn arrived(root: &Path) -> u64 {
    let files = WalkDir::new(root.join("docker/registry/v2/repositories").join(REPOSITORY).join("_uploads"));
    let data = files.into_iter().flatten().filter(|entry| entry.file_name() == "data");
    data.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).max().unwrap_or(0)
}

/// What the quarantine holds, wherever it is.
fn quarantined(root: &Path) -> usize {
    let beside = root.with_file_name("root.regfsck-quarantine");
    let files = WalkDir::new(beside).into_iter().flatten();
    files.filter(|entry| entry.file_type().is_file() && entry.file_name() == "data").count()
}

/// The repair, through whose upload the daemon is killed.
fn cut_short(scene: &mut Scene, regfsck: &Regfsck, arguments: &[&str]) -> Ran {
    let child = regfsck
        .command("check", &[&["--fix", "--yes"], arguments].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let root = scene.daemon.root();
    wait_until(|| arrived(&root) >= ENOUGH);
    scene.daemon.stop();
    regfsck.ran(end(child))
}

/// What became of a repair whose daemon went away: nothing is called repaired that could not be asked about again.
#[track_caller]
fn is_honest(ran: &Ran, url: &str, codes: &[&str]) {
    assert_eq!((ran.status, ran.report().verdict), (3, Verdict::Incomplete), "{}", ran.table);
    assert_eq!(ran.standing(), codes, "{}", ran.table);
    assert_eq!(ran.proof().resolved, Vec::<String>::new());
    let results = ran.results();
    let [(result, why)] = &results[..] else { panic!("{results:?}") };
    assert_eq!(result, "failed");
    let asked = format!("POST {url}/v2/{REPOSITORY}/blobs/uploads/: the connection ");
    let how = why.strip_prefix(&asked).and_then(|how| how.strip_suffix(" (2 attempts)"));
    // Whether it is closed or reset is up to the system.
    assert!(how.is_some_and(|how| how == "was reset" || how.starts_with("broke: ")), "{why}");
}

fn dies(kind: &Kind, damage: Damage, codes: &[&str]) {
    let mut scene = scene(kind, damage);
    let regfsck = Regfsck::on(&scene.daemon);
    let (url, source) = (scene.valve.url(), scene.mirror.source());
    let arguments = ["--content", "--retry-times", "1", "--registry", &url, "--source", &source];
    let before = files(&scene.daemon.root());
    let ran = cut_short(&mut scene, &regfsck, &arguments);
    is_honest(&ran, &url, codes);
    assert_eq!(files(&scene.daemon.root()), before);
    assert_eq!(quarantined(&scene.daemon.root()), 0, "it was put back");
    scene.daemon.restart();
    scene.valve.open();
    regfsck.fix(&arguments).healed();
    assert_eq!(quarantined(&scene.daemon.root()), usize::from(damage == Damage::BlobBitFlipped));
    judge(&scene.daemon, REPOSITORY, "1", &scene.image);
}

#[test]
fn in_mid_upload_loses_nothing_and_the_next_run_heals() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        dies(&kind, Damage::BlobDataRemoved, &["phantom-blob", "missing-blob"]);
        dies(&kind, Damage::BlobBitFlipped, &["corrupt-blob"]);
    }
}
