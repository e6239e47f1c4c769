//! A check leaves no trace: it sends no write and no conditional request, and changes no file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use regfsck::adapters::sandbox::Access;
use regfsck::adapters::sandbox::image::{Blob, Image};

use super::check_daemon;
use crate::support::daemon::{Daemon, Kind, Settings};

/// Everything below a folder: size, time and content of files, the time of folders.
fn listing(root: &Path) -> BTreeMap<PathBuf, (u64, SystemTime, Option<Blob>)> {
    let walk = walkdir::WalkDir::new(root).into_iter().flatten();
    walk.map(|entry| {
        let meta = entry.metadata().unwrap();
        let content = meta.is_file().then(|| Blob::new(std::fs::read(entry.path()).unwrap()));
        (entry.path().to_owned(), (meta.len(), meta.modified().unwrap(), content))
    })
    .collect()
}

/// A daemon with healthy content, the incident, damage, an upload under way.
fn set_up(kind: &Kind) -> Daemon {
    let daemon = kind.start(&Settings::default());
    let image = Image::two_layers("healthy").unwrap();
    daemon.raw().push_image("a/healthy", "1", &image);
    daemon.incident("team/app", "1.0");
    daemon.raw().start_upload("team/app");
    let link = "docker/registry/v2/repositories/a/healthy/_manifests/tags/1/current/link";
    std::fs::write(daemon.root().join(link), "").unwrap();
    daemon
}

/// What a check sent.
fn sent(daemon: &Daemon, more: &[&str]) -> Vec<Access> {
    let before = daemon.access_log().len();
    let report = check_daemon(daemon, more);
    assert_eq!(report.exit_status, 1);
    daemon.access_log().split_off(before)
}

#[test]
fn a_check_sends_no_write_and_no_conditional_request() {
    for kind in Kind::all() {
        let daemon = set_up(&kind);
        let before = listing(&daemon.root());
        for more in [&[][..], &["--content", "--grace", "0"], &["--probe", "all"]] {
            let log = sent(&daemon, more);
            assert!(!log.is_empty(), "{kind:?} {more:?}");
            for request in log {
                assert!(["GET", "HEAD"].contains(&request.method.as_str()), "{kind:?} {request:?}");
                let conditional = request.headers.iter().find(|(name, _)| name.starts_with("if-"));
                assert_eq!(conditional, None, "{request:?}");
            }
        }
        assert_eq!(listing(&daemon.root()), before, "{kind:?}");
    }
}

#[test]
fn asking_about_manifests_sends_one_put_that_is_refused_and_changes_no_file() {
    for kind in Kind::all() {
        let daemon = set_up(&kind);
        let before = listing(&daemon.root());
        let log = sent(&daemon, &["--probe-manifests"]);
        let writes: Vec<_> = log
            .iter()
            .filter(|request| !["GET", "HEAD"].contains(&request.method.as_str()))
            .map(|request| (request.method.as_str(), request.status))
            .collect();
        // 3.x tells without being provoked, and could accept any index.
        let expected: &[_] =
            if kind.flavour() == regfsck::adapters::sandbox::Flavour::V2 { &[("PUT", 400)] } else { &[] };
        assert_eq!(writes, expected, "{kind:?}");
        assert_eq!(listing(&daemon.root()), before, "{kind:?}");
    }
}

/// What is stored and linked is not asked about: one ping, and one blob that shows that both sides are of one registry.
#[test]
fn of_a_healthy_registry_next_to_nothing_is_asked() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        for number in 0..24 {
            let image = Image::two_layers(&format!("healthy {number}")).unwrap();
            let name = format!("team/app{}", number % 6);
            daemon.raw().push_image(&name, &format!("v{number}"), &image);
        }
        let home = tempfile::tempdir().unwrap();
        let state = home.path().to_str().unwrap();
        for check in ["first", "second"] {
            let before = daemon.access_log().len();
            let report = check_daemon(&daemon, &["--state-dir", state]);
            let sent: Vec<_> = daemon.access_log().split_off(before);
            assert_eq!((report.exit_status, report.findings.len()), (0, 0), "{kind:?}");
            let asked: Vec<_> = sent.iter().map(|it| it.method.as_str()).collect();
            assert_eq!(asked, ["GET", "HEAD"], "{kind:?}, {check} check: {sent:?}");
        }
    }
}
