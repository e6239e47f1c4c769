//! Checks over the API alone: what is found, what it costs, and what weather does to it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Access, Fault, Flavour, Options, Sandbox};
use regfsck::domain::report::Verdict;
use tempfile::TempDir;

use crate::support::missing;
use crate::support::raw::{Raw, blob_path};
use crate::support::real_registry::{RealRegistry, on_every_registry, on_every_registry_async};
use crate::support::regfsck::{command, end, run};
use crate::support::settings::Settings;
use crate::support::token_server::{Rules, TokenServer};
use crate::support::tree::{data_file, lose, plant};

const REPOSITORIES: usize = 200;
/// With the config these make 25 blobs a repository: 5,000 in all.
const LAYERS: usize = 24;

#[test]
fn a_large_registry_is_read_once_and_exactly_what_is_wrong_is_found() {
    on_every_registry(|| {
        let dir = TempDir::new().unwrap();
        let root = dir.path().to_owned();
        let images: Vec<Image> = (0..REPOSITORIES)
            .map(|at| {
                let image = Image::build(&format!("r{at}"), &[40; LAYERS]).unwrap();
                plant(&root, &format!("team/r{at}"), "1", &image);
                image
            })
            .collect();
        let Some(daemon) = RealRegistry::start(&Settings::sharing(&root)) else {
            return;
        };
        let raw = Raw::new(&daemon.url());
        let mut wanted = BTreeSet::new();
        for at in 0..7 {
            let digest = images[at * 20].layers[at].digest;
            let name = format!("team/r{}", at * 20);
            assert_eq!(raw.head(&blob_path(&name, &digest)).status, 200);
            lose(&root, &digest);
            wanted.insert(format!("phantom-blob:{name}:{digest}"));
        }
        for at in 0..3 {
            let layer = &images[at * 31 + 5].layers[3];
            if at == 0 {
                // Its whole size is remembered.
                raw.head(&blob_path(&format!("team/r{}", at * 31 + 5), &layer.digest));
            }
            std::fs::write(data_file(&root, &layer.digest), &layer.bytes[..layer.bytes.len() / 2]).unwrap();
            wanted.insert(format!("truncated-blob:{}", layer.digest));
        }
        let ended = run(["check", "--registry", &daemon.url(), "-o", "json"]);
        let found: BTreeSet<String> = ended.findings().into_iter().collect();
        assert_eq!((ended.status, found), (1, wanted));
        let served = ended.report().coverage.served.unwrap();
        let pairs = REPOSITORIES * (LAYERS + 1);
        assert_eq!((served.blobs, served.manifests), (pairs as u64, REPOSITORIES as u64));
        // The catalog has two pages of a hundred, a third tells the end; each repository has one page of tags.
        let needed = REPOSITORIES + pairs + 3 + REPOSITORIES;
        let requests = served.requests;
        assert!(requests * 10 <= needed as u64 * 11, "{requests} requests, {needed} needed");
    });
}

/// A sandbox with twenty damaged repositories.
fn weathered() -> (TempDir, Sandbox, Vec<String>) {
    let home = TempDir::new().unwrap();
    let sandbox = Sandbox::start(Options::new(home.path().join("root"), Flavour::V2)).unwrap();
    let raw = Raw::new(&sandbox.url());
    for at in 0..20 {
        let image = Image::two_layers(&format!("w{at}")).unwrap();
        raw.push_image(&format!("w{at}"), "1", &image);
        if at % 4 == 0 {
            lose(sandbox.root(), &image.layers[0].digest);
        }
    }
    let calm = run(["check", "--registry", &sandbox.url(), "-o", "json"]).findings();
    assert_eq!(calm.len(), 5);
    (home, sandbox, calm)
}

#[test]
fn one_answer_in_five_refused_changes_no_finding() {
    let (_home, sandbox, calm) = weathered();
    let count = std::sync::atomic::AtomicUsize::new(0);
    sandbox.inject(move |_: &Access| {
        let at = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (at % 5 == 4).then(|| Fault::status(503))
    });
    let ended = run(["check", "--registry", &sandbox.url(), "-o", "json"]);
    assert_eq!((ended.status, ended.findings()), (1, calm), "{}", ended.stdout);
}

#[test]
fn all_answers_refused_is_no_verdict_and_ends_in_time() {
    let (_home, sandbox, _) = weathered();
    let before = sandbox.access_log().len();
    sandbox.inject(|_: &Access| Some(Fault::status(503)));
    for more in [&["check"][..], &["verify", "w0:1"]] {
        let start = Instant::now();
        let ended = run([more, &["--registry", &sandbox.url(), "--timeout", "2s", "-o", "json"]].concat());
        assert_eq!((ended.status, ended.report().verdict), (3, Verdict::Incomplete));
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
    assert!(sandbox.access_log().len() - before < 40);
    // It breaks down in the middle.
    sandbox.heal();
    let count = std::sync::atomic::AtomicUsize::new(0);
    sandbox.inject(move |_: &Access| {
        (count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 30).then(|| Fault::status(503))
    });
    let start = Instant::now();
    let ended = run(["check", "--registry", &sandbox.url(), "--timeout", "2s", "-o", "json"]);
    assert_eq!(ended.status, 3);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn tokens_that_run_out_during_a_check_are_no_failed_request() {
    on_every_registry_async(|| async {
        let test = "tokens that run out";
        let dir = TempDir::new().unwrap();
        let image = Image::build("long", &[40; 120]).unwrap();
        plant(dir.path(), "team/app", "1", &image);
        let rules = Rules { basic: Some(("bob", "correct-horse")), refresh: None, life: 2 };
        let Some(server) = TokenServer::start(rules).await else { return missing("openssl", test) };
        let setup =
            Settings { top: server.section(), root: Some(dir.path().to_owned()), ..Settings::default() };
        let Some(daemon) = RealRegistry::start(&setup) else { return };
        let url = daemon.url();
        let ended = tokio::task::spawn_blocking(move || {
            let mut check =
                command(["check", "--registry", &url, "--repo", "team/app", "--rate", "15", "-o", "json"]);
            check.env("REGFSCK_CREDS", "bob:correct-horse");
            end(check.spawn().unwrap())
        });
        let ended = ended.await.unwrap();
        assert_eq!((ended.status, ended.findings()), (0, vec![]), "{}", ended.stdout);
        assert_eq!(ended.report().coverage.unknown, []);
        // Some eight seconds.
        let tokens = server.stub.seen().len();
        assert!(tokens >= 4, "{tokens} tokens");
    });
}
