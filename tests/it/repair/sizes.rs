//! Sizes that the daemon remembers wrongly, of files that were bad when somebody asked for them.
//!
//! Seen on 2.8.2 with the cache in memory: an upload over the file that was moved away answers 201, and HEAD and GET go
//! on announcing the bad file's size, in every repository, the one that was uploaded to included; GET then delivers the
//! first part of the right bytes and ends well. DELETE and another upload change nothing. A restart does; with Redis
//! the upload itself does.

use std::fs;
use std::path::PathBuf;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::finding::State;

use super::incident::{end_restarted, exec_restart};
use super::{Mirror, Ran, Regfsck, judge};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};
use crate::support::raw::blob_path;
use crate::support::redis_server::RedisServer;
use crate::support::tree::data_file;

const REPOSITORIES: [&str; 2] = ["team/app", "team/base"];

/// A registry whose layer was cut while nobody looked, in two repositories; and a mirror that has it whole.
struct Scene {
    daemon: Daemon,
    mirror: Mirror,
    image: Image,
}

impl Scene {
    fn new(kind: &Kind, settings: &Settings) -> Self {
        let mut daemon = kind.start(settings);
        let image = Image::two_layers("sizes").unwrap();
        for repository in REPOSITORIES {
            assert_eq!(daemon.raw().push_image(repository, "1", &image).1.status, 201);
        }
        daemon.stop();
        let at = Pushed { repository: REPOSITORIES[0], tag: "1", image: &image, other: &image };
        Damage::BlobHalved.apply(&daemon.root(), &at);
        daemon.restart();
        let mirror = Mirror::with(&[(REPOSITORIES[0], "1", &image)]);
        Self { daemon, mirror, image }
    }

    fn layer(&self) -> &Blob {
        &self.image.layers[0]
    }

    /// What the daemon announces, and how much of it is right, in each of the repositories.
    fn announced(&self) -> [(u64, u64); 2] {
        REPOSITORIES.map(|repository| {
            let path = blob_path(repository, &self.layer().digest);
            let (head, get) = (self.daemon.raw().head(&path), self.daemon.raw().get(&path));
            assert_eq!((head.status, get.status, head.length()), (200, 200, get.length()));
            assert!(self.layer().bytes.starts_with(&get.body));
            (head.length().unwrap(), get.body.len() as u64)
        })
    }

    /// Somebody asks for the bad file: the daemon learns its size.
    fn taught(self) -> Self {
        let (size, _) = self.halved();
        assert_eq!(self.announced(), [(size, size); 2]);
        self
    }

    fn halved(&self) -> (u64, u64) {
        let whole = self.layer().bytes.len() as u64;
        (whole / 2, whole)
    }

    fn fix(&self, regfsck: &Regfsck, more: &[&str]) -> Ran {
        regfsck.fix(&[&["--source", &self.mirror.source()], more].concat())
    }

    fn upload(&self) -> String {
        format!("upload-blob:{}:{}", REPOSITORIES[0], self.layer().digest)
    }

    #[track_caller]
    fn is_well(&self, regfsck: &Regfsck) {
        let (_, whole) = self.halved();
        assert_eq!(self.announced(), [(whole, whole); 2]);
        for repository in REPOSITORIES {
            judge(&self.daemon, repository, "1", &self.image);
        }
        regfsck.check(&["--content", "--probe", "all"]).expect(0);
    }
}

/// Only the manifest tells of whom the layer is, and a registry as a source is asked for what is somebody's.
#[test]
fn a_cut_layer_below_a_lost_manifest_is_repaired_with_it() {
    for kind in Kind::all() {
        let mut daemon = kind.start(&Settings::with_cache(CacheKind::None));
        let image = Image::two_layers("both").unwrap();
        assert_eq!(daemon.raw().push_image("team/app", "1", &image).1.status, 201);
        daemon.stop();
        let (manifest, layer) = (&image.manifest, &image.layers[0]);
        fs::write(data_file(&daemon.root(), &manifest.digest), "").unwrap();
        let path = data_file(&daemon.root(), &layer.digest);
        fs::write(&path, &layer.bytes[..layer.bytes.len() / 2]).unwrap();
        daemon.restart();
        let mirror = Mirror::with(&[("team/app", "1", &image)]);
        Regfsck::on(&daemon).fix(&["--content", "--source", &mirror.source()]).healed();
        judge(&daemon, "team/app", "1", &image);
        assert_eq!(fs::read(&path).unwrap(), layer.bytes);
    }
}

/// What is bad in another way than before is not repaired.
#[test]
fn a_cut_layer_that_no_source_has_is_not_called_repaired() {
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::with_cache(CacheKind::None));
    let image = Image::two_layers("half").unwrap();
    assert_eq!(daemon.raw().push_image("team/app", "1", &image).1.status, 201);
    let (manifest, layer) = (&image.manifest, &image.layers[0]);
    let home = tempfile::tempdir().unwrap();
    let blobs = home.path().join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(home.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(home.path().join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
    fs::write(blobs.join(manifest.digest.hex()), &manifest.bytes).unwrap();
    fs::write(data_file(&daemon.root(), &manifest.digest), "").unwrap();
    fs::write(data_file(&daemon.root(), &layer.digest), &layer.bytes[..9]).unwrap();
    let source = format!("oci:{}", home.path().display());
    let ran = Regfsck::on(&daemon).fix(&["--content", "--source", &source]).expect(1);
    let told = ran.report().findings.iter().filter(|it| it.subject.digest == Some(layer.digest));
    assert!(told.clone().count() > 1 && told.clone().all(|it| it.state != State::Repaired), "{}", ran.table);
}

fn real() -> impl Iterator<Item = Kind> {
    Kind::all().into_iter().filter(|kind| matches!(kind, Kind::Real(_)))
}

fn restarted(regfsck: &Regfsck) -> PathBuf {
    regfsck.file("restarted.pid")
}

const NOT_NEEDED: &str = "not needed: the daemon announces the right sizes";

#[test]
fn after_the_replacement_the_daemon_is_restarted() {
    for kind in real() {
        let scene = Scene::new(&kind, &Settings::default()).taught();
        let regfsck = Regfsck::on(&scene.daemon);
        let restart = exec_restart(&scene.daemon, regfsck.state());
        let fixed = scene.fix(&regfsck, &["--restart", &restart]).healed();
        assert_eq!(fixed.steps(), [scene.upload(), format!("restart:{restart}")]);
        assert!(restarted(&regfsck).exists());
        assert_eq!(fixed.proof().introduced, Vec::<String>::new());
        assert_eq!(fixed.pulled(), ["team/app:1", "team/base:1"]);
        scene.is_well(&regfsck);
        end_restarted(regfsck.state());
    }
}

#[test]
fn a_daemon_that_remembers_nothing_wrong_is_not_restarted() {
    for kind in real() {
        // Nobody asked for the bad file.
        let cold = Scene::new(&kind, &Settings::default());
        let regfsck = Regfsck::on(&cold.daemon);
        let restart = exec_restart(&cold.daemon, regfsck.state());
        let fixed = cold.fix(&regfsck, &["--restart", &restart]).healed();
        assert_eq!(fixed.steps(), [cold.upload(), format!("restart:{restart}")]);
        assert_eq!(fixed.results()[1], ("done".to_owned(), NOT_NEEDED.to_owned()));
        assert!(!restarted(&regfsck).exists());
        cold.is_well(&regfsck);

        // It knew the file while that was whole: what it announces is right, and what is stored is not.
        let layer = Paths::new(&cold.daemon.root()).data(&cold.layer().digest);
        fs::write(&layer, &cold.layer().bytes[..100]).unwrap();
        let fixed = cold.fix(&regfsck, &["--probe", "all", "--restart", &restart]).healed();
        let mut codes: Vec<_> = fixed.findings().map(|found| found.code.as_str()).collect();
        codes.dedup();
        assert_eq!(codes, ["truncated-blob", "size-mismatch"]);
        assert_eq!(fixed.results()[1], ("done".to_owned(), NOT_NEEDED.to_owned()));
        assert!(!restarted(&regfsck).exists());
        cold.is_well(&regfsck);
    }
}

#[test]
fn without_a_restart_it_is_told_what_remains_and_what_helps() {
    for kind in Kind::all() {
        let mut scene = Scene::new(&kind, &Settings::default()).taught();
        let regfsck = Regfsck::on(&scene.daemon);
        let fixed = scene.fix(&regfsck, &[]).expect(1);
        assert_eq!(fixed.steps(), [scene.upload()], "{kind:?}");
        assert_eq!(fixed.results()[0].0, "done");
        let (bad, whole) = scene.halved();
        let digest = scene.layer().digest;
        let mismatch = REPOSITORIES.map(|name| format!("size-mismatch:{name}:{digest}"));
        let truncated = format!("truncated-blob:{}", scene.layer().digest);
        assert_eq!(
            (&fixed.proof().resolved[..], &fixed.proof().introduced[..]),
            (&[truncated][..], &mismatch[..])
        );
        let found = fixed.findings().find(|found| found.id == mismatch[0]).unwrap();
        let says = format!("the daemon says {bad} bytes, storage holds {whole}");
        assert_eq!((found.message.as_str(), found.state), (says.as_str(), State::Open));
        assert_eq!(
            serde_json::to_value(&found.remedies).unwrap(),
            serde_json::json!([{
                "action": "restart",
                "needs": "a way to restart the daemon (--restart)",
                "risk": "downtime"
            }])
        );
        assert_eq!(scene.announced(), [(bad, bad); 2]);
        // Nor does it help to do it again, until the daemon is restarted.
        scene.fix(&regfsck, &["--probe", "all"]).expect(1);
        scene.daemon.restart();
        scene.is_well(&regfsck);
    }
}

#[test]
fn in_redis_the_upload_puts_the_size_right() {
    for kind in real() {
        let Some(redis) = RedisServer::start() else { return };
        let cache = CacheKind::Redis(format!("127.0.0.1:{}", redis.port));
        let scene = Scene::new(&kind, &Settings::with_cache(cache));
        // What the daemon remembers is the size from before: as if it was asked after the damage.
        let key = format!("blobs::{}", scene.layer().digest);
        redis::cmd("HSET").arg(&key).arg("size").arg(scene.halved().0).exec(&mut redis.client(0)).unwrap();
        let scene = scene.taught();
        let regfsck = Regfsck::on(&scene.daemon);
        let restart = exec_restart(&scene.daemon, regfsck.state());
        let fixed = scene.fix(&regfsck, &["--restart", &restart]).healed();
        assert_eq!(fixed.steps(), [scene.upload()]);
        scene.is_well(&regfsck);
    }
}
