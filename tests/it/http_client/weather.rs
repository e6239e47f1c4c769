//! Registries under load, behind proxies, restarted in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use regfsck::domain::name::Reference;
use regfsck::domain::views::served::{Answer, Delivery};
use regfsck::engine::ports::{ByteSource, Daemon};
use std::io;
use tokio::io::AsyncRead;

use super::{client, connection, digest, name, noise};
use crate::support::missing;
use crate::support::proxy::Nginx;
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::settings::Settings;
use crate::support::stub::{Act, Stub};

#[tokio::test]
async fn one_in_five_refused_changes_no_answer() {
    let stub = Stub::start(|at, _| {
        if at % 5 == 4 {
            Act::answer("503 Service Unavailable", "", "")
        } else {
            Act::answer("200 OK", "", "x")
        }
    })
    .await;
    let mut settings = connection(&stub.url());
    settings.timeout = Duration::from_secs(30);
    let registry = client(&settings).reader;
    let asked = (0..200).map(|at: u32| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.head_blob(&name("a"), &digest(&at.to_le_bytes())).await })
    });
    for claim in futures_util::future::join_all(asked).await {
        let claim = claim.unwrap();
        assert!(claim.answer.yes().is_some(), "{claim:?}");
    }
    assert!((240..=260).contains(&registry.requests()), "{}", registry.requests());
}

#[tokio::test]
async fn all_refused_ends_within_the_time_limit() {
    let stub = Stub::playing(vec![Act::answer("503 Service Unavailable", "", "")]).await;
    let mut settings = connection(&stub.url());
    settings.timeout = Duration::from_secs(2);
    let registry = client(&settings).reader;
    let asked = (0..500).map(|at: u32| {
        let registry = registry.clone();
        async move { registry.head_blob(&name("a"), &digest(&at.to_le_bytes())).await }
    });
    let asked =
        tokio::time::timeout(Duration::from_secs(6), futures_util::future::join_all(asked)).await.unwrap();
    assert!(asked.iter().all(|asked| matches!(asked.answer, Answer::Unknown(_))));
    // Eight at a time, each a few times; the others were not even sent.
    assert!(stub.seen().len() <= 150, "{}", stub.seen().len());
}

#[tokio::test]
async fn what_trips_for_reading_stops_writing_too() {
    let stub = Stub::playing(vec![Act::answer("503 Service Unavailable", "", "")]).await;
    let mut settings = connection(&stub.url());
    settings.retry_times = 0;
    let Daemon { reader, writer } = client(&settings);
    for bytes in [b"a", b"b", b"c"] {
        assert!(matches!(reader.head_blob(&name("a"), &digest(bytes)).await.answer, Answer::Unknown(_)));
    }
    let upload = writer.upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap_err();
    let download = reader.fetch_blob(&name("a"), &digest(b"x"), &mut tokio::io::sink()).await.unwrap_err();
    let why = "no longer asked: the registry failed to answer several times in a row";
    assert_eq!([&*upload.why, &*download.why], [why, why]);
    assert_eq!(stub.seen().len(), 3);
}

#[tokio::test]
async fn time_in_the_queue_is_no_time_of_the_registry() {
    let known = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let stub = Stub::start(move |at, request| {
        std::thread::sleep(Duration::from_millis(20));
        let is_new = known.lock().unwrap().insert(request.to_owned());
        // Late ones only at the second time.
        if at > 150 && is_new {
            Act::answer("503 Service Unavailable", "", "")
        } else {
            Act::answer("200 OK", "", "x")
        }
    })
    .await;
    let mut settings = connection(&stub.url());
    settings.jobs = 1;
    settings.timeout = Duration::from_secs(2);
    let registry = client(&settings).reader;
    let asked = (0..160).map(|at: u32| {
        let registry = registry.clone();
        async move { registry.head_blob(&name("a"), &digest(&at.to_le_bytes())).await }
    });
    let asked = futures_util::future::join_all(asked).await;
    assert_eq!(asked.iter().filter(|asked| asked.answer.yes().is_some()).count(), 160);
}

#[tokio::test]
async fn a_manifest_is_put_again_after_a_500() {
    let stub = Stub::playing(vec![
        Act::json("500 Internal Server Error", "{}"),
        Act::answer("429 Too Many Requests", "Retry-After: 0\r\n", ""),
        Act::answer("201 Created", "", ""),
    ])
    .await;
    let settings = connection(&stub.url());
    let Daemon { reader, writer } = client(&settings);
    writer
        .put_manifest(&name("a"), &"t".parse().map(Reference::Tag).unwrap(), "application/json", b"{}")
        .await
        .unwrap();
    assert_eq!(reader.requests(), 3);
}

#[test]
fn a_phantom_behind_nginx_delivers_nothing_either() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let Some(nginx) = Nginx::start(&[daemon.host()], "") else {
            return missing("nginx", "a_phantom_behind_nginx…");
        };
        let bytes = noise(1 << 20, 5);
        let settings = connection(&nginx.url());
        let writer = client(&settings).writer;
        writer.upload_blob(&name("a"), &digest(&bytes), &bytes).await.unwrap();
        let registry = client(&settings).reader;
        assert_eq!(
            registry.byte(&name("a"), &digest(&bytes), 0).await.answer,
            Answer::Yes(Delivery::Byte(Some(bytes.len() as u64)))
        );
        std::fs::rename(daemon.data_file(&digest(&bytes)), daemon.root().join("kept")).unwrap();
        assert!(registry.head_blob(&name("a"), &digest(&bytes)).await.answer.yes().is_some());
        assert_eq!(
            registry.byte(&name("a"), &digest(&bytes), 0).await.answer,
            Answer::Yes(Delivery::Nothing)
        );
    });
}

#[test]
fn a_body_limit_of_a_proxy_is_named() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let Some(nginx) = Nginx::start(&[daemon.host()], "client_max_body_size 1m;") else {
            return missing("nginx", "a_body_limit…");
        };
        let mut settings = connection(&nginx.url());
        settings.retry_times = 1;
        let bytes = noise(8 << 20, 6);
        let error =
            client(&settings).writer.upload_blob(&name("a"), &digest(&bytes), &bytes).await.unwrap_err();
        assert!(error.hint.as_deref().unwrap_or_default().contains("client_max_body_size"), "{error:?}");
    });
}

/// Bytes that do something to the world in the middle.
struct Disturbed<F: Fn() + Send + Sync> {
    bytes: Vec<u8>,
    at: usize,
    times: AtomicU32,
    disturb: Arc<F>,
}

#[async_trait]
impl<F: Fn() + Send + Sync + 'static> ByteSource for Disturbed<F> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn open(&self, offset: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let offset = usize::try_from(offset).unwrap();
        if offset >= self.at && self.times.fetch_add(1, Ordering::SeqCst) == 0 {
            (self.disturb)();
        }
        self.bytes.clone().open(offset as u64).await
    }
}

#[test]
fn a_daemon_restarted_in_the_middle_of_an_upload() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let daemon = Arc::new(std::sync::Mutex::new(daemon));
        let mut settings = connection(&daemon.lock().unwrap().url());
        settings.chunk = 1 << 20;
        let bytes = noise(4 << 20, 7);
        let restarted = daemon.clone();
        let disturb = Arc::new(move || restarted.lock().unwrap().restart());
        let source = Disturbed { bytes: bytes.clone(), at: 2 << 20, times: AtomicU32::new(0), disturb };
        client(&settings).writer.upload_blob(&name("a"), &digest(&bytes), &source).await.unwrap();
        let daemon = daemon.lock().unwrap();
        let stored = std::fs::read(daemon.data_file(&digest(&bytes))).unwrap();
        assert!(stored == bytes);
    });
}

#[test]
fn a_source_that_fails_or_ends_early_is_blamed_itself() {
    on_every_registry_async(|| async {
        struct Bad(u64);
        #[async_trait]
        impl ByteSource for Bad {
            fn size(&self) -> u64 {
                self.0
            }
            async fn open(&self, _: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
                if self.0 == 3 {
                    Err(io::Error::other("the disk is on fire"))
                } else {
                    Ok(Box::new(&b"0123"[..]))
                }
            }
        }
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let writer = client(&connection(&daemon.url())).writer;
        let error = writer.upload_blob(&name("a"), &digest(b"x"), &Bad(3)).await.unwrap_err();
        assert_eq!(&*error.why, "the bytes to upload cannot be read: the disk is on fire");
        let error = writer.upload_blob(&name("a"), &digest(b"x"), &Bad(100)).await.unwrap_err();
        assert!(error.why.starts_with("the source ended after 4 of 100 bytes"), "{error}");
        assert_eq!(error.attempts, 1);
    });
}

/// Bytes that never come.
struct Stuck;
#[async_trait]
impl ByteSource for Stuck {
    fn size(&self) -> u64 {
        9
    }
    async fn open(&self, _: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let (here, there) = tokio::io::duplex(8);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(there);
        });
        Ok(Box::new(here))
    }
}

#[tokio::test]
async fn an_upload_that_stands_still_is_given_up() {
    let stub = Stub::start(|_, request| {
        if request.starts_with("POST") {
            Act::answer("202 Accepted", "Location: /u/1\r\n", "")
        } else {
            Act::Sleep(Duration::from_secs(60))
        }
    })
    .await;
    let mut settings = connection(&stub.url());
    settings.timeout = Duration::from_millis(300);
    settings.retry_times = 0;
    let error = client(&settings).writer.upload_blob(&name("a"), &digest(b"x"), &Stuck).await.unwrap_err();
    assert_eq!(&*error.why, "no byte moved for 300ms, 0 of 9 sent");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = Stub::playing(vec![Act::json("200 OK", "{}")]).await;
    let this = std::env::current_exe().unwrap();
    let output = tokio::process::Command::new(this)
        .args(["--exact", "http_client::weather::through_the_proxy", "--ignored"])
        .envs([("HTTP_PROXY", proxy.url()), ("http_proxy", proxy.url())])
        .envs([("NO_PROXY", ""), ("no_proxy", "")])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(
        proxy.seen()[0].starts_with("GET http://registry.invalid:5000/v2/ HTTP/1.1"),
        "{:?}",
        proxy.seen()
    );
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
#[ignore = "another test runs it, with a proxy in its environment"]
async fn through_the_proxy() {
    if std::env::var_os("HTTP_PROXY").is_none() {
        return;
    }
    client(&connection("http://registry.invalid:5000")).reader.ping().await.unwrap();
    // No proxy leads to this machine itself.
    let here = Stub::playing(vec![Act::json("200 OK", "{}")]).await;
    client(&connection(&here.url())).reader.ping().await.unwrap();
    assert_eq!(here.seen().len(), 1);
}

/// How fast blobs are asked about; the daemon takes about 1 ms of CPU for each. Run it by itself, with `--ignored --no-capture`.
#[test]
#[ignore = "it measures, and asserts nothing"]
fn how_many_heads_a_second() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        client(&connection(&daemon.url()))
            .writer
            .upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec())
            .await
            .unwrap();
        let answer = Act::answer("200 OK", "", "x");
        let stub = Stub::start(move |_, _| answer.clone()).await;
        for (what, url) in [("docker-registry", daemon.url()), ("a stub", stub.url())] {
            let registry = client(&connection(&url)).reader;
            let start = std::time::Instant::now();
            let workers = (0..8).map(|_| {
                let registry = registry.clone();
                tokio::spawn(async move {
                    for _ in 0..500 {
                        registry.head_blob(&name("a"), &digest(b"x")).await;
                    }
                })
            });
            futures_util::future::join_all(workers).await;
            let rate = f64::from(u32::try_from(registry.requests()).unwrap()) / start.elapsed().as_secs_f64();
            eprintln!("{what}: {rate:.0} HEADs a second");
        }
    });
}
