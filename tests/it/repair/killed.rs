//! kill -9 at every step: the registry is never worse than before, and the next run ends coherent.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Access, Fault};

use super::{Mirror, Regfsck};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};

const REPOSITORY: &str = "team/app";

/// Three images: one that is whole, one with a corrupt layer, one that lost its manifest and a layer.
struct Scene {
    daemon: Daemon,
    images: [Image; 3],
    mirror: Mirror,
}

fn scene(kind: &Kind) -> Scene {
    let daemon = kind.start(&Settings::default());
    let images = ["whole", "corrupt", "lost"].map(|seed| Image::two_layers(seed).unwrap());
    let mirror = Mirror::empty();
    for image in &images {
        let tag = format!("t{}", &image.manifest.digest.hex()[..6]);
        for raw in [daemon.raw(), mirror.raw()] {
            assert_eq!(raw.push_image(REPOSITORY, &tag, image).1.status, 201);
            assert_eq!(raw.pull(REPOSITORY, &tag, image), Ok(()));
        }
    }
    for (image, damages) in [
        (&images[1], &[Damage::BlobBitFlipped][..]),
        (&images[2], &[Damage::ManifestDataRemoved, Damage::BlobDataRemoved, Damage::LinkEmptied][..]),
    ] {
        for damage in damages {
            damage.apply(&daemon.root(), &Pushed { repository: REPOSITORY, tag: "t", image, other: image });
        }
    }
    Scene { daemon, images, mirror }
}

/// Run until the daemon is asked for the `n`th time to change something, or the journal has `n` lines; kill -9 then.
/// `false` if it ended before.
fn killed(scene: &Scene, regfsck: &Regfsck, stop: &Stop) -> bool {
    let source = scene.mirror.source();
    let mut child = regfsck
        .command("check", &["--fix", "--yes", "--content", "--jobs", "1", "--source", &source])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        if stop.is_reached(regfsck) {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < patience);
        std::thread::sleep(Duration::from_micros(200));
    }
}

enum Stop {
    /// The journal has so many lines.
    Lines(usize),
    /// So many requests that change something have come; the next is not answered.
    Requests(Arc<Mutex<bool>>),
}

impl Stop {
    fn is_reached(&self, regfsck: &Regfsck) -> bool {
        match self {
            Self::Lines(lines) => {
                let journal = fs::read_to_string(regfsck.file("journal.jsonl")).unwrap_or_default();
                journal.lines().count() >= *lines
            }
            Self::Requests(is_held) => *is_held.lock().unwrap(),
        }
    }
}

/// What was whole stays whole; what was bad is bad as before, or in the quarantine, or good.
fn is_no_worse(scene: &Scene, at: &str) {
    let [whole, corrupt, _] = &scene.images;
    let raw = scene.daemon.raw();
    let digest = whole.manifest.digest.to_string();
    assert_eq!(raw.pull(REPOSITORY, &digest, whole), Ok(()), "{at}");
    let paths = Paths::new(&scene.daemon.root());
    for blob in [&corrupt.config, &corrupt.layers[1], &corrupt.manifest] {
        assert_eq!(fs::read(paths.data(&blob.digest)).unwrap(), blob.bytes, "{at}");
    }
}

fn rerun_ends_coherent(scene: &Scene, regfsck: &Regfsck, at: &str) {
    let source = scene.mirror.source();
    let fixed = regfsck.fix(&["--content", "--source", &source]);
    assert_eq!(fixed.status, 0, "{at}: {}\n{}", fixed.stderr, fixed.table);
    assert!(fixed.results().iter().all(|(kind, _)| kind == "done"), "{at}: {:?}", fixed.results());
    for image in &scene.images {
        let digest = image.manifest.digest.to_string();
        assert_eq!(scene.daemon.raw().pull(REPOSITORY, &digest, image), Ok(()), "{at}");
    }
    if !fixed.steps().is_empty() {
        assert!(fixed.stderr.contains("was interrupted"), "{at}: {}", fixed.stderr);
    }
}

#[test]
fn at_every_line_of_the_journal() {
    for kind in Kind::all() {
        for lines in 1.. {
            let scene = scene(&kind);
            let regfsck = Regfsck::on(&scene.daemon);
            let at = format!("{lines} lines, {kind:?}");
            let was_killed = killed(&scene, &regfsck, &Stop::Lines(lines));
            is_no_worse(&scene, &at);
            if !was_killed {
                assert!(lines > 10, "{at}");
                break;
            }
            rerun_ends_coherent(&scene, &regfsck, &at);
        }
    }
}

#[test]
fn at_every_request_that_changes_something() {
    for kind in Kind::all() {
        let Kind::Sandbox(_) = kind else { continue };
        for number in 0.. {
            let scene = scene(&kind);
            let Daemon::Sandbox { sandbox, .. } = &scene.daemon else { unreachable!() };
            let (count, is_held) = (AtomicUsize::new(0), Arc::new(Mutex::new(false)));
            let held = Arc::clone(&is_held);
            sandbox.inject(move |access: &Access| {
                let changes = matches!(access.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
                if changes && count.fetch_add(1, Ordering::SeqCst) == number {
                    *held.lock().unwrap() = true;
                    return Some(Fault::Delay(Duration::from_millis(300)));
                }
                None
            });
            let regfsck = Regfsck::on(&scene.daemon);
            let at = format!("request {number}, {kind:?}");
            let was_killed = killed(&scene, &regfsck, &Stop::Requests(is_held));
            // The request that was held is answered by now, its client gone.
            std::thread::sleep(Duration::from_millis(400));
            sandbox.heal();
            is_no_worse(&scene, &at);
            if !was_killed {
                assert!(number > 5, "{at}");
                break;
            }
            let fixed = regfsck.fix(&["--content", "--source", &scene.mirror.source()]);
            assert_eq!(fixed.status, 0, "{at}: {}\n{}", fixed.stderr, fixed.table);
        }
    }
}
