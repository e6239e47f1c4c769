//! The incident with a real registry: garbage collection under a running daemon whose cache is in Redis.

use std::collections::BTreeSet;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::domain::code::{Code, Severity};
use regfsck::domain::digest::Digest;
use regfsck::domain::rules::cache::{CacheVerdict, check};
use regfsck::domain::views::storage::StorageView;
use regfsck::engine::ports::{Cache, Everything, Silent, Storage as _};

use super::{differences, open, purge};
use crate::support::raw::{Raw, blob_path, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::redis_server::{RedisServer, dump};
use crate::support::settings::{CacheKind, Settings};

const REPOSITORIES: [&str; 2] = ["team/app", "other"];

fn accused(verdict: &CacheVerdict) -> BTreeSet<Digest> {
    // What only is a member still, as 3.0 leaves a manifest, is a warning.
    let stale = verdict.accusations.iter().filter(|it| it.finding.severity == Severity::Error);
    let stale = stale.map(|accusation| &accusation.finding);
    stale
        .inspect(|finding| assert_eq!(finding.code, Code::StaleCacheEntry, "{finding:?}"))
        .filter_map(|finding| finding.subject.digest)
        .collect()
}

/// A registry whose cache is this database of Redis.
fn start(redis: &RedisServer, database: u32) -> Option<RealRegistry> {
    let cache = CacheKind::Redis(format!("127.0.0.1:{}/{database}", redis.port));
    RealRegistry::start(&Settings::with_cache(cache))
}

/// A push as clients do it, and a pull of the manifest, which makes a 2.x daemon remember it.
fn push(raw: &Raw, repository: &str, tag: &str, image: &Image) {
    assert_eq!(raw.push_image(repository, tag, image).1.status, 201);
    raw.get(&manifest_path(repository, tag));
}

/// What storage holds now.
fn stored(registry: &RealRegistry) -> StorageView {
    FilesystemStorage::open(registry.root()).unwrap().collect(&Everything, &Silent).unwrap()
}

fn digests(image: &Image) -> BTreeSet<Digest> {
    image.blobs().chain([&image.manifest]).map(|blob| blob.digest).collect()
}

#[test]
fn exactly_the_stale_keys_go_and_the_next_push_heals() {
    on_every_registry_async(|| async {
        let Some(redis) = RedisServer::start() else { return };
        let Some(mut registry) = start(&redis, 1) else { return };
        let raw = Raw::new(&registry.url());
        let (lost, kept) = (Image::two_layers("lost").unwrap(), Image::two_layers("kept").unwrap());
        push(&raw, "team/app", "1", &lost);
        push(&raw, "other", "1", &lost);
        push(&raw, "team/app", "2", &kept);
        let cache = open(&format!("{}/1", redis.url())).expect("a URL");
        let healthy = cache.collect(&Silent).await.expect("collect");
        let verdict = check(Some(&stored(&registry)), &healthy, true);
        assert_eq!((accused(&verdict), verdict.refusal), (BTreeSet::new(), None));
        assert_eq!((healthy.foreign.count, healthy.entries.len()), (0, 8));
        // Since 3.0 a DELETE takes the keys of the manifest.
        let is_3 = registry.flavour().is_3();
        let stale: BTreeSet<Digest> =
            digests(&lost).into_iter().filter(|digest| !is_3 || *digest != lost.manifest.digest).collect();

        for repository in REPOSITORIES {
            let path = manifest_path(repository, &lost.manifest.digest.to_string());
            assert_eq!(raw.delete(&path).status, 202);
        }
        assert_eq!(registry.garbage_collect(true, false).status, 0);
        registry.restart();
        let layer = blob_path("team/app", &lost.layers[0].digest);
        assert_eq!(raw.head(&layer).status, 200, "a phantom that survives a restart");

        let mut connection = redis.client(1);
        let before = dump(&mut connection);
        let view = cache.collect(&Silent).await.expect("collect");
        let verdict = check(Some(&stored(&registry)), &view, true);
        assert_eq!(accused(&verdict), stale);
        for accusation in &verdict.accusations {
            purge(&cache, &accusation.purge).await.expect("purge");
        }
        assert_eq!(differences(&before, &dump(&mut connection)), expected(&lost, &stale));
        assert_eq!(raw.head(&layer).status, 404);

        push(&raw, "team/app", "1", &lost);
        assert_eq!(raw.pull("team/app", "1", &lost), Ok(()));
        let view = cache.collect(&Silent).await.expect("collect");
        assert_eq!(accused(&check(Some(&stored(&registry)), &view, true)), BTreeSet::new());
        assert!(digests(&kept).iter().all(|digest| view.entry(digest).is_some()));
    });
}

/// All keys of the image's digests; the set of `other` holds nothing else and goes with them.
fn expected(lost: &Image, stale: &BTreeSet<Digest>) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = stale.iter().map(|digest| format!("blobs::{digest}")).collect();
    for repository in REPOSITORIES {
        keys.insert(format!("repository::{repository}::blobs"));
        keys.extend(lost.blobs().map(|blob| format!("repository::{repository}::blobs::{}", blob.digest)));
    }
    keys
}

#[test]
fn deleted_access_comes_back_through_a_member_left_behind() {
    on_every_registry_async(|| async {
        let Some(redis) = RedisServer::start() else { return };
        let Some(registry) = start(&redis, 0) else { return };
        let (raw, image) = (Raw::new(&registry.url()), Image::two_layers("shared").unwrap());
        for repository in REPOSITORIES {
            push(&raw, repository, "1", &image);
        }
        let layer = image.layers[0].digest;
        let head = |repository| raw.head(&blob_path(repository, &layer)).status;
        assert_eq!(raw.delete(&blob_path("team/app", &layer)).status, 202);
        assert_eq!(head("team/app"), 404);
        assert_eq!(head("other"), 200);
        // Since 3.1 the member goes with the rest.
        if matches!(registry.flavour(), Flavour::V3 | Flavour::Head) {
            assert_eq!(head("team/app"), 404);
            return;
        }
        assert_eq!(head("team/app"), 200, "deleted, and served again");

        let cache = open(&redis.url()).expect("a URL");
        let view = cache.collect(&Silent).await.expect("collect");
        let verdict = check(Some(&stored(&registry)), &view, true);
        let told: Vec<_> =
            verdict.accusations.iter().map(|it| (it.finding.severity, it.finding.subject.digest)).collect();
        assert_eq!(told, [(Severity::Warning, Some(layer))]);
        purge(&cache, &verdict.accusations[0].purge).await.expect("purge");
        assert_eq!(head("team/app"), 404);
        assert_eq!(head("other"), 200);
    });
}
