//! The program and a Redis that lets not everybody in: TLS, users, sentinels.

use super::differences;
use super::program::{incident, open, regfsck, stale};
use crate::support::daemon::Daemon;
use crate::support::real_registry::on_every_registry;
use crate::support::redis_server::{RedisServer, Sentinel, dump, make_certificates};

/// Check, purge, and check again; each by this URL.
fn purged(redis: &RedisServer, url: &str, more: &[&str]) -> Option<Daemon> {
    let (daemon, lost, _) = incident(redis)?;
    let home = tempfile::tempdir().unwrap();
    let told = |command: &[&str]| regfsck(home.path(), &[command, &sides(&daemon, url), more].concat());
    let before = dump(&mut redis.client(0));
    let checked = told(&["check"]);
    let found = (checked.status, open(&checked, "stale-cache-entry"));
    assert_eq!(found, (1, stale(&lost)), "{checked:?}");
    assert_eq!(differences(&before, &dump(&mut redis.client(0))), std::collections::BTreeSet::new());
    let fixed = told(&["purge", "--yes"]);
    assert_eq!(fixed.status, 0, "{fixed:?}");
    let gone = differences(&before, &dump(&mut redis.client(0)));
    for digest in stale(&lost) {
        assert!(gone.contains(&format!("blobs::{digest}")), "{gone:?}");
    }
    let again = told(&["check"]);
    assert_eq!(again.status, 0, "{again:?}");
    for told in [checked, fixed, again] {
        assert!(!format!("{told:?}").contains("s3cret"), "{told:?}");
    }
    Some(daemon)
}

fn sides<'a>(daemon: &Daemon, url: &'a str) -> [&'a str; 6] {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let (root, registry) = (leak(daemon.root().display().to_string()), leak(daemon.url()));
    ["--storage", root, "--registry", registry, "--redis", url]
}

#[test]
fn a_user_over_tls_with_a_certificate_purges_exactly_what_is_stale() {
    on_every_registry(|| {
        let folder = tempfile::tempdir().unwrap();
        let Some(()) = make_certificates(folder.path()) else { return };
        let Some((redis, port)) = RedisServer::with_tls(folder.path(), "server", "yes") else { return };
        let [ca, certificate, key] =
            ["ca.pem", "server.pem", "server.key"].map(|name| folder.path().join(name).display().to_string());
        let mut user = redis::cmd("ACL");
        user.arg("SETUSER").arg("fsck").arg("on").arg(">s3cret").arg("~*").arg("+@all").arg("-@dangerous");
        user.query::<()>(&mut redis.client(0)).unwrap();
        let url = format!("rediss://fsck:s3cret@127.0.0.1:{port}");
        let trust = ["--redis-ca-file", &ca, "--redis-cert-file", &certificate, "--redis-key-file", &key];
        let Some(daemon) = purged(&redis, &url, &trust) else { return };
        // Without what the server wants it cannot be looked at, and the cure is said.
        let home = tempfile::tempdir().unwrap();
        let mut said = Vec::new();
        for (what, url, more) in [
            ("no CA", url.clone(), &[][..]),
            ("no certificate of ours", url.clone(), &trust[..2]),
            ("a wrong password", url.replace("s3cret", "secret"), &trust),
            ("TLS to the plain port", url.replace(&port.to_string(), &redis.port.to_string()), &trust),
            ("plain to the TLS port", url.replace("rediss", "redis"), &[]),
            ("any certificate", url.clone(), &["--redis-insecure"]),
        ] {
            let told = regfsck(home.path(), &[&["check"][..], &sides(&daemon, &url), more].concat());
            // What nobody could tell without Redis, such as what the daemon believes, follows.
            let unknown = told.report().coverage.unknown;
            let why = unknown.first().map(|unlooked| unlooked.why.to_string()).unwrap_or_default();
            let why = why.replace(&port.to_string(), "PORT").replace(&redis.port.to_string(), "PLAIN");
            said.push(format!("{what}: status {:?}: {why}", told.status));
        }
        insta::assert_snapshot!(
            "a_user_over_tls_with_a_certificate_purges_exactly_what_is_stale",
            said.join("\n")
        );
    });
}

#[test]
fn the_master_that_sentinels_name_is_purged() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let Some(sentinel) = Sentinel::watching(&redis, "requirepass s3cret") else { return };
        let url = format!("redis+sentinel://127.0.0.1:{}/main/0?sentinel_password=s3cret", sentinel.port);
        purged(&redis, &url, &[]);
    });
}
