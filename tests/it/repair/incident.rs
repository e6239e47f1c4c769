//! The incident: healed from a mirror without a restart, and without one by purge or restart.

use super::{Mirror, Regfsck, judge};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::raw::{blob_path, manifest_path};
use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

const REPOSITORY: &str = "team/app";

/// Damage that needs no DELETE over the API: manifests and blobs vanish as a collection makes them vanish.
fn collected_without_delete(daemon: &Daemon, image: &Image) {
    let raw = daemon.raw();
    assert_eq!(raw.push_image(REPOSITORY, "1", image).1.status, 201);
    assert_eq!(raw.pull(REPOSITORY, "1", image), Ok(()));
    // The tag moves on, and the image that it left is untagged; `garbage-collect -m` takes it.
    let other = Image::two_layers("the next build").unwrap();
    assert_eq!(raw.push_image(REPOSITORY, "1", &other).1.status, 201);
    assert_eq!(raw.pull(REPOSITORY, "1", &other), Ok(()));
    assert_eq!(daemon.garbage_collect(true, false).status, 0);
    // Back to the first build: the daemon says that it has all of it.
    raw.push_image(REPOSITORY, "1", image);
    assert!(raw.pull(REPOSITORY, "1", image).is_err(), "the push was swallowed");
}

#[test]
fn without_restart_and_without_the_right_to_delete() {
    for kind in Kind::all() {
        let settings = Settings { delete: false, ..Settings::default() };
        let daemon = kind.start(&settings);
        let image = Image::two_layers("the first build").unwrap();
        collected_without_delete(&daemon, &image);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let regfsck = Regfsck::on(&daemon);
        let (pid, before) = (daemon.pid(), regfsck.check(&["--probe-manifests"]).expect(1));
        // The branch writes the manifest that is pushed again.
        let lost = if kind.flavour() == Flavour::Head { "missing-blob" } else { "missing-manifest" };
        assert!(before.errors().contains(&lost.into()), "{kind:?}: {}", before.table);

        let fixed = regfsck.fix(&["--source", &mirror.source()]).healed();
        assert_eq!(fixed.pulled(), ["team/app:1"], "{kind:?}");
        judge(&daemon, REPOSITORY, "1", &image);
        assert_eq!(daemon.pid(), pid);
        assert!(
            daemon
                .access_log()
                .iter()
                .all(|access| { access.method != "DELETE" || access.path.contains("/blobs/uploads/") })
        );

        assert_eq!(daemon.garbage_collect(false, false).status, 0);
        judge(&daemon, REPOSITORY, "1", &image);
        regfsck.check(&["--content", "--probe", "all"]).expect(0);
        // There is nothing left to do.
        let again = regfsck.fix(&["--source", &mirror.source()]).healed();
        assert_eq!(again.steps(), Vec::<String>::new());
    }
}

#[test]
fn as_it_happens_with_a_delete_by_digest() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = daemon.incident(REPOSITORY, "1");
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let regfsck = Regfsck::on(&daemon);
        regfsck.fix(&["--source", &mirror.source()]).healed();
        judge(&daemon, REPOSITORY, "1", &image);
        regfsck.check(&["--content", "--probe", "all"]).expect(0);
    }
}

#[test]
fn without_a_source_claims_are_purged_and_a_normal_push_heals() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let raw = daemon.raw();
        let (image, lost) = (Image::two_layers("kept").unwrap(), Image::two_layers("lost").unwrap());
        assert_eq!(raw.push_image(REPOSITORY, "1", &image).1.status, 201);
        raw.push_image(REPOSITORY, "2", &lost);
        assert_eq!(raw.pull(REPOSITORY, "2", &lost), Ok(()));
        let layer = &lost.layers[0].digest;
        let paths = crate::support::damage::Paths::new(&daemon.root());
        #[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
        std::fs::remove_file(paths.data(layer)).unwrap();
        assert_eq!(raw.head(&blob_path(REPOSITORY, layer)).status, 200, "claimed");

        let regfsck = Regfsck::on(&daemon);
        let fixed = regfsck.fix(&[]).expect(1);
        assert_eq!(fixed.steps(), [format!("delete-claim:{REPOSITORY}:{layer}")], "{kind:?}");
        assert_eq!(fixed.results()[0].0, "done");
        assert_eq!(fixed.errors(), ["missing-blob"]);
        assert_eq!(raw.head(&blob_path(REPOSITORY, layer)).status, 404);
        // What docker does: it asks, uploads what is not there, and puts the manifest.
        raw.push_image(REPOSITORY, "2", &lost);
        judge(&daemon, REPOSITORY, "2", &lost);
        regfsck.check(&["--content", "--probe", "all"]).expect(0);
        assert_eq!(raw.pull(REPOSITORY, "1", &image), Ok(()));
    }
}

#[test]
fn without_a_source_a_restart_clears_the_manifest_too() {
    for kind in Kind::all() {
        let Kind::Real(_) = &kind else { continue };
        let daemon = kind.start(&Settings::default());
        let image = daemon.incident(REPOSITORY, "1");
        let regfsck = Regfsck::on(&daemon);
        let restart = exec_restart(&daemon, regfsck.state());
        let fixed = regfsck.fix(&["--restart", &restart]).expect(1);
        // Where the manifest was written when it was pushed again, deleting the claims of the others is all it takes.
        let restarts = kind.flavour() != Flavour::Head;
        let planned = fixed.steps().contains(&format!("restart:{restart}"));
        assert_eq!(planned, restarts, "{kind:?}: {:?}", fixed.steps());
        assert!(fixed.results().iter().all(|(kind, _)| kind == "done"), "{:?}", fixed.results());
        assert!(!fixed.standing().iter().any(|code| code.starts_with("phantom")), "{}", fixed.table);
        let raw = daemon.raw();
        for blob in image.blobs() {
            assert_eq!(raw.head(&blob_path(REPOSITORY, &blob.digest)).status, 404);
        }
        assert_eq!(raw.push_image(REPOSITORY, "1", &image).1.status, 201);
        judge(&daemon, REPOSITORY, "1", &image);
        regfsck.check(&["--content", "--probe", "all"]).expect(0);
        if restarts {
            end_restarted(regfsck.state());
        }
    }
}

#[test]
fn purge_uploads_nothing() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        daemon.incident(REPOSITORY, "1");
        let regfsck = Regfsck::on(&daemon);
        let purged = regfsck.run("purge", &["--yes"]).expect(1);
        assert!(purged.steps().iter().all(|step| step.starts_with("delete-claim:")), "{:?}", purged.steps());
        let puts = daemon.access_log();
        let puts =
            puts.iter().filter(|access| access.header("user-agent").unwrap_or_default().contains("regfsck"));
        let uploads: Vec<_> = puts.filter(|access| access.method == "PUT" && access.status == 201).collect();
        assert_eq!(uploads, Vec::<&regfsck::adapters::sandbox::Access>::new());
        let raw = daemon.raw();
        for step in purged.steps() {
            let digest = step.rsplit_once(&format!("{REPOSITORY}:")).unwrap().1;
            assert_eq!(raw.head(&blob_path(REPOSITORY, &digest.parse().unwrap())).status, 404);
        }
        let _ = manifest_path(REPOSITORY, "1");
    }
}

/// A command that restarts a real daemon: it ends the process and starts another with the same config.
pub(super) fn exec_restart(daemon: &Daemon, state: &std::path::Path) -> String {
    let Daemon::Real(real) = daemon else { panic!("only a real daemon is restarted") };
    let script = format!(
        "kill {pid}; while kill -0 {pid} 2>/dev/null && [ \"$(cut -d' ' -f3 /proc/{pid}/stat)\" != Z ]; do sleep 0.05; done; \
         setsid {program} serve {config} >{log} 2>&1 </dev/null & echo $! >{pidfile}",
        pid = real.pid().unwrap(),
        program = real.program.path.display(),
        config = real.config_path().display(),
        log = state.join("restarted.log").display(),
        pidfile = state.join("restarted.pid").display(),
    );
    format!("exec:{script}")
}

pub(super) fn end_restarted(state: &std::path::Path) {
    let pid = std::fs::read_to_string(state.join("restarted.pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn without_a_cache_there_is_only_loss_and_it_is_healed() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::with_cache(CacheKind::None));
        let (raw, image) = (daemon.raw(), Image::two_layers("uncached").unwrap());
        raw.push_image(REPOSITORY, "1", &image);
        let paths = crate::support::damage::Paths::new(&daemon.root());
        for blob in image.blobs().chain([&image.manifest]) {
            #[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
            std::fs::remove_file(paths.data(&blob.digest)).unwrap();
        }
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        Regfsck::on(&daemon).fix(&["--source", &mirror.source()]).healed();
        judge(&daemon, REPOSITORY, "1", &image);
    }
}
