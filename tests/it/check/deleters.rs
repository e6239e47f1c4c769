//! A healthy registry in which clients push and delete the same images over and over while it is checked and repaired:
//! nobody may be accused, no manifest may come back, and no daemon may be restarted.
//!
//! `REGFSCK_SECONDS=300 cargo test --test it clients_that_push_and_delete` does so for five minutes a daemon: nextest would take that
//! for a hang.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::{Blob, Image};

use super::lines;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::{Raw, manifest_path};
use crate::support::regfsck::run;

const CLIENTS: usize = 4;

/// How long each daemon is written to.
fn time() -> Duration {
    let seconds = std::env::var("REGFSCK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(8))
}

/// What a client pushes and deletes: two images, and an index of both.
struct Content {
    images: [Image; 2],
    index: Blob,
    media_type: String,
}

impl Content {
    fn new() -> Self {
        let images = ["one", "other"].map(|seed| Image::two_layers(seed).unwrap());
        let (index, media_type) = Image::index(&images).unwrap();
        Self { images, index, media_type }
    }

    fn push(&self, raw: &Raw, repository: &str) {
        for (image, tag) in self.images.iter().zip(["one", "other"]) {
            assert_eq!(raw.push_image(repository, tag, image).1.status, 201);
        }
        assert_eq!(raw.put_manifest(repository, "both", &self.index, &self.media_type).status, 201);
    }

    /// Parents before children, as an owner has to; what came back of it.
    fn delete(&self, raw: &Raw, repository: &str, pause: Duration) -> usize {
        let manifests = [&self.index, &self.images[0].manifest, &self.images[1].manifest];
        let paths = manifests.map(|manifest| manifest_path(repository, &manifest.digest.to_string()));
        for path in &paths {
            assert_eq!(raw.delete(path).status, 202, "{path}");
        }
        std::thread::sleep(pause);
        paths.iter().filter(|path| raw.get(path).status != 404).count()
    }
}

#[derive(Default)]
struct Tally {
    deletes: AtomicUsize,
    returned: AtomicUsize,
}

fn write(raw: &Raw, client: usize, stop: &AtomicBool, tally: &Tally) {
    let (own, content) = (format!("busy/client{client}"), Content::new());
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        content.push(raw, &own);
        let pause = Duration::from_millis((round * 7 + client as u64 * 5) % 23);
        let returned = content.delete(raw, &own, pause);
        tally.deletes.fetch_add(3, Ordering::Relaxed);
        tally.returned.fetch_add(returned, Ordering::Relaxed);
    }
}

/// Checks, with and without a repair, until the time is over; how many, and all that was wrong with them.
fn check_on(daemon: &Daemon, home: &Path) -> (usize, Vec<String>) {
    let (config, state) = (daemon.config_path(), home.join("state"));
    let [config, state] = [&config, &state].map(|path| path.to_str().unwrap());
    let restart = format!("exec:touch {}", home.join("restarted").display());
    let ways: [&[&str]; 3] = [
        &["--probe", "all"],
        &["--fix", "--yes", "--state-dir", state, "--restart", &restart],
        &["--probe", "all", "--fix", "--yes", "--state-dir", state, "--restart", &restart],
    ];
    let (started, mut runs, mut wrong) = (Instant::now(), 0, Vec::new());
    while started.elapsed() < time() {
        let more = ways[runs % ways.len()];
        let ended = run(["check", "-o", "json", "--config", config].iter().chain(more));
        let report = ended.report();
        if report.exit_status != 0 || !report.findings.is_empty() {
            wrong.push(format!(
                "run {runs} {more:?}: {} {:?} {:?}",
                report.exit_status,
                lines(&report),
                report.coverage.unknown
            ));
        }
        runs += 1;
    }
    (runs, wrong)
}

#[test]
fn clients_that_push_and_delete_are_never_accused_and_get_nothing_back() {
    for kind in Kind::all().into_iter().filter(|kind| matches!(kind, Kind::Real(_))) {
        let (daemon, home) = (kind.start(&Settings::default()), tempfile::tempdir().unwrap());
        daemon.raw().push_image("a/healthy", "1", &Image::two_layers("healthy").unwrap());
        let (stop, tally) = (AtomicBool::new(false), Tally::default());
        let (runs, wrong) = std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (raw, stop, tally) = (daemon.raw(), &stop, &tally);
                scope.spawn(move || write(&raw, client, stop, tally));
            }
            // Whatever fails must not leave the clients writing for ever.
            let checked = std::panic::catch_unwind(|| check_on(&daemon, home.path()));
            stop.store(true, Ordering::Relaxed);
            checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let (deletes, returned) = (tally.deletes.into_inner(), tally.returned.into_inner());
        eprintln!("{kind:?}: {runs} checks during {deletes} deletes");
        assert!(runs >= 3 && deletes >= 100, "{runs} checks during {deletes} deletes");
        let restarted = home.path().join("restarted").exists();
        assert_eq!((wrong, returned, restarted), (Vec::new(), 0, false), "{kind:?}");
    }
}
