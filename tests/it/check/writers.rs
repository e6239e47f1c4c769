//! A healthy registry that is pushed to while it is checked: no check may ever accuse it of anything.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;

use super::{check_daemon, lines};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::Raw;

const WRITERS: usize = 8;
const TIME: Duration = Duration::from_secs(12);

/// Pushes fresh images, and moves two tags to and fro, until told to stop.
fn write(raw: &Raw, writer: usize, stop: &AtomicBool, pushed: &AtomicUsize) {
    let own = format!("busy/writer{writer}");
    let old = Image::two_layers(&format!("{writer} old")).unwrap();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let fresh = Image::two_layers(&format!("{writer} {round}")).unwrap();
        for (repository, tag, image) in [
            (own.as_str(), format!("v{round}"), &fresh),
            (own.as_str(), "latest".into(), &fresh),
            (own.as_str(), "latest".into(), &old),
            ("busy/shared", "latest".into(), if round % 2 == 0 { &fresh } else { &old }),
        ] {
            assert_eq!(raw.push_image(repository, &tag, image).1.status, 201);
        }
        pushed.fetch_add(4, Ordering::Relaxed);
    }
}

fn check_while_written(daemon: &Daemon, kind: &Kind) {
    daemon.raw().push_image("a/healthy", "1", &Image::two_layers("healthy").unwrap());
    let (stop, pushed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut runs = 0;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (raw, stop, pushed) = (daemon.raw(), &stop, &pushed);
            scope.spawn(move || write(&raw, writer, stop, pushed));
        }
        let started = Instant::now();
        let ways = [
            &[][..],
            &["--probe", "all"],
            &["--content"],
            &["--probe", "all", "--content", "--probe-manifests"],
        ];
        // Whatever fails must not leave the writers writing for ever.
        let checked = std::panic::catch_unwind(|| {
            let mut runs = 0;
            while started.elapsed() < TIME {
                let more = ways[runs % ways.len()];
                let report = check_daemon(daemon, more);
                let seen = (report.exit_status, lines(&report), report.coverage.unknown);
                assert_eq!(
                    seen,
                    (0, Vec::new(), Vec::new()),
                    "{kind:?} {more:?} run {runs}: {:#?}",
                    report.findings
                );
                runs += 1;
            }
            runs
        });
        stop.store(true, Ordering::Relaxed);
        runs = checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let pushed = pushed.into_inner();
    eprintln!("{kind:?}: {runs} checks during {pushed} pushes");
    assert!(runs >= 8 && pushed >= 100, "{runs} checks during {pushed} pushes");
}

#[test]
fn eight_writers_are_never_accused() {
    for kind in Kind::all().into_iter().filter(|kind| matches!(kind, Kind::Real(_))) {
        check_while_written(&kind.start(&Settings::default()), &kind);
    }
}
