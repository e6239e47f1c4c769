//! The incident with the registry's own drivers of buckets: found, healed without a restart, purged, guarded; and damage.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Code;
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::ROOT;
use rstest::rstest;
use tempfile::TempDir;

use super::Kind;
use crate::support::azurite::SIGNED;
use crate::support::fake_gcs::FakeGcs;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, current, on_every_registry, programs};
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::{Ended, command};
use crate::support::settings::{CacheKind, Settings};
use crate::support::store::{Store, data_key};
use crate::support::tree::layer_link;

const REPOSITORY: &str = "team/app";
/// Its own for each test, as the lock of a registry is for all of this machine: Google's emulators have no names of their own.
static ROOT_DIRECTORY: LazyLock<String> = LazyLock::new(|| format!("reg-{}", std::process::id()));

/// A registry on a bucket, with a healthy image in it.
struct OnBucket {
    store: Box<dyn Store>,
    registry: RealRegistry,
    home: TempDir,
}

impl OnBucket {
    /// One that was looked at before its daemon started: a bucket keeps no trace of what went before.
    fn start(kind: Kind, cache: CacheKind, has_redirect: bool) -> Option<Self> {
        let mut on_bucket = Self::young(kind, cache, has_redirect)?;
        on_bucket.look_and_restart();
        Some(on_bucket)
    }

    /// One that nobody has looked at.
    fn young(kind: Kind, cache: CacheKind, has_redirect: bool) -> Option<Self> {
        if kind != Kind::S3 && current()?.flavour == Flavour::V2 {
            say_what_is_needed(kind);
            return None;
        }
        let store: Box<dyn Store> =
            if kind == Kind::Gcs { Box::new(FakeGcs::as_google()?) } else { kind.start()? };
        let driver = Some(store.driver(&ROOT_DIRECTORY, has_redirect));
        let environment = store.environment();
        let registry = RealRegistry::start(&Settings { driver, environment, ..Settings::with_cache(cache) })?;
        let on_bucket = Self { store, registry, home: tempfile::tempdir().unwrap() };
        let healthy = Image::two_layers("healthy").unwrap();
        assert_eq!(on_bucket.raw().push_image("a/healthy", "1", &healthy).1.status, 201);
        Some(on_bucket)
    }

    fn look_and_restart(&mut self) {
        let looked = self.regfsck("check", &[]);
        assert!(matches!(looked.status, 0 | 3), "{looked:?}");
        // A start counts where it is later by a second.
        sleep(Duration::from_millis(1500));
        self.registry.restart();
    }

    /// Delete the image's manifest, and collect garbage.
    fn collect(&self, image: &Image) {
        let path = manifest_path(REPOSITORY, &image.manifest.digest.to_string());
        assert_eq!(self.raw().delete(&path).status, 202);
        let collected = self.registry.garbage_collect(true, false);
        assert_eq!(collected.status, 0, "{collected:?}");
    }

    fn raw(&self) -> Raw {
        Raw::new(&self.registry.url())
    }

    /// Run the program with its configuration.
    fn regfsck(&self, command_name: &str, more: &[&str]) -> Ended {
        let config = self.registry.config_path();
        let arguments =
            [&[command_name, "--config", config.to_str().unwrap(), "-o", "json"][..], more].concat();
        let mut run = command(arguments);
        run.envs(self.store.environment()).env("XDG_STATE_HOME", self.home.path()).output().unwrap().into()
    }

    /// What pulls, redirects followed as clients do.
    fn pulls(&self, tag: &str, image: &Image) -> bool {
        let manifest = self.raw().get(&manifest_path(REPOSITORY, tag));
        manifest.status == 200
            && manifest.body == image.manifest.bytes
            && image.blobs().all(|blob| self.bytes(&blob.digest).is_some_and(|bytes| bytes == blob.bytes))
    }

    fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        let answer = self.raw().get(&crate::support::raw::blob_path(REPOSITORY, digest));
        match answer.status {
            200 => Some(answer.body).filter(|_| !answer.cut),
            307 => self.store.follow(answer.header("location")?),
            _ => None,
        }
    }

    /// Push as a client that takes a redirect for "it is there".
    fn push(&self, tag: &str, image: &Image) {
        let raw = self.raw();
        for blob in image.blobs() {
            if !matches!(
                raw.head(&crate::support::raw::blob_path(REPOSITORY, &blob.digest)).status,
                200 | 307
            ) {
                assert_eq!(raw.upload(REPOSITORY, blob), 201);
            }
        }
        assert_eq!(raw.put_manifest(REPOSITORY, tag, &image.manifest, &image.media_type).status, 201);
    }

    /// Push, pull, delete, collect garbage, push again: nothing is stored of it, and all of it claimed.
    fn incident(&self) -> Image {
        let image = Image::two_layers("lost").unwrap();
        self.push("1", &image);
        assert!(self.pulls("1", &image));
        self.collect(&image);
        self.push("1", &image);
        assert!(!self.pulls("1", &image), "the push was swallowed");
        image
    }
}

/// The Azure driver of 2.x cannot push to Azurite, and that of Google is not in every program of 2.x.
fn say_what_is_needed(kind: Kind) {
    if programs().iter().all(|program| program.flavour == Flavour::V2) {
        eprintln!("skipped: a test of {kind:?} needs a registry 3.x; name one in REGFSCK_TEST_REGISTRY");
    }
}

/// A layout of the image, for `--source`.
fn source(folder: &Path, image: &Image) -> String {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for blob in image.blobs().chain([&image.manifest]) {
        std::fs::write(blobs.join(blob.digest.hex()), &blob.bytes).unwrap();
    }
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "mediaType": image.media_type, "digest": image.manifest.digest.to_string(), "size": image.manifest.bytes.len(),
        "annotations": {"org.opencontainers.image.ref.name": "1"}}]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    format!("oci:{}", folder.display())
}

fn codes(ended: &Ended) -> BTreeSet<String> {
    ended.report().findings.iter().map(|finding| finding.code.to_string()).collect()
}

/// Each cache, with redirects and without.
const ALL: &[(bool, bool)] = &[(false, false), (false, true), (true, false), (true, true)];
/// Each cache once.
const SOME: &[(bool, bool)] = &[(false, true), (true, false)];

/// Where the cache is in Redis or not, and where there are redirects or not. The Azure driver redirects to https alone, which
/// Azurite does not speak here; and Google's names are here behind a proxy, which is not asked on behalf of a registry on this
/// machine itself.
fn on_each(kind: Kind, cases: &[(bool, bool)], test: impl Fn(&OnBucket, bool)) {
    on_every_registry(|| {
        for &(is_redis, has_redirect) in cases {
            let has_redirect = has_redirect && kind == Kind::S3;
            let redis = is_redis.then(RedisServer::start);
            let cache = match &redis {
                Some(Some(redis)) => CacheKind::Redis(format!("127.0.0.1:{}", redis.port)),
                Some(None) => continue,
                None => CacheKind::InMemory,
            };
            let Some(on_bucket) = OnBucket::start(kind, cache, has_redirect) else { return };
            test(&on_bucket, has_redirect);
        }
    });
}

#[rstest]
fn the_incident_is_found_and_healed_without_a_restart(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    on_each(kind, ALL, |on, has_redirect| {
        let healthy = on.regfsck("check", &[]);
        assert_eq!((healthy.status, codes(&healthy).len()), (0, 0), "{healthy:?}");
        let image = on.incident();
        let found = on.regfsck("check", &[]);
        assert_eq!(found.status, 1, "redirect {has_redirect}: {found:?}");
        assert!(codes(&found).contains("phantom-blob"), "redirect {has_redirect}: {:?}", codes(&found));
        assert!(!found.stdout.contains("Signature="), "a signed URL shows");
        let folder = tempfile::tempdir().unwrap();
        let fixed = on.regfsck("check", &["--fix", "--yes", "--source", &source(folder.path(), &image)]);
        assert_eq!(fixed.status, 0, "redirect {has_redirect}: {fixed:?}");
        assert!(on.pulls("1", &image), "redirect {has_redirect}");
        let after = on.regfsck("check", &[]);
        assert_eq!((after.status, codes(&after).len()), (0, 0), "{after:?}");
    });
}

#[rstest]
fn the_incident_is_purged_and_the_next_push_lands(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    on_each(kind, SOME, |on, has_redirect| {
        let image = on.incident();
        let purged = on.regfsck("purge", &["--yes"]);
        assert!(matches!(purged.status, 0 | 1 | 3), "redirect {has_redirect}: {purged:?}");
        assert!(!codes_left(&purged).contains("phantom-blob"), "redirect {has_redirect}: {purged:?}");
        on.push("1", &image);
        let blobs = image.blobs().all(|blob| on.bytes(&blob.digest).is_some());
        assert!(blobs, "redirect {has_redirect}: the layers land");
    });
}

#[rstest]
fn what_was_collected_before_any_look_is_not_called_coherent(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    on_every_registry(|| {
        let Some(mut on) = OnBucket::young(kind, CacheKind::InMemory, false) else { return };
        let image = Image::two_layers("gone").unwrap();
        on.push("1", &image);
        on.collect(&image);
        let first = on.regfsck("check", &[]);
        assert_eq!(first.status, 3, "the daemon swallows the next push: {first:?}");
        on.look_and_restart();
        let known = on.regfsck("check", &[]);
        assert_eq!(known.status, 0, "{known:?}");
        on.push("1", &image);
        assert!(on.pulls("1", &image));
        // And what goes from now on is known by its name.
        assert_eq!(on.regfsck("check", &[]).status, 0);
        on.collect(&image);
        let gone = on.regfsck("check", &[]);
        assert_ne!(gone.status, 0, "{gone:?}");
    });
}

/// The codes of what is still open.
fn codes_left(ended: &Ended) -> BTreeSet<String> {
    let open = ended.json()["findings"].as_array().cloned().unwrap_or_default();
    let open = open.iter().filter(|finding| finding["state"] == "open");
    open.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect()
}

#[rstest]
fn garbage_collection_under_guard_leaves_no_phantom(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    on_each(kind, SOME, |on, has_redirect| {
        let (kept, gone) = (Image::two_layers("kept").unwrap(), Image::two_layers("gone").unwrap());
        for (tag, image) in [("kept", &kept), ("gone", &gone)] {
            on.push(tag, image);
            assert!(on.pulls(tag, image));
        }
        let path = manifest_path(REPOSITORY, &gone.manifest.digest.to_string());
        assert_eq!(on.raw().delete(&path).status, 202);
        let config = on.registry.config_path();
        let program = on.registry.program.path.to_str().unwrap().to_owned();
        let collect = ["--yes", "--", &program, "garbage-collect", "-m", config.to_str().unwrap()];
        let guarded = on.regfsck("guard", &collect);
        assert_eq!(guarded.status, 0, "redirect {has_redirect}: {guarded:?}");
        assert!(
            on.store.get(&data_key(&ROOT_DIRECTORY, &gone.layers[0].digest)).is_none(),
            "it was collected"
        );
        let later = on.regfsck("check", &[]);
        assert_eq!(later.status, 0, "redirect {has_redirect}: {later:?}");
        on.push("gone", &gone);
        assert!(on.pulls("gone", &gone) && on.pulls("kept", &kept), "redirect {has_redirect}");
    });
}

/// What is done to a layer or a link, what is found, and whether the cache has to be cold for it.
type Damage = (&'static str, fn(&OnBucket, &Image), Code);

const DAMAGES: [Damage; 6] = [
    (
        "lost",
        |on, image| on.store.delete(&data_key(&ROOT_DIRECTORY, &image.layers[0].digest)),
        Code::MissingBlob,
    ),
    (
        "short",
        |on, image| on.store.put(&data_key(&ROOT_DIRECTORY, &image.layers[0].digest), b"short"),
        Code::TruncatedBlob,
    ),
    (
        "empty",
        |on, image| on.store.put(&data_key(&ROOT_DIRECTORY, &image.layers[0].digest), b""),
        Code::EmptyBlob,
    ),
    ("flipped", flip, Code::CorruptBlob),
    ("wrong link", wrong_link, Code::InvalidLink),
    ("blocked key", blocked, Code::MissingBlob),
];

fn flip(on: &OnBucket, image: &Image) {
    let mut bytes = image.layers[0].bytes.clone();
    bytes[10] ^= 1;
    on.store.put(&data_key(&ROOT_DIRECTORY, &image.layers[0].digest), &bytes);
}

fn wrong_link(on: &OnBucket, image: &Image) {
    let link = format!("{}/{ROOT}/{}", *ROOT_DIRECTORY, layer_link(REPOSITORY, &image.layers[0].digest));
    on.store.put(&link, image.layers[1].digest.to_string().as_bytes());
}

fn blocked(on: &OnBucket, image: &Image) {
    let key = data_key(&ROOT_DIRECTORY, &image.layers[0].digest);
    on.store.put(&format!("{key}.bad"), b"kept aside by hand");
    on.store.delete(&key);
}

#[rstest]
fn damage_is_found_and_healed(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    on_every_registry(|| {
        for (name, damage, code) in DAMAGES {
            let has_redirect = kind == Kind::S3;
            let Some(on) = OnBucket::start(kind, CacheKind::InMemory, has_redirect) else { return };
            let image = Image::two_layers(name).unwrap();
            on.push("1", &image);
            damage(&on, &image);
            let content = if name == "flipped" { &["--content"][..] } else { &[] };
            let found = on.regfsck("check", content);
            assert_eq!(found.status, 1, "{name}: {found:?}");
            assert!(codes(&found).contains(&code.to_string()), "{name}: {:?}", codes(&found));
            let folder = tempfile::tempdir().unwrap();
            let source = source(folder.path(), &image);
            let fixed = on.regfsck("check", &[&["--fix", "--yes", "--source", &source], content].concat());
            assert_eq!(fixed.status, 0, "{name}: {fixed:?}");
            assert!(on.pulls("1", &image), "{name}");
            assert_eq!(on.regfsck("check", content).status, 0, "{name}");
        }
    });
}

#[rstest]
fn what_was_moved_aside_comes_back_with_undo(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    on_every_registry(|| {
        let Some(on) = OnBucket::start(kind, CacheKind::None, false) else { return };
        let image = Image::two_layers("undone").unwrap();
        on.push("1", &image);
        let key = data_key(&ROOT_DIRECTORY, &image.layers[0].digest);
        on.store.put(&key, b"short");
        let folder = tempfile::tempdir().unwrap();
        let fixed = on.regfsck("check", &["--fix", "--yes", "--source", &source(folder.path(), &image)]);
        assert_eq!(fixed.status, 0, "{fixed:?}");
        assert_eq!(on.store.get(&key), Some(image.layers[0].bytes.clone()));
        let config = on.registry.config_path();
        let mut undo = command(["undo", "--yes", "--config", config.to_str().unwrap()]);
        let undone: Ended =
            undo.envs(on.store.environment()).env("XDG_STATE_HOME", on.home.path()).output().unwrap().into();
        assert_eq!(undone.status, 0, "{undone:?}");
        assert_eq!(on.store.get(&key), Some(b"short".to_vec()));
    });
}

#[test]
fn a_signature_alone_moves_what_is_bad_aside() {
    on_every_registry(|| {
        let Some(on) = OnBucket::start(Kind::Azure, CacheKind::None, false) else { return };
        let image = Image::two_layers("signed").unwrap();
        on.push("1", &image);
        let key = data_key(&ROOT_DIRECTORY, &image.layers[0].digest);
        on.store.put(&key, b"short");
        let (folder, storage) = (tempfile::tempdir().unwrap(), on.store.storage(&ROOT_DIRECTORY));
        let (source, url) = (source(folder.path(), &image), on.registry.url());
        let words =
            ["check", "--storage", &storage, "--registry", &url, "--fix", "--yes", "--source", &source];
        let mut fix = command(words);
        fix.env("AZURE_STORAGE_SAS_TOKEN", SIGNED).env("XDG_STATE_HOME", on.home.path());
        let fixed = Ended::from(fix.output().unwrap());
        assert!(matches!(fixed.status, 0 | 3), "{fixed:?}");
        assert_eq!(on.store.get(&key), Some(image.layers[0].bytes.clone()));
        assert!(!format!("{fixed:?}").contains("sig="), "a signature shows");
    });
}
