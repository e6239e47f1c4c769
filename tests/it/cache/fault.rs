//! Everything that can be wrong with a Redis: said clearly, and nothing deleted.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use regfsck::adapters::cache::{RedisCache, RedisSettings};
use regfsck::domain::views::cache::StaleKeys;
use regfsck::engine::ports::{Cache, CacheError, Event, Events, Silent};

use super::{collect, open, purge};
use crate::support::program::{free_port, until};
use crate::support::redis_server::{RedisCluster, RedisServer, digest, dump, remember};

/// A server that answers every connection with this and closes it.
fn stub(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(answer);
        }
    });
    port
}

#[tokio::test]
async fn nobody_listens() {
    let error = collect(&format!("redis://127.0.0.1:{}", free_port())).await.expect_err("down");
    assert!(matches!(error, CacheError::Unreachable { .. }), "{error}");
    let error = collect("redis+unix:///nowhere/redis.sock").await.expect_err("down");
    assert!(matches!(error, CacheError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn not_redis_at_all() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".as_slice(),
        b"220 mail ready\r\n",
        b"+OK POP3 ready\r\n",
        b"",
        b"\x15\x03\x01\x00\x02\x02\x0a",
    ] {
        let error = collect(&format!("redis://127.0.0.1:{}", stub(answer))).await.expect_err("not Redis");
        assert!(matches!(error, CacheError::NotRedis { .. }), "{error}");
    }
}

#[tokio::test]
async fn garbage_after_a_good_start() {
    let port = stub(b"+PONG\r\nGARBAGE\r\n");
    let error = collect(&format!("redis://:x@127.0.0.1:{port}")).await.expect_err("garbage");
    assert!(matches!(error, CacheError::NotRedis { .. } | CacheError::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    let mut settings: RedisSettings = format!("redis://127.0.0.1:{port}").parse().expect("a URL");
    settings.response_timeout = Duration::from_millis(300);
    let began = Instant::now();
    let error = RedisCache::at(settings).expect("settings").collect(&Silent).await.expect_err("silent");
    assert!(matches!(error, CacheError::NotRedis { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// What a server says to SCAN whose first bytes this writes; the rest is OK.
fn scanned(says: impl Fn(&mut std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let answered = match &*asked {
                    _ if asked.contains("PING") => stream.write_all(b"+PONG\r\n"),
                    _ if asked.contains("SCAN") => says(&mut stream),
                    _ => stream.write_all(b"+OK\r\n"),
                };
                if answered.is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[tokio::test]
async fn keys_that_come_to_no_end() {
    let port = scanned(|stream| stream.write_all(b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\nk\r\n"));
    let error = collect(&format!("redis://127.0.0.1:{port}")).await.expect_err("no end");
    let CacheError::Failed { why, .. } = error else { panic!("{error}") };
    assert_eq!(why, "its keys come to no end: 11112 in 11112 pages");
}

#[tokio::test]
async fn an_answer_that_comes_to_no_end() {
    let port = scanned(|stream| {
        stream.write_all(b"+")?;
        loop {
            stream.write_all(&[b'x'; 1 << 14])?;
        }
    });
    let error = collect(&format!("redis://127.0.0.1:{port}")).await.expect_err("no end");
    assert!(matches!(error, CacheError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_stops_answering() {
    let Some(server) = RedisServer::start() else { return };
    let mut settings: RedisSettings = server.url().parse().expect("a URL");
    settings.response_timeout = Duration::from_millis(300);
    let cache = RedisCache::at(settings).expect("settings");
    cache.collect(&Silent).await.expect("connect");
    let mut pause = redis::cmd("CLIENT");
    pause.arg("PAUSE").arg(3000).query::<()>(&mut server.client(0)).expect("CLIENT PAUSE");
    let error = cache.collect(&Silent).await.expect_err("paused");
    assert!(matches!(error, CacheError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn the_wrong_password_or_none() {
    let Some(server) = RedisServer::with(&["--requirepass", "s3cret"]) else { return };
    for url in [
        format!("redis://127.0.0.1:{}", server.port),
        format!("redis://:wr0ng@127.0.0.1:{}", server.port),
        format!("redis://nobody:wr0ng@127.0.0.1:{}", server.port),
    ] {
        let error = collect(&url).await.expect_err("not let in");
        assert!(matches!(error, CacheError::Unauthenticated { .. }), "{error}");
        assert!(!error.to_string().contains("wr0ng"), "{error}");
    }
}

#[tokio::test]
async fn a_password_where_none_is_set() {
    let Some(server) = RedisServer::start() else { return };
    let error =
        collect(&format!("redis://:s3cret@127.0.0.1:{}", server.port)).await.expect_err("no password");
    assert!(matches!(error, CacheError::Unauthenticated { .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_does_not_exist() {
    let Some(server) = RedisServer::with(&["--databases", "4"]) else { return };
    let error = collect(&format!("{}/9", server.url())).await.expect_err("no such database");
    assert!(matches!(error, CacheError::NoSuchDatabase { database: 9, .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_is_not_the_registrys() {
    let Some(server) = RedisServer::start() else { return };
    remember(&mut server.client(2), "a", &digest(1), 10);
    let view = collect(&format!("{}/5", server.url())).await.expect("collect");
    let whys: Vec<_> = view.unknown.iter().map(|unlooked| unlooked.why.to_string()).collect();
    assert_eq!(whys, ["database 5 holds no keys of a registry, but database 2 does: is it the wrong one?"]);
}

/// Kills the server after the first page.
struct Killer(Mutex<RedisServer>);

impl Events for Killer {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Advanced(_)) {
            self.0.lock().expect("the lock").kill();
        }
    }
}

#[tokio::test]
async fn killed_in_mid_scan() {
    let Some(server) = RedisServer::start() else { return };
    let mut pipeline = redis::pipe();
    for n in 0..20_000 {
        pipeline.cmd("HSET").arg(format!("blobs::{}", digest(n))).arg("size").arg(1);
    }
    pipeline.query::<redis::Value>(&mut server.client(0)).expect("fill");
    let cache = open(&server.url()).expect("a URL");
    let error = cache.collect(&Killer(Mutex::new(server))).await.expect_err("killed");
    assert!(matches!(error, CacheError::Interrupted { keys, .. } if keys > 0), "{error}");
    let error = cache.collect(&Silent).await.expect_err("gone");
    assert!(matches!(error, CacheError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let Some(server) = RedisServer::start() else { return };
    remember(&mut server.client(0), "a", &digest(1), 10);
    let cache = open(&server.url()).expect("a URL");
    cache.collect(&Silent).await.expect("connect");
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("normal").query::<i64>(&mut server.client(0)).expect("CLIENT KILL");
    assert!(cache.collect(&Silent).await.is_err());
    assert_eq!(cache.collect(&Silent).await.expect("collect").entries.len(), 1);
}

#[tokio::test]
async fn a_connection_that_was_dropped_while_idle_is_opened_again() {
    let Some(server) = RedisServer::start() else { return };
    remember(&mut server.client(0), "a", &digest(1), 10);
    let mut settings: RedisSettings = server.url().parse().expect("a URL");
    settings.idle = Duration::ZERO;
    let cache = RedisCache::at(settings).expect("settings");
    cache.collect(&Silent).await.expect("connect");
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("normal").query::<i64>(&mut server.client(0)).expect("CLIENT KILL");
    assert!(cache.entry(&digest(1)).await.present().is_some());
}

#[tokio::test]
async fn a_replica_takes_no_purge() {
    let (Some(master), Some(replica)) = (RedisServer::start(), RedisServer::start()) else { return };
    remember(&mut master.client(0), "a", &digest(1), 10);
    let mut follow = redis::cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(master.port).query::<()>(&mut replica.client(0)).expect("REPLICAOF");
    until("the replica follows", || dump(&mut replica.client(0)).len() == 3);
    let cache = open(&replica.url()).expect("a URL");
    let stale = cache.collect(&Silent).await.expect("collect").keys_of(&digest(1));
    let error = purge(&cache, &stale).await.expect_err("a replica");
    assert!(matches!(error, CacheError::ReadOnly { .. }), "{error}");
    assert_eq!(dump(&mut replica.client(0)).len(), 3);
}

#[tokio::test]
async fn a_user_who_may_only_read_takes_no_purge() {
    let Some(server) = RedisServer::start() else { return };
    let mut connection = server.client(0);
    remember(&mut connection, "a", &digest(1), 10);
    let mut command = redis::cmd("ACL");
    command
        .arg("SETUSER")
        .arg("reader")
        .arg("on")
        .arg(">x")
        .arg("~*")
        .arg("+@read")
        .arg("+ping")
        .arg("+multi")
        .arg("+exec");
    command.query::<()>(&mut connection).expect("ACL SETUSER");
    let before = dump(&mut connection);
    let cache = open(&format!("redis://reader:x@127.0.0.1:{}", server.port)).expect("a URL");
    let stale =
        StaleKeys { digest: digest(1), entry: true, repositories: vec!["a".parse().expect("a name")] };
    let error = purge(&cache, &stale).await.expect_err("not allowed");
    assert!(matches!(error, CacheError::Forbidden { .. }), "{error}");
    assert_eq!(dump(&mut connection), before);
}

#[tokio::test]
async fn a_cluster_without_one_of_its_masters_is_no_view() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let cache = open(&format!("redis+cluster://127.0.0.1:{}", cluster.servers[0].port)).expect("a URL");
    cache.collect(&Silent).await.expect("connect");
    cluster.servers[2].kill();
    let error = cache.collect(&Silent).await.expect_err("a master is gone");
    assert!(matches!(error, CacheError::Interrupted { .. }), "{error}");
    let error = cache.collect(&Silent).await.expect_err("it is still gone");
    assert!(matches!(error, CacheError::Unreachable { .. }), "{error}");
    let stale = StaleKeys { digest: digest(1), entry: true, repositories: Vec::new() };
    assert!(purge(&cache, &stale).await.is_err());
}

#[tokio::test]
async fn a_cluster_that_serves_not_all_slots_is_no_view() {
    let Some(server) =
        RedisServer::with(&["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()])
    else {
        return;
    };
    let error = collect(&server.url()).await.expect_err("no slots");
    assert!(matches!(error, CacheError::Unreachable { .. }), "{error}");
}
