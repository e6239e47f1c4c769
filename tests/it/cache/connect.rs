//! Every way in.

use std::path::PathBuf;

use regfsck::adapters::cache::{RedisCache, RedisSettings, RedisTls};
use regfsck::domain::report::CacheCoverage;
use regfsck::domain::views::cache::CacheView;
use regfsck::engine::ports::{Cache, CacheError, Silent};

use super::{collect, open};
use crate::support::redis_server::{
    RedisCluster, RedisServer, Sentinel, cached, digest, make_certificates, remember,
};

/// Two blobs in two repositories, and a key of somebody else's.
fn fill(server: &RedisServer, database: u32) {
    let mut connection = server.client(database);
    for n in 0..2 {
        remember(&mut connection, "team/app", &digest(n), 10);
        remember(&mut connection, "other", &digest(n), 10);
    }
    redis::cmd("SET").arg("session:1").arg("x").query::<()>(&mut connection).expect("SET");
}

fn assert_filled(view: &CacheView) {
    assert_eq!(view.coverage(), CacheCoverage { keys: 9, entries: 2, members: 4 });
    assert_eq!(view.foreign.examples, ["session:1"]);
    assert_eq!(view.unknown, []);
    assert!(view.entries.iter().all(|entry| entry.complete && entry.size == 10));
    assert!(view.pairs.iter().all(|pair| pair.member && pair.hash));
}

#[tokio::test]
async fn a_server_without_password() {
    let Some(server) = RedisServer::start() else { return };
    fill(&server, 0);
    assert_filled(&collect(&server.url()).await.expect("collect"));
}

#[tokio::test]
async fn a_password_and_another_database() {
    let Some(server) = RedisServer::with(&["--requirepass", "s3cret"]) else { return };
    fill(&server, 3);
    let cache = open(&format!("{}/3", server.url())).expect("a URL");
    assert_eq!(cache.location(), format!("redis://127.0.0.1:{}/3", server.port));
    assert_filled(&cache.collect(&Silent).await.expect("collect"));
}

#[tokio::test]
async fn a_user_of_the_access_list() {
    let Some(server) = RedisServer::start() else { return };
    fill(&server, 0);
    let mut connection = server.client(0);
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("fsck").arg("on").arg(">pa:ss/w@rd").arg("~*");
    command.arg(&["+ping", "+scan", "+sscan", "+hmget", "+type", "+select"]);
    command.query::<()>(&mut connection).expect("ACL SETUSER");
    let url = format!("redis://fsck:pa%3Ass%2Fw%40rd@127.0.0.1:{}", server.port);
    assert_filled(&collect(&url).await.expect("collect"));
}

#[tokio::test]
async fn a_unix_socket() {
    let Some(server) = RedisServer::with(&["--unixsocket", "{dir}/redis.sock"]) else { return };
    fill(&server, 2);
    let url = format!("redis+unix://{}?db=2", server.path("redis.sock").display());
    assert_filled(&collect(&url).await.expect("collect"));
}

async fn collect_securely(port: u16, tls: RedisTls) -> Result<CacheView, CacheError> {
    let mut settings: RedisSettings = format!("rediss://127.0.0.1:{port}").parse()?;
    settings.tls = Some(tls);
    RedisCache::at(settings)?.collect(&Silent).await
}

fn trusting(ca: PathBuf) -> RedisTls {
    RedisTls { ca: Some(ca), ..RedisTls::default() }
}

#[tokio::test]
async fn tls_with_a_private_ca_and_a_client_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let Some(()) = make_certificates(folder.path()) else { return };
    let Some((server, port)) = RedisServer::with_tls(folder.path(), "server", "yes") else { return };
    fill(&server, 0);
    let mut tls = trusting(file("ca.pem"));
    tls.certificate = Some(file("server.pem"));
    tls.key = Some(file("server.key"));
    assert_filled(&collect_securely(port, tls).await.expect("collect"));
    assert!(collect_securely(port, trusting(file("ca.pem"))).await.is_err(), "without a client certificate");
}

#[tokio::test]
async fn tls_with_the_servers_own_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let Some(()) = make_certificates(folder.path()) else { return };
    let Some((server, port)) = RedisServer::with_tls(folder.path(), "own", "no") else { return };
    fill(&server, 0);
    assert_filled(&collect_securely(port, trusting(file("own.pem"))).await.expect("collect"));
    let insecure = RedisTls { insecure: true, ..RedisTls::default() };
    assert_filled(&collect_securely(port, insecure).await.expect("collect"));
    let error = collect_securely(port, trusting(file("ca.pem"))).await.expect_err("another CA");
    assert!(matches!(error, CacheError::Tls { .. }), "{error}");
    let error = collect_securely(port, RedisTls::default()).await.expect_err("the system's CAs");
    assert!(matches!(error, CacheError::Tls { .. }), "{error}");
    let error = collect(&format!("redis://127.0.0.1:{port}")).await.expect_err("TLS spoken to in plain");
    assert!(matches!(error, CacheError::NotRedis { .. }), "{error}");
    let error = collect_securely(server.port, RedisTls::default()).await.expect_err("plain spoken to in TLS");
    assert!(matches!(error, CacheError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn the_master_that_sentinels_name() {
    let Some(server) = RedisServer::with(&["--requirepass", "s3cret"]) else { return };
    fill(&server, 1);
    let more = "sentinel auth-pass main s3cret\nrequirepass other";
    let Some(sentinel) = Sentinel::watching(&server, more) else { return };
    let port = sentinel.port;
    let url = |master: &str| {
        format!("redis+sentinel://:s3cret@127.0.0.1:1,127.0.0.1:{port}/{master}/1?sentinel_password=other")
    };
    assert_filled(&collect(&url("main")).await.expect("collect"));
    let error = collect(&url("nobody")).await.expect_err("no such master");
    assert!(matches!(error, CacheError::NoMaster { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn every_master_of_a_cluster() {
    let Some(cluster) = RedisCluster::start() else { return };
    for n in 0..30 {
        for (key, command) in cached("team/app", &digest(n), 10) {
            cluster.set(&key, &command);
        }
    }
    let ports: Vec<_> = cluster.servers.iter().map(|server| server.port).collect();
    // One address is enough, and is recognised even where the URL says nothing of a cluster.
    for url in [
        format!("redis+cluster://127.0.0.1:1,127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1]),
        format!("redis://127.0.0.1:{}", ports[2]),
    ] {
        let view = collect(&url).await.expect("collect");
        assert_eq!(view.coverage(), CacheCoverage { keys: 61, entries: 30, members: 30 });
    }
}

#[tokio::test]
async fn what_the_server_says_of_itself() {
    let Some(server) = RedisServer::with(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"])
    else {
        return;
    };
    fill(&server, 0);
    fill(&server, 4);
    let mut third = server.client(7);
    redis::cmd("SET").arg("x").arg("y").query::<()>(&mut third).expect("SET");
    let info = open(&server.url()).expect("a URL").info().await.expect("info");
    assert_eq!(info.eviction.as_deref(), Some("allkeys-lru"));
    assert_eq!((info.role.as_deref(), info.mode.as_deref()), (Some("master"), Some("standalone")));
    assert_eq!(info.maxmemory, Some(64 << 20));
    assert!(info.version.is_some());
    let registries: Vec<_> = info.databases.iter().map(|it| (it.number, it.registry)).collect();
    assert_eq!(registries, [(0, true), (4, true), (7, false)]);
}

#[tokio::test]
async fn a_set_of_many_members_is_read_to_its_end() {
    let Some(server) = RedisServer::start() else { return };
    let mut pipeline = redis::pipe();
    for n in 0..5000 {
        pipeline.cmd("SADD").arg("repository::big::blobs").arg(digest(n).to_string());
    }
    pipeline.query::<redis::Value>(&mut server.client(0)).expect("fill");
    let view = collect(&server.url()).await.expect("collect");
    assert_eq!(view.coverage(), CacheCoverage { keys: 1, entries: 0, members: 5000 });
}

#[tokio::test]
async fn keys_of_the_registrys_form_that_are_something_else() {
    let Some(server) = RedisServer::start() else { return };
    let mut connection = server.client(0);
    for key in [format!("blobs::{}", digest(1)), "repository::a::blobs".into(), "repository::A::blobs".into()]
    {
        redis::cmd("SET").arg(key).arg("x").query::<()>(&mut connection).expect("SET");
    }
    let view = collect(&server.url()).await.expect("collect");
    assert_eq!(view.coverage(), CacheCoverage { keys: 3, entries: 0, members: 0 });
    assert_eq!(view.foreign.count, 3);
}
