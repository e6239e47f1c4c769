//! A check that is split among machines, and its parts joined: the report of one run, byte for byte but for times.

use std::path::Path;

use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::domain::views::storage::StorageView;
use regfsck::engine::ports::{Everything, Silent, Storage as _};
use serde_json::Value;

use crate::support::plant::{Content, Recipe, plant};
use crate::support::redis_server::{RedisServer, digest, remember};
use crate::support::regfsck::run;
use crate::support::tree::lose;

const SHARDS: usize = 4;

/// A registry with every kind of damage that the planter knows, and a blob with the wrong bytes.
pub(crate) fn damaged(root: &Path) {
    let content = Content::True(100);
    plant(root, &Recipe { blobs: 400, repositories: 9, layers: 3, seed: 7, damage: 8, content }).unwrap();
    let shards = root.join("docker/registry/v2/blobs/sha256");
    for shard in ["00", "3c", "7e", "b1", "ff"] {
        let mut blobs: Vec<_> =
            shards.join(shard).read_dir().unwrap().map(|blob| blob.unwrap().path()).collect();
        blobs.sort();
        let Some(blob) = blobs.first() else { continue };
        let data = blob.join("data");
        let size = data.metadata().unwrap().len();
        std::fs::write(data, "x".repeat(usize::try_from(size).unwrap())).unwrap();
    }
}

/// Run regfsck; its status and what it wrote.
pub(crate) fn regfsck(arguments: &[&str]) -> (i32, String) {
    let ended = run(arguments);
    assert!(matches!(ended.status, 0..=4), "{}", ended.stderr);
    (ended.status, if ended.stdout.is_empty() { ended.stderr } else { ended.stdout })
}

/// The report without what differs from run to run: times, how many requests it took, and what was typed.
pub(crate) fn timeless(text: &str) -> String {
    fn blank(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match name.as_str() {
                        "started" | "finished" | "at" | "requests" | "flags" => *value = Value::Null,
                        _ => blank(value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(blank),
            _ => {}
        }
    }
    let mut report: Value = serde_json::from_str(text).unwrap();
    blank(&mut report);
    serde_json::to_string_pretty(&report).unwrap()
}

/// Compare one run with as many as there are shards, joined.
fn assert_same(target: &[&str]) {
    let files = tempfile::tempdir().unwrap();
    // What one run remembers is no other's: each keeps its state where nothing is yet.
    let state = |name: &str| files.path().join(name).display().to_string();
    let kept = state("whole");
    let whole = [&["check", "-o", "json", "--state-dir", &kept], target].concat();
    let (status, whole) = regfsck(&whole);
    let paths: Vec<_> = (0..SHARDS)
        .map(|index| {
            let path = files.path().join(format!("{index}.json")).display().to_string();
            let shard = format!("{index}/{SHARDS}");
            let kept = state(&format!("state-{index}"));
            let file = format!("json={path}");
            let words = ["check", "--shard", &shard, "-o", &file, "--state-dir", &kept];
            regfsck(&[&words[..], target].concat());
            path
        })
        .collect();
    // In no particular order.
    let paths: Vec<_> = paths.iter().rev().map(String::as_str).collect();
    let (merged_status, merged) = regfsck(&[&["merge", "-o", "json"], paths.as_slice()].concat());
    assert_eq!((merged_status, timeless(&merged)), (status, timeless(&whole)));
    let report: Value = serde_json::from_str(&whole).unwrap();
    let codes: Vec<_> = report["summary"].as_object().unwrap().keys().cloned().collect();
    assert!(codes.len() >= 5, "a test that compares little: {codes:?}");
    let (status, refusal) = regfsck(&[&["merge"], paths.get(1..).unwrap()].concat());
    assert_eq!(status, 2);
    assert!(refusal.contains("the reports of these shards are missing: 3/4"), "{refusal}");
}

#[test]
fn shards_of_storage_make_up_the_whole() {
    let root = tempfile::tempdir().unwrap();
    damaged(root.path());
    let path = root.path().display().to_string();
    assert_same(&["--storage", &path, "--content"]);
}

#[test]
fn shards_of_storage_and_daemon_make_up_the_whole() {
    for flavour in [Flavour::V2, Flavour::V3] {
        let root = tempfile::tempdir().unwrap();
        damaged(root.path());
        let sandbox = Sandbox::start(Options::new(root.path().to_owned(), flavour)).unwrap();
        let (path, url) = (root.path().display().to_string(), sandbox.url());
        assert_same(&["--storage", &path, "--registry", &url, "--probe", "all"]);
        assert_same(&["--storage", &path, "--registry", &url, "--probe-manifests"]);
    }
}

fn view(root: &Path) -> StorageView {
    FilesystemStorage::open(root).unwrap().collect(&Everything, &Silent).unwrap()
}

#[test]
fn shards_of_storage_and_redis_make_up_the_whole() {
    let Some(redis) = RedisServer::start() else { return };
    let root = tempfile::tempdir().unwrap();
    damaged(root.path());
    let view = view(root.path());
    let mut client = redis.client(0);
    for repository in &view.repositories {
        for (n, link) in repository.layers.iter().enumerate() {
            // The first of each repository is remembered with another size than it has.
            let size = view.blob(&link.digest).map_or(100, |blob| blob.size) + u64::from(n == 0);
            remember(&mut client, repository.name.as_str(), &link.digest, size);
        }
    }
    for n in 0..8 {
        remember(&mut client, "team0/app0", &digest(n), 100);
    }
    let path = root.path().display().to_string();
    assert_same(&["--storage", &path, "--redis", &redis.url()]);
}

#[test]
fn shards_of_replicas_make_up_the_whole() {
    let root = tempfile::tempdir().unwrap();
    damaged(root.path());
    let start = || Sandbox::start(Options::new(root.path().to_owned(), Flavour::V2)).unwrap();
    let (path, stale) = (root.path().display().to_string(), start());
    // It is asked about everything while that is there, and remembers it.
    regfsck(&["check", "--storage", &path, "--registry", &stale.url(), "--probe", "all"]);
    let view = view(root.path());
    let stored = |digest: &_| view.blob(digest).is_some();
    for repository in &view.repositories {
        if let Some(link) = repository.layers.iter().find(|link| stored(&link.digest))
            && crate::support::tree::data_file(root.path(), &link.digest).exists()
        {
            lose(root.path(), &link.digest);
        }
    }
    let fresh = start();
    let replicas = ["--registry", &fresh.url(), "--replica", &stale.url()];
    assert_same(&[&["--storage", &path], &replicas[..]].concat());
}

#[test]
fn a_shard_without_storage_is_refused() {
    let (status, errors) = regfsck(&["check", "--registry", "http://127.0.0.1:1", "--shard", "0/2"]);
    assert_eq!(status, 2);
    assert!(errors.contains("--shard needs storage"), "{errors}");
}
