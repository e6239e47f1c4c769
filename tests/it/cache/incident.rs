//! The incident with a real registry: garbage collection under a running daemon whose cache is in Redis.

use std::collections::BTreeSet;

use regfsck::domain::code::{Code, Severity};
use regfsck::domain::digest::Digest;
use regfsck::domain::rules::cache::{CacheVerdict, check};
use regfsck::engine::ports::{Cache, Silent};
use reqwest::StatusCode;

use super::{differences, open, purge};
use crate::support::redis_registry::{Pushed, RedisRegistry};
use crate::support::redis_server::{RedisServer, dump};

const REPOSITORIES: [&str; 2] = ["team/app", "other"];

fn accused(verdict: &CacheVerdict) -> BTreeSet<Digest> {
    for accusation in &verdict.accusations {
        let finding = &accusation.finding;
        assert_eq!((finding.code, finding.severity), (Code::StaleCacheEntry, Severity::Error), "{finding:?}");
    }
    verdict.accusations.iter().filter_map(|accusation| accusation.finding.subject.digest).collect()
}

#[tokio::test]
async fn exactly_the_stale_keys_go_and_the_next_push_heals() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(mut registry) = RedisRegistry::start(&redis, 1) else { return };
    let (lost, kept) = (Pushed::named("lost"), Pushed::named("kept"));
    registry.push("team/app", "1", &lost).await;
    registry.push("other", "1", &lost).await;
    registry.push("team/app", "2", &kept).await;
    let cache = open(&format!("{}/1", redis.url())).await.expect("connect");
    let healthy = cache.collect(&Silent).await.expect("collect");
    let verdict = check(Some(&registry.storage(&REPOSITORIES)), &healthy, true);
    assert_eq!((accused(&verdict), verdict.refusal), (BTreeSet::new(), None));
    assert_eq!((healthy.foreign.count, healthy.entries.len()), (0, 6));

    let [layer, config, manifest] = lost.digests();
    for repository in REPOSITORIES {
        registry.delete(repository, &manifest).await;
    }
    registry.collect_garbage();
    registry.restart();
    assert_eq!(registry.head("team/app", &layer).await, StatusCode::OK, "a phantom that survives a restart");

    let mut connection = redis.client(1);
    let before = dump(&mut connection);
    let view = cache.collect(&Silent).await.expect("collect");
    let verdict = check(Some(&registry.storage(&REPOSITORIES)), &view, true);
    assert_eq!(accused(&verdict), BTreeSet::from([layer, config, manifest]));
    for accusation in &verdict.accusations {
        purge(&cache, &accusation.purge).await.expect("purge");
    }
    assert_eq!(differences(&before, &dump(&mut connection)), expected(&lost));
    assert_eq!(registry.head("team/app", &layer).await, StatusCode::NOT_FOUND);

    registry.push("team/app", "1", &lost).await;
    assert_eq!(registry.get_manifest("team/app", "1").await, StatusCode::OK);
    let view = cache.collect(&Silent).await.expect("collect");
    assert_eq!(accused(&check(Some(&registry.storage(&REPOSITORIES)), &view, true)), BTreeSet::new());
    assert!(kept.digests().iter().all(|digest| view.entry(digest).is_some()));
}

/// All keys of the image's digests; the set of `other` holds nothing else and goes with them.
fn expected(lost: &Pushed) -> BTreeSet<String> {
    let [layer, config, manifest] = lost.digests();
    let mut keys: BTreeSet<String> =
        [layer, config, manifest].map(|digest| format!("blobs::{digest}")).into();
    for repository in REPOSITORIES {
        keys.insert(format!("repository::{repository}::blobs"));
        keys.extend([layer, config].map(|digest| format!("repository::{repository}::blobs::{digest}")));
    }
    keys
}

#[tokio::test]
async fn deleted_access_comes_back_through_a_member_left_behind() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(registry) = RedisRegistry::start(&redis, 0) else { return };
    let image = Pushed::named("shared");
    for repository in REPOSITORIES {
        registry.push(repository, "1", &image).await;
    }
    let [layer, ..] = image.digests();
    registry.delete_blob("team/app", &layer).await;
    assert_eq!(registry.head("team/app", &layer).await, StatusCode::NOT_FOUND);
    assert_eq!(registry.head("other", &layer).await, StatusCode::OK);
    assert_eq!(registry.head("team/app", &layer).await, StatusCode::OK, "deleted, and served again");

    let cache = open(&redis.url()).await.expect("connect");
    let view = cache.collect(&Silent).await.expect("collect");
    let verdict = check(Some(&registry.storage(&REPOSITORIES)), &view, true);
    let told: Vec<_> =
        verdict.accusations.iter().map(|it| (it.finding.severity, it.finding.subject.digest)).collect();
    assert_eq!(told, [(Severity::Warning, Some(layer))]);
    purge(&cache, &verdict.accusations[0].purge).await.expect("purge");
    assert_eq!(registry.head("team/app", &layer).await, StatusCode::NOT_FOUND);
    assert_eq!(registry.head("other", &layer).await, StatusCode::OK);
}
