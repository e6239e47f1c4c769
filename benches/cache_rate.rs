//! How fast and in how much memory a cache of a million keys is read and judged, beside `redis-cli --scan` in
//! the same run.
//!
//! ```text
//! cargo bench --bench cache_rate
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and prints what it saw"
)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regfsck::adapters::cache::RedisCache;
use regfsck::domain::digest::Digest;
use regfsck::domain::rules::cache::check;
use regfsck::domain::views::cache::CacheView;
use regfsck::domain::views::storage::{
    Links, Repository, StorageView, StoredBlob, StoredManifests, Target, Traces,
};
use regfsck::engine::ports::{Cache, Silent};
use sha2::Digest as _;

const REPOSITORIES: usize = 1000;
const BLOBS: usize = 400_000;
/// With an entry a blob, a set a repository and a hash a pair this makes a million keys.
const PAIRS: usize = 599;
const STALE: usize = 10;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn digest(n: usize) -> Digest {
    Digest::sha256(sha2::Sha256::digest(n.to_string().as_bytes()).into())
}

/// The blobs of a repository: neighbours share some.
fn blobs_of(repository: usize) -> impl Iterator<Item = Digest> {
    (0..PAIRS).map(move |n| digest((repository * (BLOBS / REPOSITORIES) + n) % BLOBS))
}

fn name(repository: usize) -> String {
    format!("team-{}/app-{repository}", repository % 50)
}

fn fill(port: u16) {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
    let mut connection = client.get_connection().expect("connect");
    let kind = "application/octet-stream";
    for n in (0..BLOBS).step_by(1000) {
        let mut pipeline = redis::pipe();
        for digest in (n..n + 1000).map(|n| digest(n).to_string()) {
            let key = format!("blobs::{digest}");
            pipeline
                .cmd("HSET")
                .arg(key)
                .arg("digest")
                .arg(digest)
                .arg("size")
                .arg(1234)
                .arg("mediatype")
                .arg(kind);
        }
        pipeline.exec(&mut connection).expect("fill");
    }
    for repository in 0..REPOSITORIES {
        let mut pipeline = redis::pipe();
        let set = format!("repository::{}::blobs", name(repository));
        for digest in blobs_of(repository).map(|digest| digest.to_string()) {
            pipeline.cmd("SADD").arg(&set).arg(&digest);
            pipeline.cmd("HSET").arg(format!("{set}::{digest}")).arg("mediatype").arg(kind);
        }
        pipeline.exec(&mut connection).expect("fill");
    }
}

fn storage() -> StorageView {
    let mut blobs: Vec<_> =
        (STALE..BLOBS).map(|n| StoredBlob { digest: digest(n), size: 1234, modified: 0 }).collect();
    blobs.sort_unstable_by_key(|blob| blob.digest);
    let links = |repository| blobs_of(repository).map(|digest| (digest, Target::Same)).collect();
    let mut repositories: Vec<_> = (0..REPOSITORIES)
        .map(|number| Repository {
            name: name(number).parse().expect("a name"),
            layers: links(number),
            revisions: Links::default(),
            tags: Vec::new(),
            has_layers: true,
            has_manifests: true,
            has_tags: true,
            traces: Traces::default(),
        })
        .collect();
    repositories.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    StorageView {
        changed: None,
        root: "/r".into(),
        collected: Timestamp::UNIX_EPOCH,
        blobs,
        repositories,
        manifests: StoredManifests::new(),
        uploads: Vec::new(),
        stray: Vec::new(),
        closed: Vec::new(),
        unknown: Vec::new(),
    }
}

/// The peak resident size since the last reset, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1000
}

fn redis_cli(port: u16) -> Duration {
    let began = Instant::now();
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string(), "--scan"]).stdout(Stdio::null());
    assert!(command.status().expect("run redis-cli").success(), "redis-cli --scan");
    began.elapsed()
}

async fn ours(port: u16) -> (CacheView, Duration) {
    let began = Instant::now();
    let settings = format!("redis://127.0.0.1:{port}").parse().expect("a URL");
    let cache = RedisCache::at(settings).expect("settings");
    let view = cache.collect(&Silent).await.expect("collect");
    (view, began.elapsed())
}

/// What a snapshot of that storage costs.
fn keep(path: &std::path::Path, stored: &StorageView) {
    let began = Instant::now();
    let size = regfsck::adapters::snapshot::write(path, stored).expect("write a snapshot");
    let (wrote, began) = (began.elapsed(), Instant::now());
    let view = regfsck::adapters::snapshot::read(path).expect("read it back");
    println!(
        "snapshot of {} blobs and {} repositories: {size} bytes; written in {wrote:.2?}, read in {:.2?}",
        view.blobs.len(),
        view.repositories.len(),
        began.elapsed()
    );
}

#[tokio::main]
async fn main() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("it").port();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .arg("--dir")
        .arg(folder.path());
    let _server = Server(command.stdout(Stdio::null()).spawn().expect("start redis-server"));
    std::thread::sleep(Duration::from_millis(500));
    fill(port);
    for round in 0..3 {
        // The first round is that of a fresh process; later ones reuse what the allocator kept.
        std::fs::write("/proc/self/clear_refs", "5").expect("reset the peak");
        let cli = redis_cli(port);
        let (view, took) = ours(port).await;
        let keys = view.coverage().keys;
        let ratio = cli.as_secs_f64() / took.as_secs_f64();
        println!(
            "round {round}: {keys} keys; redis-cli --scan {cli:.2?}; regfsck {took:.2?}; ratio {ratio:.2}; peak {} MB",
            peak()
        );
        if round == 0 {
            let stored = storage();
            let began = Instant::now();
            let verdict = check(Some(&stored), &view, true);
            let took = began.elapsed();
            println!(
                "{} stale of {STALE}; judged in {took:.2?}; peak with storage's view {} MB",
                verdict.accusations.len(),
                peak()
            );
            keep(&folder.path().join("snapshot"), &stored);
        }
    }
}
