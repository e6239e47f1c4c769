//! The sandbox as a tool for tests: faults on demand, its access log, many writers at once.

use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::client::{DockerLike, Pushed};
use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Access, Fault, Flavour, Options, Sandbox};

use crate::support::raw::{Raw, blob_path};

fn start(home: &tempfile::TempDir, flavour: Flavour) -> (Sandbox, Raw) {
    let sandbox = Sandbox::start(Options::new(home.path(), flavour)).unwrap();
    let raw = Raw::new(&sandbox.url());
    (sandbox, raw)
}

#[test]
fn faults_happen_to_the_requests_they_are_meant_for() {
    let home = tempfile::tempdir().unwrap();
    let (sandbox, raw) = start(&home, Flavour::V2);
    let image = Image::two_layers("faulty").unwrap();
    raw.push_image("a", "1", &image);
    let path = blob_path("a", &image.layers[0].digest);
    let whole = image.layers[0].bytes.len();
    for (fault, status, bytes, cut) in [
        (Fault::status(503), 503, 13, false),
        (Fault::retry_after(429, 7), 429, 13, false),
        (Fault::Cut(100), 200, 100, true),
        (Fault::Cut(0), 200, 0, true),
        (Fault::Delay(Duration::from_millis(50)), 200, whole, false),
        (Fault::Reset, 0, 0, true),
    ] {
        let started = Instant::now();
        let injected = fault.clone();
        sandbox.inject(move |request: &Access| (request.method == "GET").then(|| injected.clone()));
        let got = raw.get(&path);
        assert_eq!((got.status, got.body.len(), got.cut), (status, bytes, cut), "{fault:?}");
        assert_eq!(got.header("retry-after"), (status == 429).then_some("7"));
        assert!(!matches!(fault, Fault::Delay(time) if started.elapsed() < time));
        assert_eq!(raw.head(&path).status, 200, "only GET is faulty");
    }
    sandbox.heal();
    assert_eq!(raw.pull("a", "1", &image), Ok(()));
}

#[test]
fn every_answered_request_is_in_the_access_log() {
    let home = tempfile::tempdir().unwrap();
    let (mut sandbox, raw) = start(&home, Flavour::V3);
    let path = format!("/v2/a/blobs/sha256:{}", "e".repeat(64));
    raw.range(&path, "bytes=0-0");
    sandbox.restart().unwrap();
    raw.head("/v2/");
    let log = sandbox.access_log();
    let seen: Vec<_> =
        log.iter().map(|line| (line.method.as_str(), line.path.as_str(), line.status)).collect();
    assert_eq!(seen, [("GET", path.as_str(), 404), ("HEAD", "/v2/", 200)]);
    assert_eq!(log[0].header("range"), Some("bytes=0-0"));
    sandbox.clear_access_log();
    assert_eq!(sandbox.access_log(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_do_not_disturb_each_other() {
    let home = tempfile::tempdir().unwrap();
    let (sandbox, _) = start(&home, Flavour::V2);
    let writer = |number: usize| {
        let client = DockerLike::new(&sandbox.url()).unwrap();
        async move {
            for round in 0..5 {
                // Half of the content is shared by all writers.
                let image = Image::two_layers(&format!("round-{}", round * number % 7)).unwrap();
                let repository = format!("team/writer-{}", number % 4);
                client.push(&repository, &format!("{round}-{number}"), &image).await.unwrap();
                client.pull(&repository, &format!("{round}-{number}")).await.unwrap();
            }
        }
    };
    let writers: Vec<_> = (0..8).map(|number| tokio::spawn(writer(number))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn the_docker_like_client_believes_and_verifies() {
    let home = tempfile::tempdir().unwrap();
    let (sandbox, _) = start(&home, Flavour::V2);
    let (client, image) = (DockerLike::new(&sandbox.url()).unwrap(), Image::two_layers("client").unwrap());
    let outcomes =
        |pushed: Vec<(_, Pushed)>| pushed.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(client.push("a", "1", &image).await.unwrap()), [Pushed::Uploaded; 3]);
    assert_eq!(outcomes(client.push("a", "1", &image).await.unwrap()), [Pushed::AlreadyExists; 3]);
    let pulled = client.pull("a", "1").await.unwrap();
    assert_eq!(pulled.bytes, image.blobs().map(|blob| blob.bytes.len() as u64).sum::<u64>());
    let data = crate::support::damage::Paths::new(home.path()).data(&image.layers[0].digest);
    std::fs::write(data, "x").unwrap();
    assert_eq!(client.pull("a", "1").await.unwrap_err().to_string(), "unexpected EOF");
    assert_eq!(client.pull("a", "2").await.unwrap_err().to_string(), "manifest unknown");
}
