//! A Redis that is not this registry's alone: other programs' keys, other databases, a second registry.

use redis::Commands as _;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::finding::Finding;

use super::program::{open, regfsck};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::real_registry::{current, on_every_registry};
use crate::support::redis_server::{RedisServer, dump};

/// A registry with its cache in that database, and an image in `team/app`.
fn registry(redis: &RedisServer, database: u32, image: &Image) -> Option<Daemon> {
    let cache = CacheKind::Redis(format!("127.0.0.1:{}/{database}", redis.port));
    let daemon = Kind::Real(current()?).start(&Settings::with_cache(cache));
    let raw = daemon.raw();
    assert_eq!(raw.push_image("team/app", "1", image).1.status, 201);
    assert_eq!(raw.pull("team/app", "1", image), Ok(()));
    Some(daemon)
}

/// Keys of other programs, some of which look like a registry's.
fn clutter(redis: &RedisServer) {
    let mut connection = redis.client(0);
    let digest = format!("sha256:{}", "a".repeat(64));
    let other = format!("myapp:blobs::{digest}");
    for key in ["session:1", "blobs::", "blobs::sha256:short", "repository::", &other] {
        let () = connection.set(key, "other").unwrap();
    }
    let () = connection.set(format!("blobs::{digest}"), "a text").unwrap();
    let () = connection.sadd("repository::other/app::blobs", "no digest").unwrap();
    let () = connection.hset("blobs::index", "size", "many").unwrap();
}

#[test]
fn other_programs_and_registries_in_other_databases_are_nothing_to_a_registry() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let (ours, theirs) = (Image::two_layers("ours").unwrap(), Image::two_layers("theirs").unwrap());
        let Some(daemon) = registry(&redis, 0, &ours) else { return };
        let Some(_other) = registry(&redis, 1, &theirs) else { return };
        clutter(&redis);
        let home = tempfile::tempdir().unwrap();
        let (config, before) = (daemon.config_path(), dump(&mut redis.client(0)));
        let config = config.to_str().unwrap();
        let checked = regfsck(home.path(), &["check", "--config", config]);
        assert_eq!((checked.status, checked.report().findings), (0, vec![]), "{}", checked.stdout);
        let purged = regfsck(home.path(), &["purge", "--config", config, "--yes"]);
        assert_eq!(purged.status, 0, "{purged:?}");
        assert_eq!(dump(&mut redis.client(0)), before);
    });
}

#[test]
fn keys_of_a_registry_with_the_same_repositories_are_told_for_what_they_may_be() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let (ours, theirs) = (Image::two_layers("ours").unwrap(), Image::two_layers("theirs").unwrap());
        let Some(daemon) = registry(&redis, 0, &ours) else { return };
        let Some(other) = registry(&redis, 0, &theirs) else { return };
        let home = tempfile::tempdir().unwrap();
        let config = daemon.config_path();
        let config = config.to_str().unwrap();
        let checked = regfsck(home.path(), &["check", "--config", config]);
        let accused = open(&checked, "stale-cache-entry");
        // Each of them is a false claim of this daemon: it skips a push of it.
        assert!(theirs.blobs().all(|blob| accused.contains(&blob.digest.to_string())), "{}", checked.stdout);
        assert!(ours.blobs().all(|blob| !accused.contains(&blob.digest.to_string())), "{}", checked.stdout);
        let findings = checked.report().findings;
        let tells = |blob: &Blob| {
            let about = |finding: &&Finding| finding.subject.digest == Some(blob.digest);
            findings.iter().filter(about).any(|finding| finding.message.contains("another registry"))
        };
        assert!(theirs.blobs().all(tells), "{}", checked.stdout);
        // A purge makes it truthful, and takes nothing from the other.
        let purged = regfsck(home.path(), &["purge", "--config", config, "--yes"]);
        assert_eq!(purged.status, 0, "{purged:?}");
        let pushed = daemon.raw().push_image("team/app", "2", &theirs);
        assert_eq!(pushed.1.status, 201);
        let (here, there) = (daemon.raw(), other.raw());
        assert_eq!(
            (here.pull("team/app", "1", &ours), here.pull("team/app", "2", &theirs)),
            (Ok(()), Ok(()))
        );
        assert_eq!(there.pull("team/app", "1", &theirs), Ok(()));
    });
}
