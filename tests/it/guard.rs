//! Garbage collection under guard, by the program itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Severity;
use regfsck::domain::guard::{Collected, Guarded, Stage};
use regfsck::domain::report::Verdict;
use tempfile::TempDir;

use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::Paths;
use crate::support::raw::manifest_path;
use crate::support::real_registry::{Program, current, on_every_registry};
use crate::support::redis_server::{RedisServer, dump, remember};
use crate::support::regfsck::{Ended, command};

/// Run regfsck with its state in `home`.
fn regfsck(home: &Path, arguments: &[&str]) -> Ended {
    command(arguments).env("XDG_STATE_HOME", home).output().unwrap().into()
}

/// What a guarded collection came to.
pub(crate) struct Told {
    pub(crate) status: i32,
    pub(crate) guarded: Guarded,
    errors: String,
}

fn told(ended: &Ended) -> Told {
    Told { status: ended.status, guarded: ended.read(), errors: ended.stderr.clone() }
}

impl Told {
    fn collected(&self) -> &Collected {
        self.guarded.collection.as_ref().unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}\n{:#?}", self.errors, self.guarded);
        self
    }
}

/// Guard the real garbage collection with `-m`.
pub(crate) fn guard(home: &Path, daemon: &Daemon, program: &Program, more: &[&str]) -> Told {
    let config = daemon.config_path();
    let config = config.to_str().unwrap();
    let collect = [program.path.to_str().unwrap(), "garbage-collect", "-m", config];
    let mut arguments = vec!["guard", "--config", config, "-o", "json"];
    arguments.extend(more);
    arguments.push("--");
    arguments.extend(collect);
    told(&regfsck(home, &arguments))
}

/// Images that stay, one that lost its tag, one that was deleted; all of them pulled, so that they are cached.
struct Busy {
    kept: Vec<(&'static str, &'static str, Image)>,
    gone: Vec<(&'static str, Image)>,
}

fn fill(daemon: &Daemon) -> Busy {
    let raw = daemon.raw();
    let push = |repository: &str, tag: &str, seed: &str| {
        let image = Image::two_layers(seed).unwrap();
        raw.push_image(repository, tag, &image);
        assert_eq!(raw.pull(repository, tag, &image), Ok(()));
        image
    };
    let old = push("team/app", "latest", "old");
    let new = push("team/app", "latest", "new");
    let deleted = push("team/app", "gone", "deleted");
    let other = push("other", "1", "other");
    let path = manifest_path("team/app", &deleted.manifest.digest.to_string());
    assert_eq!(raw.delete(&path).status, 202);
    Busy {
        kept: vec![("team/app", "latest", new), ("other", "1", other)],
        gone: vec![("team/app", old), ("team/app", deleted)],
    }
}

impl Busy {
    /// Everything that stays pulls, and what went can be pushed again.
    fn is_well(&self, daemon: &Daemon) {
        let raw = daemon.raw();
        for (repository, tag, image) in &self.kept {
            assert_eq!(raw.pull(repository, tag, image), Ok(()), "{repository}:{tag}");
        }
        for (at, (repository, image)) in self.gone.iter().enumerate() {
            let tag = format!("again-{at}");
            raw.push_image(repository, &tag, image);
            assert_eq!(raw.pull(repository, &tag, image), Ok(()), "{repository}:{tag}");
        }
    }
}

/// A command that restarts the daemon in whose place it is started; `pid` is where the process is noted.
fn restarter(home: &Path, daemon: &Daemon, program: &Program) -> (String, PathBuf) {
    let pid = home.join("pid");
    std::fs::write(&pid, daemon.pid().unwrap().to_string()).unwrap();
    let script = home.join("restart.sh");
    let text = format!(
        "kill -9 $(cat {pid}); sleep 0.2; {program} serve {config} >{log} 2>&1 </dev/null & echo $! >{pid}\n",
        pid = pid.display(),
        program = program.path.display(),
        config = daemon.config_path().display(),
        log = home.join("restarted.log").display(),
    );
    std::fs::write(&script, text).unwrap();
    (format!("exec:sh {}", script.display()), pid)
}

/// Ends the daemon that the restart started.
struct Restarted(PathBuf);

impl Drop for Restarted {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.0).unwrap_or_default();
        let _ = Command::new("kill").arg("-9").arg(pid.trim()).status();
    }
}

#[test]
fn a_busy_registry_ends_coherent_with_a_restart() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let busy = fill(&daemon);
        let (restart, pid) = restarter(home.path(), &daemon, &program);
        let _restarted = Restarted(pid);
        let told = guard(home.path(), &daemon, &program, &["--restart", &restart, "--drain", "0"]).expect(0);
        assert_eq!(told.guarded.report.as_ref().map(|report| report.verdict), Some(Verdict::Coherent));
        assert_eq!(told.collected().status, Some(0));
        assert!(told.guarded.restart.as_ref().unwrap().starts_with("restarted"), "{:#?}", told.guarded);
        assert!(told.errors.contains("blob eligible for deletion: "), "its output goes through");
        busy.is_well(&daemon);
    });
}

#[test]
fn without_a_restart_the_claims_are_deleted() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let busy = fill(&daemon);
        let told = guard(home.path(), &daemon, &program, &[]).expect(0);
        let cleared = told.guarded.report.unwrap().proof.unwrap().resolved;
        let phantoms = cleared.iter().filter(|id| id.starts_with("phantom-blob:")).count();
        assert_eq!(phantoms, 6, "two images of three blobs: {cleared:?}");
        let raw = daemon.raw();
        for (repository, image) in &busy.gone {
            for blob in image.blobs() {
                let path = crate::support::raw::blob_path(repository, &blob.digest);
                assert_eq!(raw.head(&path).status, 404);
            }
        }
    });
}

#[test]
fn a_busy_registry_with_redis_ends_coherent() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let Some(redis) = RedisServer::start() else { return };
        let home = tempfile::tempdir().unwrap();
        let cache = CacheKind::Redis(format!("127.0.0.1:{}", redis.port));
        let daemon = Kind::Real(program.clone()).start(&Settings::with_cache(cache));
        let busy = fill(&daemon);
        let before = dump(&mut redis.client(0));
        let told = guard(home.path(), &daemon, &program, &[]).expect(0);
        let after = dump(&mut redis.client(0));
        let gone: Vec<String> = before
            .iter()
            .filter(|(key, content)| after.get(*key) != Some(content))
            .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
            .collect();
        let digests: Vec<String> = busy
            .gone
            .iter()
            .flat_map(|(_, image)| image.blobs().map(|blob| blob.digest).chain([image.manifest.digest]))
            .map(|digest| digest.to_string())
            .collect();
        let is_stale = |key: &String| {
            digests.iter().any(|digest| key.ends_with(digest.as_str()))
                || key == "repository::team/app::blobs"
        };
        assert!(gone.iter().all(is_stale), "{gone:?}");
        // Since 3.0 the DELETE took the keys of its manifest.
        let stale = if program.flavour.is_3() { 7 } else { 8 };
        assert_eq!(gone.iter().filter(|key| key.starts_with("blobs::")).count(), stale, "{gone:?}");
        assert!(!told.errors.contains("secret"));
        busy.is_well(&daemon);
    });
}

#[test]
fn a_lost_manifest_keeps_the_gate_shut_and_names_what_would_go() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let raw = daemon.raw();
        let (image, other) = (Image::two_layers("image").unwrap(), Image::two_layers("other").unwrap());
        raw.push_image("team/app", "1", &image);
        raw.push_image("team/app", "2", &other);
        let paths = Paths::new(&daemon.root());
        std::fs::rename(paths.data(&image.manifest.digest), home.path().join("lost")).unwrap();

        let told = guard(home.path(), &daemon, &program, &[]).expect(4);
        assert_eq!((told.guarded.failed, &told.guarded.collection), (Some(Stage::Gate), &None));
        let loss = &told.guarded.gate.losses[0];
        assert_eq!(loss.images.iter().map(ToString::to_string).collect::<Vec<_>>(), ["team/app:1"]);
        let named: Vec<String> = loss.content.iter().map(|blob| blob.digest.to_string()).collect();
        let mut needed: Vec<String> = image.blobs().map(|blob| blob.digest.to_string()).collect();
        needed.sort();
        assert_eq!(named, needed);
        assert!(image.blobs().all(|blob| paths.data(&blob.digest).exists()));

        let config = daemon.config_path();
        let gate =
            ["guard", "--gate-only", "--delete-untagged", "--config", config.to_str().unwrap(), "-o", "json"];
        assert_eq!(regfsck(home.path(), &gate).status, 4);

        // And this is what garbage collection does unguarded, with a good conscience.
        assert_eq!(daemon.garbage_collect(true, false).status, 0);
        assert!(image.blobs().all(|blob| !paths.data(&blob.digest).exists()));
        assert!(other.blobs().all(|blob| paths.data(&blob.digest).exists()));
    });
}

#[test]
fn a_repair_opens_the_gate() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let image = Image::two_layers("image").unwrap();
        daemon.raw().push_image("team/app", "1", &image);
        let mirror = crate::repair::Mirror::with(&[("team/app", "1", &image)]);
        let manifest = Paths::new(&daemon.root()).data(&image.manifest.digest);
        std::fs::rename(&manifest, home.path().join("lost")).unwrap();
        let source = mirror.source();
        // It asks, as check --fix does, and there is nobody to ask.
        let config = daemon.config_path();
        let asks =
            ["guard", "--gate-only", "--fix", "--config", config.to_str().unwrap(), "--source", &source];
        assert_eq!((regfsck(home.path(), &asks).status, manifest.exists()), (2, false));
        let told = guard(home.path(), &daemon, &program, &["--fix", "--yes", "--source", &source]).expect(0);
        assert_eq!((told.guarded.gate.open, told.collected().status), (true, Some(0)));
        assert_eq!(daemon.raw().pull("team/app", "1", &image), Ok(()));
    });
}

#[test]
fn a_collection_that_dies_is_told_from_what_it_left() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Kind::Sandbox(regfsck::adapters::sandbox::Flavour::V2).start(&Settings::default());
    daemon.raw().push_image("team/app", "1", &Image::two_layers("image").unwrap());
    let config = daemon.config_path();
    let run = |command: &str| {
        let arguments =
            ["guard", "--config", config.to_str().unwrap(), "-o", "json", "--", "sh", "-c", command];
        told(&regfsck(home.path(), &arguments))
    };
    let killed = run("echo half a line; kill -9 $$ # garbage-collect").expect(5);
    assert_eq!((killed.guarded.failed, killed.collected().signal), (Some(Stage::Collection), Some(9)));
    assert_eq!(killed.guarded.report.unwrap().verdict, Verdict::Coherent);
    let failed = run("exit 3").expect(5);
    assert_eq!(failed.collected().status, Some(3));
    let snapshot = failed.guarded.snapshot.unwrap();
    assert!(Path::new(&snapshot).exists(), "the snapshot is kept");
}

#[test]
fn what_the_last_guarded_runs_left_is_kept_and_no_more() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Kind::Sandbox(regfsck::adapters::sandbox::Flavour::V2).start(&Settings::default());
    daemon.raw().push_image("team/app", "1", &Image::two_layers("image").unwrap());
    let config = daemon.config_path();
    let run = |keep: &str| {
        let arguments =
            ["guard", "--config", config.to_str().unwrap(), "--keep", keep, "-o", "json", "--", "true"];
        told(&regfsck(home.path(), &arguments)).guarded.snapshot.unwrap()
    };
    let snapshots = ["2", "2", "2"].map(run);
    let kept = snapshots.each_ref().map(|path| Path::new(path).exists());
    assert_eq!(kept, [false, true, true], "{snapshots:?}");
    let none =
        regfsck(home.path(), &["guard", "--keep", "0", "--gate-only", "--config", config.to_str().unwrap()]);
    assert_eq!(none.status, 2, "{none:?}");
}

/// After a 3.x garbage collection, which leaves no links.
fn collected() -> (TempDir, Daemon, Image, String) {
    let home = tempfile::tempdir().unwrap();
    let daemon = Kind::Sandbox(regfsck::adapters::sandbox::Flavour::V3).start(&Settings::default());
    let raw = daemon.raw();
    let (gone, kept) = (Image::two_layers("gone").unwrap(), Image::two_layers("kept").unwrap());
    for (tag, image) in [("1", &gone), ("2", &kept)] {
        raw.push_image("team/app", tag, image);
        assert_eq!(raw.pull("team/app", tag, image), Ok(()));
    }
    let snapshot = home.path().join("before.snapshot");
    let config = daemon.config_path();
    let taken = regfsck(
        home.path(),
        &["snapshot", "--config", config.to_str().unwrap(), "-o", snapshot.to_str().unwrap()],
    );
    assert_eq!(taken.status, 0, "{taken:?}");
    let path = manifest_path("team/app", &gone.manifest.digest.to_string());
    assert_eq!(raw.delete(&path).status, 202);
    let log = daemon.garbage_collect(true, false);
    assert_eq!(log.status, 0);
    std::fs::write(home.path().join("gc.log"), log.output).unwrap();
    (home, daemon, gone, snapshot.display().to_string())
}

fn check(home: &Path, daemon: &Daemon, more: &[&str]) -> (i32, Vec<String>) {
    let config = daemon.config_path();
    let mut arguments = vec!["check", "--config", config.to_str().unwrap(), "-o", "json"];
    arguments.extend(more);
    let ended = regfsck(home, &arguments);
    let findings = ended.report().findings.into_iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    let mut ids: Vec<String> = errors.map(|finding| finding.id).collect();
    ids.sort();
    (ended.status, ids)
}

#[test]
fn what_3_x_leaves_of_links_is_enough_and_suspects_say_the_same() {
    let (home, daemon, gone, snapshot) = collected();
    let blobs = || gone.blobs().map(|blob| format!("phantom-blob:team/app:{}", blob.digest));
    // DELETE of a manifest clears the repository's own entry of it on 3.x, which is all that a HEAD tells of.
    let manifest = gone.manifest.digest;
    let mut expected: Vec<_> = blobs().collect();
    expected.sort();
    // Beside their folders nothing tells of the layers. What is believed of the manifest is not known.
    let (status, found) = check(home.path(), &daemon, &[]);
    assert_eq!((status, &found), (3, &expected));

    let log = home.path().join("gc.log");
    let (status, found) = check(home.path(), &daemon, &["--suspects", log.to_str().unwrap()]);
    assert_eq!((status, &found), (3, &expected));

    let (status, mut found) = check(home.path(), &daemon, &["--since", &snapshot]);
    found.retain(|id| id.starts_with("phantom-blob:"));
    assert_eq!((status, &found), (3, &expected));

    // The sandbox keeps its cache in its memory; these are the keys that a daemon on Redis leaves.
    let Some(redis) = RedisServer::start() else { return };
    for blob in gone.blobs() {
        remember(&mut redis.client(0), "team/app", &blob.digest, blob.bytes.len() as u64);
    }
    remember(&mut redis.client(0), "team/app", &manifest, gone.manifest.bytes.len() as u64);
    let (status, mut found) = check(home.path(), &daemon, &["--redis", &redis.url()]);
    let stale = found.extract_if(.., |id| id.starts_with("stale-cache-entry:")).count();
    assert_eq!((status, stale, &found), (1, 4, &expected));
}
