//! What daemons believe of manifests that garbage collection took: never "coherent" where a push may be swallowed, and
//! coherent again after a restart or once the bytes are back. Judged by pushing and pulling.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::guard::{Guarded, Returned};
use regfsck::domain::limit::Limit;
use regfsck::domain::report::Report;

use crate::repair::{Mirror, Ran, Regfsck};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::raw::manifest_path;
use crate::support::real_registry::{current, on_every_registry};
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::{Ended, command};
use crate::support::tree::{data_file, remove_folder};

/// How an image ceases to be needed.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// Its manifest is deleted over the API.
    Deleted,
    /// Its tag is moved to another image.
    Untagged,
}

/// A registry with an image that garbage collection took, which its daemon knew.
struct Collected {
    daemon: Daemon,
    image: Image,
    regfsck: Regfsck,
    /// What garbage collection printed.
    log: String,
}

fn collected(loss: Loss) -> Option<Collected> {
    let daemon = Kind::Real(current()?).start(&Settings::default());
    let image = known_and_lost(&daemon, loss);
    let done = daemon.garbage_collect(matches!(loss, Loss::Untagged), false);
    assert_eq!(done.status, 0, "{}", done.errors);
    let regfsck = Regfsck::on(&daemon);
    let log = regfsck.file("gc.log");
    fs::write(&log, done.output).unwrap();
    Some(Collected { daemon, image, regfsck, log: log.display().to_string() })
}

/// An image that the daemon knows, and that is no longer needed.
fn known_and_lost(daemon: &Daemon, loss: Loss) -> Image {
    let (raw, image) = (daemon.raw(), Image::two_layers("gone").unwrap());
    let other = Image::two_layers("other").unwrap();
    raw.push_image("team/app", "1", &image);
    assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
    raw.push_image("team/app", "2", &other);
    match loss {
        Loss::Deleted => {
            let path = manifest_path("team/app", &image.manifest.digest.to_string());
            assert_eq!(raw.delete(&path).status, 202);
        }
        Loss::Untagged => {
            raw.push_image("team/app", "1", &other);
        }
    }
    image
}

impl Collected {
    fn check(&self, more: &[&str]) -> Ran {
        self.regfsck.check(&[&["--suspects", &self.log], more].concat())
    }

    /// Push as a client does that believes the daemon, and pull, now and after a restart.
    fn pushes_and_pulls(&mut self, what: &str) {
        let raw = self.daemon.raw();
        raw.push_image("team/app", "again", &self.image);
        assert_eq!(raw.pull("team/app", "again", &self.image), Ok(()), "{what}");
        self.daemon.restart();
        assert_eq!(self.daemon.raw().pull("team/app", "again", &self.image), Ok(()), "{what}, restarted");
    }
}

/// How many beliefs the report leaves open.
fn open(report: &Report) -> u64 {
    let limits = report.coverage.limits.0.iter();
    limits.map(|limit| if let Limit::Beliefs { manifests, .. } = limit { *manifests } else { 0 }).sum()
}

#[test]
fn a_belief_that_nothing_settles_is_no_all_clear_until_the_daemon_restarts() {
    on_every_registry(|| {
        for loss in [Loss::Deleted, Loss::Untagged] {
            let Some(mut it) = collected(loss) else { return };
            // Claims of layers are cleared; what is believed of the manifest cannot be.
            let purged = it.regfsck.run("purge", &["--yes", "--suspects", &it.log]);
            assert!(purged.status == 3 || purged.status == 1, "{loss:?}: {}", purged.table);
            let checked = it.check(&[]);
            if checked.standing().iter().any(|code| code == "phantom-manifest") {
                assert_eq!(checked.status, 1, "{loss:?}");
            } else {
                assert_eq!((checked.status, open(checked.report())), (3, 1), "{loss:?}");
            }
            // The file of suspects says nothing of when; the folder that the data lay in does.
            sleep(Duration::from_millis(1500));
            it.daemon.restart();
            let settled = it.check(&[]).expect(0);
            assert_eq!(open(settled.report()), 0);
            it.pushes_and_pulls(&format!("{loss:?}"));
        }
    });
}

/// Garbage collection with `-m` leaves nothing that names the manifest: what is left of its layers tells of it.
#[test]
fn a_manifest_that_nothing_names_is_no_all_clear_until_the_daemon_restarts() {
    on_every_registry(|| {
        let Some(mut it) = collected(Loss::Untagged) else { return };
        let mirror = Mirror::with(&[("team/app", "1", &it.image)]);
        let purged = it.regfsck.run("purge", &["--yes"]);
        assert_eq!(purged.status, 3, "{}", purged.table);
        assert_eq!(it.regfsck.fix(&["--source", &mirror.source()]).status, 3);
        let checked = it.regfsck.check(&[]);
        let unknown: Vec<_> =
            checked.report().coverage.unknown.iter().map(|it| it.what.to_string()).collect();
        assert_eq!((checked.status, unknown), (3, vec!["manifests that nothing names any more".to_owned()]));
        sleep(Duration::from_millis(1500));
        it.daemon.restart();
        it.regfsck.check(&[]).expect(0);
        it.pushes_and_pulls("untagged");
    });
}

/// What goes without a trace of its name.
#[derive(Debug, Clone, Copy)]
enum Traceless {
    /// A repository, whose folder somebody removes.
    Repository,
    /// An index whose images stay, with its tag moved away from it.
    Index,
}

/// A registry from which something is gone without a trace, although its daemon knew it.
fn gone_without_a_trace(what: Traceless) -> Option<(Daemon, Regfsck)> {
    let daemon = Kind::Real(current()?).start(&Settings::default());
    let (raw, regfsck) = (daemon.raw(), Regfsck::on(&daemon));
    let images = ["one", "two"].map(|seed| Image::two_layers(seed).unwrap());
    for (tag, image) in ["1", "2"].into_iter().zip(&images) {
        raw.push_image("team/app", tag, image);
        raw.push_image("stays", tag, image);
    }
    let (index, kind) = Image::index(&images).unwrap();
    match what {
        Traceless::Repository => {
            let image = Image::two_layers("gone").unwrap();
            raw.push_image("team/app", "3", &image);
            remove_folder(&daemon.root(), "repositories/team");
        }
        Traceless::Index => {
            assert_eq!(raw.put_manifest("team/app", "multi", &index, &kind).status, 201);
            assert_eq!(raw.get(&manifest_path("team/app", "multi")).status, 200);
            raw.push_image("team/app", "multi", &images[0]);
        }
    }
    let done = daemon.garbage_collect(matches!(what, Traceless::Index), false);
    assert_eq!(done.status, 0, "{}", done.errors);
    Some((daemon, regfsck))
}

/// Only the folder of blobs that it lay in tells that something is gone.
#[test]
fn what_is_gone_without_a_trace_is_no_all_clear_until_the_daemon_restarts() {
    on_every_registry(|| {
        for what in [Traceless::Repository, Traceless::Index] {
            let Some((mut daemon, regfsck)) = gone_without_a_trace(what) else { return };
            for (command, more) in [("check", &[][..]), ("purge", &["--yes"])] {
                let ran = regfsck.run(command, more);
                let unknown = ran.report().coverage.unknown.iter().map(|it| it.what.to_string());
                let unknown: Vec<_> = unknown.collect();
                let nameless: &[_] = match what {
                    Traceless::Repository => &["manifests", "repositories"],
                    Traceless::Index => &["manifests"],
                };
                let nameless: Vec<_> =
                    nameless.iter().map(|them| format!("{them} that nothing names any more")).collect();
                assert_eq!((ran.status, unknown), (3, nameless), "{what:?}, {command}: {}", ran.table);
            }
            sleep(Duration::from_millis(1500));
            daemon.restart();
            regfsck.check(&[]).expect(0);
        }
    });
}

/// A push to a repository that somebody removed skips what others hold, and breaks at a restart; storage tells that one is
/// gone by the time of its folder, or by content that is older than every repository that has it.
#[test]
fn a_repository_that_is_gone_is_no_all_clear_though_others_hold_what_it_held() {
    on_every_registry(|| {
        for is_before in [true, false] {
            let Some(kind) = current() else { return };
            let mut daemon = Kind::Real(kind).start(&Settings::default());
            let (raw, regfsck) = (daemon.raw(), Regfsck::on(&daemon));
            let image = Image::two_layers("held").unwrap();
            raw.push_image("x/a", "1", &image);
            sleep(Duration::from_millis(100));
            if is_before {
                raw.push_image("x/b", "1", &image);
                sleep(Duration::from_millis(100));
                remove_folder(&daemon.root(), "repositories/x/a");
            } else {
                remove_folder(&daemon.root(), "repositories/x/a");
                for blob in image.layers.iter().chain([&image.config, &image.manifest]) {
                    let file = File::open(data_file(&daemon.root(), &blob.digest)).unwrap();
                    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
                }
                raw.push_image("x/b", "1", &image);
            }
            let seen = regfsck.check(&[]).expect(3);
            assert!(seen.table.contains("repositories that nothing names any more"), "{}", seen.table);
            assert!(seen.table.contains("restart"), "{}", seen.table);
            sleep(Duration::from_millis(1500));
            daemon.restart();
            regfsck.check(&[]).expect(0);
            raw.push_image("x/a", "1", &image);
            daemon.restart();
            assert_eq!(raw.pull("x/a", "1", &image), Ok(()));
        }
    });
}

/// What is handed in explains a blob that nothing links no better than storage does.
#[test]
fn what_lost_its_repository_is_no_all_clear_though_its_digests_are_handed_in() {
    on_every_registry(|| {
        let Some(kind) = current() else { return };
        let daemon = Kind::Real(kind).start(&Settings::default());
        let (raw, regfsck) = (daemon.raw(), Regfsck::on(&daemon));
        let image = Image::two_layers("gone").unwrap();
        raw.push_image("stays", "1", &Image::two_layers("other").unwrap());
        raw.push_image("team/app", "1", &image);
        remove_folder(&daemon.root(), "repositories/team");
        let handed = regfsck.file("suspects");
        let blobs = image.layers.iter().chain([&image.config, &image.manifest]);
        let digests: Vec<_> = blobs.map(|blob| blob.digest.to_string()).collect();
        fs::write(&handed, digests.join("\n")).unwrap();
        regfsck.check(&[]).expect(3);
        regfsck.check(&["--suspects", &handed.display().to_string()]).expect(3);
    });
}

#[test]
fn bytes_that_are_put_back_make_a_belief_true() {
    on_every_registry(|| {
        for loss in [Loss::Deleted, Loss::Untagged] {
            let Some(mut it) = collected(loss) else { return };
            let mirror = Mirror::with(&[("team/app", "1", &it.image)]);
            let fixed = it.regfsck.fix(&["--suspects", &it.log, "--source", &mirror.source()]).healed();
            let digest = it.image.manifest.digest;
            let returned = format!("return-manifest:team/app:{digest}");
            assert!(fixed.steps().contains(&returned), "{:?}", fixed.steps());
            let raw = it.daemon.raw();
            assert_eq!(raw.get(&manifest_path("team/app", &digest.to_string())).status, 404, "it is deleted");
            it.check(&[]).expect(0);
            it.pushes_and_pulls(&format!("{loss:?}"));
        }
    });
}

/// Guard the daemon's own garbage collection with `-m`; the exit status and the result.
fn guard(daemon: &Daemon, regfsck: &Regfsck) -> (i32, Guarded) {
    let program = current().unwrap().path;
    let config = daemon.config_path();
    let state = regfsck.state();
    let mut run = command(["guard", "-o", "json", "--config"].map(OsStr::new));
    run.arg(&config).arg("--state-dir").arg(state).arg("--").arg(program);
    let ended = Ended::from(run.args(["garbage-collect", "-m"]).arg(&config).output().unwrap());
    (ended.status, ended.read())
}

/// What a guarded collection and then a push, a pull, a restart and a pull come to, in a word.
fn fidelity(settings: &Settings, loss: Loss) -> String {
    let mut daemon = Kind::Real(current().unwrap()).start(settings);
    let image = known_and_lost(&daemon, loss);
    let regfsck = Regfsck::on(&daemon);
    let (status, guarded) = guard(&daemon, &regfsck);
    if status != 0 {
        let unknown = guarded.report.map(|report| report.coverage.unknown);
        return format!("guard ends with {status}: {unknown:?}");
    }
    let seen = regfsck.check(&[]);
    let raw = daemon.raw();
    raw.push_image("team/app", "again", &image);
    let now = raw.pull("team/app", "again", &image);
    daemon.restart();
    let later = daemon.raw().pull("team/app", "again", &image);
    match (seen.status, now, later) {
        (0, Ok(()), Ok(())) => "true".into(),
        told => format!("{told:?}"),
    }
}

#[test]
fn a_guarded_collection_ends_truthful_on_every_version_with_every_cache() {
    let wrong = RefCell::new(Vec::new());
    on_every_registry(|| {
        for loss in [Loss::Deleted, Loss::Untagged] {
            let redis = RedisServer::start();
            let redis = redis.as_ref().map(|redis| CacheKind::Redis(format!("127.0.0.1:{}", redis.port)));
            for cache in [CacheKind::None, CacheKind::InMemory].into_iter().chain(redis) {
                let cell = fidelity(&Settings::with_cache(cache.clone()), loss);
                let cell = format!("{} | {cache:?} | {loss:?} | {cell}", current().unwrap().version);
                eprintln!("{cell}");
                wrong.borrow_mut().extend(Some(cell).filter(|cell| !cell.ends_with("| true")));
            }
        }
    });
    assert_eq!(wrong.into_inner(), Vec::<String>::new());
}

#[test]
fn what_was_put_back_is_returned_until_the_daemon_restarts() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let mut daemon = Kind::Real(program).start(&Settings::default());
        let image = known_and_lost(&daemon, Loss::Deleted);
        let regfsck = Regfsck::on(&daemon);
        let one = Some(Returned { manifests: 1, bytes: image.manifest.bytes.len() as u64 });
        for _ in 0..2 {
            let (status, guarded) = guard(&daemon, &regfsck);
            assert_eq!((status, guarded.returned), (0, one));
        }
        sleep(Duration::from_millis(2500));
        daemon.restart();
        let (status, guarded) = guard(&daemon, &regfsck);
        assert_eq!((status, guarded.returned), (0, None));
        assert!(!data_file(&daemon.root(), &image.manifest.digest).exists(), "it is garbage now");
        daemon.raw().push_image("team/app", "again", &image);
        assert_eq!(daemon.raw().pull("team/app", "again", &image), Ok(()));
    });
}

#[test]
fn what_is_said_of_the_start_settles_it_and_what_listens_counts_more() {
    let Some(it) = collected(Loss::Deleted) else { return };
    let _ = it.regfsck.run("purge", &["--yes", "--suspects", &it.log]);
    // The process that listens was seen to be older.
    assert_ne!(it.check(&["--started", "0s ago"]).status, 0);
}

/// What one registry lost is nothing to another whose state is kept in the same folder.
#[test]
fn registries_that_share_a_state_folder_do_not_remember_for_each_other() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let state = tempfile::tempdir().unwrap();
        for name in ["one/app", "other/app", "one/app"] {
            let daemon = Kind::Real(program.clone()).start(&Settings::default());
            let image = Image::two_layers(name).unwrap();
            assert_eq!(daemon.raw().push_image(name, "1", &image).1.status, 201);
            let config = daemon.config_path();
            let words = ["check", "--config", config.to_str().unwrap(), "--state-dir"];
            let checked: Ended = command(words).arg(state.path()).output().unwrap().into();
            assert_eq!(checked.status, 0, "{checked:?}");
        }
    });
}
