//! Sources that lie, and the daemon's bad weather: nothing wrong is uploaded, nothing is lost, and it is said.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Access, Fault, Flavour};

use super::{Mirror, Regfsck, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};
use crate::support::regfsck::end;

pub(super) const REPOSITORY: &str = "team/app";

pub(super) fn broken(daemon: &Daemon, damage: Damage) -> Image {
    let image = Image::two_layers("weather").unwrap();
    assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
    assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
    let other = Image::two_layers("other").unwrap();
    let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &other };
    damage.apply(&daemon.root(), &at);
    image
}

/// What the program sent to the daemon that began or carried content.
fn uploads(daemon: &Daemon, image: &Image) -> Vec<Access> {
    let digests: Vec<_> = image.blobs().chain([&image.manifest]).map(|blob| blob.digest.hex()).collect();
    let mut log = daemon.access_log();
    log.retain(|access| access.header("user-agent").is_some_and(|agent| agent.contains("regfsck")));
    log.retain(|access| {
        matches!(access.method.as_str(), "PUT" | "PATCH")
            && digests.iter().any(|digest| access.path.contains(digest))
    });
    log
}

#[test]
fn of_a_source_that_lies_nothing_is_uploaded() {
    for kind in Kind::all() {
        for lie in [Damage::BlobBitFlipped, Damage::BlobHalved, Damage::BlobGrown] {
            for lost in [Damage::BlobDataRemoved, Damage::BlobBitFlipped] {
                let daemon = kind.start(&Settings::default());
                let image = broken(&daemon, lost);
                let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
                let before = fs::read(&data).ok();
                let mut mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
                let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
                lie.apply(mirror.sandbox.root(), &at);
                // It must not remember the right size.
                mirror.sandbox.restart().unwrap();
                let fixed = Regfsck::on(&daemon).fix(&["--content", "--source", &mirror.source()]).expect(1);
                let results = fixed.results();
                let (result, why) = &results[0];
                assert_eq!((results.len(), result.as_str()), (1, "failed"), "{kind:?}");
                let said = ["gives wrong bytes for", " bytes for ", " broke off: after "];
                assert!(said.iter().any(|said| why.contains(said)), "{lie:?}: {why}");
                assert!(fixed.table.contains("failed"), "{}", fixed.table);
                assert_eq!(uploads(&daemon, &image), Vec::new());
                assert_eq!(fs::read(&data).ok(), before);
            }
        }
    }
}

pub(super) fn sandbox(daemon: &Daemon) -> &regfsck::adapters::sandbox::Sandbox {
    let Daemon::Sandbox { sandbox, .. } = daemon else { panic!("faults are the sandbox's") };
    sandbox
}

/// Only uploads go wrong.
fn is_upload(access: &Access) -> bool {
    access.path.contains("/blobs/uploads/") && access.method != "DELETE"
}

#[test]
fn bad_weather_that_passes_is_waited_for() {
    for flavour in [Flavour::V2, Flavour::V3] {
        for fault in [Fault::status(500), Fault::status(503), Fault::retry_after(429, 1), Fault::Reset] {
            let daemon = Kind::Sandbox(flavour).start(&Settings::default());
            let image = broken(&daemon, Damage::BlobBitFlipped);
            let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
            let count = Arc::new(AtomicUsize::new(0));
            let (seen, fault) = (Arc::clone(&count), fault.clone());
            sandbox(&daemon).inject(move |access: &Access| {
                // The handshake passes, and the second and third request about an upload do not.
                let is_put = is_upload(access) && access.method == "PUT";
                (is_put && seen.fetch_add(1, Ordering::SeqCst) < 2).then(|| fault.clone())
            });
            Regfsck::on(&daemon).fix(&["--content", "--source", &mirror.source()]).healed();
            assert!(count.load(Ordering::SeqCst) > 2);
            judge(&daemon, REPOSITORY, "1", &image);
        }
    }
}

#[test]
fn bad_weather_that_stays_loses_nothing() {
    for flavour in [Flavour::V2, Flavour::V3] {
        for fault in [Fault::status(500), Fault::retry_after(429, 1), Fault::Reset] {
            let daemon = Kind::Sandbox(flavour).start(&Settings::default());
            let image = broken(&daemon, Damage::BlobBitFlipped);
            let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
            let bad = fs::read(&data).unwrap();
            let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
            let shown = fault.clone();
            sandbox(&daemon).inject(move |access: &Access| {
                (is_upload(access) && access.method == "PUT").then(|| shown.clone())
            });
            let regfsck = Regfsck::on(&daemon);
            let source = mirror.source();
            let arguments = ["--content", "--retry-times", "1", "--source", &source];
            let fixed = regfsck.fix(&arguments).expect(1);
            assert_eq!(fixed.results()[0].0, "failed", "{fault:?}");
            assert_eq!(fixed.errors(), ["corrupt-blob"], "{fault:?}: {}", fixed.table);
            assert_eq!(fs::read(&data).unwrap(), bad, "{fault:?}: the bad bytes are back");
            sandbox(&daemon).heal();
            regfsck.fix(&arguments).healed();
            judge(&daemon, REPOSITORY, "1", &image);
        }
    }
}

#[test]
fn a_daemon_that_dies_in_mid_upload_loses_nothing() {
    for kind in Kind::all() {
        let mut daemon = kind.start(&Settings::default());
        let image = broken(&daemon, Damage::BlobBitFlipped);
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let bad = fs::read(&data).unwrap();
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let regfsck = Regfsck::on(&daemon);
        // It dies when the bytes are asked for the second time: once for the survey, once to upload them.
        mirror.sandbox.inject(|access: &Access| {
            let is_fetch = access.method == "GET" && access.path.contains("/blobs/");
            is_fetch.then(|| Fault::Delay(std::time::Duration::from_millis(1500)))
        });
        let source = mirror.source();
        let arguments = ["--content", "--retry-times", "1", "--source", &source];
        let child = regfsck
            .command("check", &[&["--fix", "--yes"], &arguments[..]].concat())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_until(|| {
            mirror.sandbox.access_log().iter().any(|access| access.method == "HEAD") && journal(&regfsck) > 0
        });
        daemon.stop();
        let ran = regfsck.ran(end(child));
        assert!(matches!(ran.status, 1 | 3), "{kind:?}: {}\n{}", ran.stderr, ran.table);
        assert_eq!(fs::read(&data).unwrap(), bad, "{kind:?}");
        daemon.restart();
        mirror.sandbox.heal();
        regfsck.fix(&arguments).healed();
        judge(&daemon, REPOSITORY, "1", &image);
    }
}

fn journal(regfsck: &Regfsck) -> usize {
    fs::read(regfsck.file("journal.jsonl")).map_or(0, |journal| journal.len())
}

pub(super) fn wait_until(is_so: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < patience, "it never happens");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
