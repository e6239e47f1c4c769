//! Exactly the stale keys go; every other key stays byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use regfsck::domain::journal::{Content, DeletedKey, KeyContent};
use regfsck::domain::observed::Observed;
use regfsck::domain::views::cache::StaleKeys;
use regfsck::engine::ports::{Cache, CacheError, Silent};

use super::{differences, open, purge};
use crate::support::redis_server::{RedisCluster, RedisServer, cached, digest, dump, remember};

fn names(purged: &[DeletedKey]) -> BTreeSet<String> {
    purged.iter().map(|purged| purged.key.clone()).collect()
}

#[tokio::test]
async fn one_digest_in_three_forms_and_nothing_else() {
    let Some(server) = RedisServer::start() else { return };
    let mut connection = server.client(0);
    for n in 0..20 {
        remember(&mut connection, "team/app", &digest(n), 10);
    }
    remember(&mut connection, "other", &digest(7), 10);
    let before = dump(&mut connection);
    let cache = open(&server.url()).expect("a URL");
    let view = cache.collect(&Silent).await.expect("collect");
    let purged = purge(&cache, &view.keys_of(&digest(7))).await.expect("purge");
    let changed = differences(&before, &dump(&mut connection));
    let digest = digest(7);
    let expected = [
        format!("blobs::{digest}"),
        "repository::other::blobs".to_owned(),
        "repository::team/app::blobs".to_owned(),
        format!("repository::other::blobs::{digest}"),
        format!("repository::team/app::blobs::{digest}"),
    ];
    assert_eq!(changed, BTreeSet::from(expected));
    assert_eq!(names(&purged), changed);
    let fields = [
        ("digest", digest.to_string()),
        ("size", "10".into()),
        ("mediatype", "application/octet-stream".into()),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), Content::Text(value)));
    assert_eq!(purged[0].content, KeyContent::Hash(BTreeMap::from(fields)));
    assert_eq!(purged[1].content, KeyContent::Members(vec![digest.to_string()]));
    assert_eq!(purge(&cache, &view.keys_of(&digest)).await.expect("purge again"), []);
    assert_eq!(cache.purge(&purged).await.expect("delete again"), 0);
}

#[tokio::test]
async fn a_membership_leaves_the_entry() {
    let Some(server) = RedisServer::start() else { return };
    let mut connection = server.client(0);
    remember(&mut connection, "a", &digest(1), 10);
    remember(&mut connection, "b", &digest(1), 10);
    let cache = open(&server.url()).expect("a URL");
    let name = "a".parse().expect("a name");
    assert!(cache.membership(&name, &digest(1)).await.present().is_some());
    purge(&cache, &StaleKeys::membership(name.clone(), digest(1))).await.expect("purge");
    assert_eq!(cache.membership(&name, &digest(1)).await, Observed::Absent);
    let entry = cache.entry(&digest(1)).await;
    assert_eq!(entry.present().map(|entry| (entry.size, entry.complete)), Some((10, true)));
    assert_eq!(cache.entry(&digest(2)).await, Observed::Absent);
}

#[tokio::test]
async fn another_programs_key_is_left_alone_and_with_it_all_others() {
    let Some(server) = RedisServer::start() else { return };
    let mut connection = server.client(0);
    remember(&mut connection, "a", &digest(1), 10);
    let key = format!("repository::b::blobs::{}", digest(1));
    redis::cmd("SET").arg(&key).arg("x").query::<()>(&mut connection).expect("SET");
    let before = dump(&mut connection);
    let cache = open(&server.url()).expect("a URL");
    let stale = cache.collect(&Silent).await.expect("collect").keys_of(&digest(1));
    let error = purge(&cache, &stale).await.expect_err("another type");
    assert!(matches!(&error, CacheError::WrongType { key: found, .. } if *found == key), "{error}");
    assert_eq!(differences(&before, &dump(&mut connection)), BTreeSet::new());
}

#[tokio::test]
async fn in_a_cluster_each_key_on_its_node() {
    let Some(cluster) = RedisCluster::start() else { return };
    for n in 0..20 {
        for repository in ["a", "b/c", "d"] {
            for (key, command) in cached(repository, &digest(n), 10) {
                cluster.set(&key, &command);
            }
        }
    }
    let before = cluster.dump();
    let cache = open(&format!("redis+cluster://127.0.0.1:{}", cluster.servers[1].port)).expect("a URL");
    let view = cache.collect(&Silent).await.expect("collect");
    let purged = purge(&cache, &view.keys_of(&digest(3))).await.expect("purge");
    let changed = differences(&before, &cluster.dump());
    assert_eq!(names(&purged), changed);
    assert_eq!(changed.len(), 7);
    assert_eq!(cache.entry(&digest(3)).await, Observed::Absent);
    assert!(cache.entry(&digest(4)).await.present().is_some());
}
