//! The program against real Redis servers: what it names, what it deletes, and what it does when it cannot look.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::doctor::Diagnosis;
use regfsck::domain::finding::State;
use regfsck::domain::report::Verdict;

use super::differences;
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::program::free_port;
use crate::support::raw::{blob_path, manifest_path};
use crate::support::real_registry::{current, on_every_registry};
use crate::support::redis_server::{RedisServer, digest, dump, remember};
use crate::support::regfsck::{Ended, command};

/// The program with its state in `home`, its report as JSON.
pub(super) fn regfsck(home: &Path, arguments: &[&str]) -> Ended {
    command(arguments).args(["-o", "json"]).env("XDG_STATE_HOME", home).output().unwrap().into()
}

/// The digests of the open findings of a code.
pub(super) fn open(ended: &Ended, code: &str) -> BTreeSet<String> {
    let findings = ended.report().findings.into_iter();
    let of_code = findings.filter(|finding| finding.code.as_str() == code && finding.state == State::Open);
    of_code.filter_map(|finding| finding.subject.digest).map(|digest| digest.to_string()).collect()
}

/// A real registry on this Redis after the incident: pushed, deleted, collected, restarted.
pub(super) fn incident(redis: &RedisServer) -> Option<(Daemon, Image, Image)> {
    let cache = CacheKind::Redis(format!("127.0.0.1:{}", redis.port));
    let mut daemon = Kind::Real(current()?).start(&Settings::with_cache(cache));
    let raw = daemon.raw();
    let (lost, kept) = (Image::two_layers("lost").unwrap(), Image::two_layers("kept").unwrap());
    for (tag, image) in [("1", &lost), ("2", &kept)] {
        raw.push_image("team/app", tag, image);
        assert_eq!(raw.pull("team/app", tag, image), Ok(()));
    }
    let path = manifest_path("team/app", &lost.manifest.digest.to_string());
    assert_eq!(raw.delete(&path).status, 202);
    assert_eq!(daemon.garbage_collect(true, false).status, 0);
    daemon.restart();
    let layer = blob_path("team/app", &lost.layers[0].digest);
    assert_eq!(daemon.raw().head(&layer).status, 200, "a restart does not help");
    Some((daemon, lost, kept))
}

/// Whose keys are stale after [`incident`]: since 3.0 a DELETE takes those of the manifest.
pub(super) fn stale(image: &Image) -> BTreeSet<String> {
    let forgets = current().is_some_and(|program| program.flavour.is_3());
    let all = digests(image).into_iter();
    all.filter(|digest| !forgets || *digest != image.manifest.digest.to_string()).collect()
}

pub(super) fn digests(image: &Image) -> BTreeSet<String> {
    image.blobs().map(|blob| blob.digest).chain([image.manifest.digest]).map(|it| it.to_string()).collect()
}

#[test]
fn exactly_the_keys_that_the_check_names_go() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let Some((daemon, lost, kept)) = incident(&redis) else { return };
        let home = tempfile::tempdir().unwrap();
        let config = daemon.config_path();
        let config = config.to_str().unwrap();
        let before = dump(&mut redis.client(0));

        let named = regfsck(home.path(), &["check", "--config", config]);
        assert_eq!((named.status, open(&named, "stale-cache-entry")), (1, stale(&lost)), "{named:?}");
        let blobs: BTreeSet<String> = lost.blobs().map(|blob| blob.digest.to_string()).collect();
        assert_eq!(open(&named, "phantom-blob"), blobs, "and the daemon serves them");
        assert_eq!(named.report().target.cache, Some(format!("redis://127.0.0.1:{}/0", redis.port)));
        assert_eq!(named.report().coverage.cache.unwrap().entries, 4 + stale(&lost).len() as u64);
        assert_eq!(differences(&before, &dump(&mut redis.client(0))), BTreeSet::new());

        let fixed = regfsck(home.path(), &["check", "--config", config, "--fix", "--yes"]);
        assert_eq!((fixed.status, fixed.report().verdict), (0, Verdict::Coherent), "{fixed:?}");
        let gone = differences(&before, &dump(&mut redis.client(0)));
        let mut expected: BTreeSet<String> = stale(&lost).iter().map(|it| format!("blobs::{it}")).collect();
        expected.extend(blobs.iter().map(|it| format!("repository::team/app::blobs::{it}")));
        // The set lost members; the others in it are compared below.
        expected.insert("repository::team/app::blobs".into());
        assert_eq!(gone, expected);
        let members: BTreeSet<String> =
            redis::cmd("SMEMBERS").arg("repository::team/app::blobs").query(&mut redis.client(0)).unwrap();
        // Since 3.0 manifests are kept among the others; 3.0 leaves the one that was deleted, which harms nobody.
        let is_3 = daemon.flavour().is_3();
        let left = (daemon.flavour() == Flavour::V3_0).then_some(&lost.manifest);
        let kept = kept.blobs().chain(is_3.then_some(&kept.manifest)).chain(left);
        assert_eq!(members, kept.map(|blob| blob.digest.to_string()).collect());

        let raw = daemon.raw();
        raw.push_image("team/app", "1", &lost);
        assert_eq!(raw.pull("team/app", "1", &lost), Ok(()), "the next normal push heals");
        assert_eq!(regfsck(home.path(), &["check", "--config", config]).status, 0);
    });
}

#[test]
fn a_swallowed_push_is_known_from_redis_alone() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let Some((daemon, lost, _)) = incident(&redis) else { return };
        daemon.raw().push_image("team/app", "1", &lost);
        let home = tempfile::tempdir().unwrap();
        let config = daemon.config_path();
        let told = regfsck(home.path(), &["check", "--config", config.to_str().unwrap()]);
        // Where the DELETE took its keys, the push of the manifest was written.
        let believed = stale(&lost).contains(&lost.manifest.digest.to_string());
        let manifest = believed.then(|| lost.manifest.digest.to_string()).into_iter().collect();
        assert_eq!(open(&told, "phantom-manifest"), manifest, "without a probe: {told:?}");
        let limits = told.json()["coverage"]["limits"].to_string();
        assert!(!limits.contains("still believes"), "{limits}");
    });
}

/// A server that hangs up after so many bytes of answers.
fn cutting(port: u16, bytes: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || relay(&stream, port, bytes));
        }
    });
    own
}

fn relay(client: &TcpStream, port: u16, bytes: usize) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    let (mut left, mut buffer) = (bytes, vec![0; 4096]);
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        let length = length.min(left);
        if (&*client).write_all(&buffer[..length]).is_err() || length == left {
            break;
        }
        left -= length;
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn what_cannot_be_looked_at_is_status_3_and_nothing_is_deleted() {
    let Some(redis) = RedisServer::with(&["--requirepass", "open sesame"]) else { return };
    let daemon = Kind::Sandbox(regfsck::adapters::sandbox::Flavour::V2).start(&Settings::default());
    daemon.raw().push_image("team/app", "1", &Image::two_layers("image").unwrap());
    let mut connection = redis::Client::open(format!("redis://:open%20sesame@127.0.0.1:{}/1", redis.port))
        .unwrap()
        .get_connection()
        .unwrap();
    for n in 0..3000 {
        remember(&mut connection, "team/app", &digest(n), 10);
    }
    let before = dump(&mut connection);
    let home = tempfile::tempdir().unwrap();
    let (port, web) = (redis.port, daemon.url().rsplit_once(':').unwrap().1.to_owned());
    let cut = cutting(port, 150_000);
    for (what, url, why) in [
        ("down", format!("redis://127.0.0.1:{}/1", free_port()), "reach Redis"),
        ("no password", format!("redis://127.0.0.1:{port}/1"), "log in to Redis"),
        ("wrong password", format!("redis://:sesame@127.0.0.1:{port}/1"), "log in to Redis"),
        ("wrong database", format!("redis://:open%20sesame@127.0.0.1:{port}/0"), "is it the wrong one?"),
        ("no such database", format!("redis://:open%20sesame@127.0.0.1:{port}/99"), "use database 99"),
        ("not Redis", format!("redis://127.0.0.1:{web}"), "talk to Redis"),
        ("killed", format!("redis://:open%20sesame@127.0.0.1:{cut}/1"), "the connection was lost"),
    ] {
        let root = daemon.root();
        let arguments =
            ["check", "--storage", root.to_str().unwrap(), "--registry", &daemon.url(), "--redis", &url];
        for more in [&[][..], &["--fix", "--yes"]] {
            let told = regfsck(home.path(), &[&arguments[..], more].concat());
            let report = told.report();
            assert_eq!((told.status, report.verdict), (3, Verdict::Incomplete), "{what}");
            assert!(
                report.coverage.unknown.iter().any(|one| one.why.to_string().contains(why)),
                "{what}: {told:?}"
            );
            assert!(!format!("{told:?}").contains("sesame"), "{what} tells the password");
            assert_eq!(open(&told, "stale-cache-entry"), BTreeSet::new(), "{what}");
        }
    }
    assert_eq!(differences(&before, &dump(&mut connection)), BTreeSet::new());
}

#[test]
fn the_doctor_sees_a_redis_that_cannot_forget_and_is_shared() {
    let Some(redis) = RedisServer::with(&["--maxmemory", "50mb"]) else { return };
    let daemon = Kind::Sandbox(regfsck::adapters::sandbox::Flavour::V2).start(&Settings::default());
    for database in [0, 3] {
        remember(&mut redis.client(database), "team/app", &digest(1), 10);
    }
    let home = tempfile::tempdir().unwrap();
    let url = redis.url();
    let config = daemon.config_path();
    let told = regfsck(
        home.path(),
        &["doctor", "--config", config.to_str().unwrap(), "--redis", &url, "--registry-version", "2.8.3"],
    );
    let diagnosis: Diagnosis = told.read();
    let codes: BTreeSet<&str> = diagnosis.hints.iter().map(|hint| hint.code.as_str()).collect();
    assert_eq!(told.status, 1, "{told:?}");
    for code in ["redis-eviction", "shared-redis", "cache-with-gc", "fault-gc-breaks-indexes"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
}
