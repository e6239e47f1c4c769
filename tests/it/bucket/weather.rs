//! Stores that fail, lie or refuse: nothing of what was not seen is called missing.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use regfsck::domain::report::Verdict;
use rstest::rstest;

use super::{Kind, run};
use crate::support::regfsck::Ended;
use crate::support::store::Store;
use crate::support::tree::Tree;

/// What becomes of a request, by its first line and how many came before.
type Judge = dyn Fn(&str, usize) -> Fate + Send + Sync;

enum Fate {
    Pass,
    /// This status and this body instead.
    Answer(u16, String),
    /// The answer, without its last bytes.
    Cut,
}

/// A store behind a proxy that spoils some of its answers.
struct Spoiled<'s> {
    store: &'s dyn Store,
    port: u16,
    seen: Arc<AtomicUsize>,
}

impl<'s> Spoiled<'s> {
    fn before(store: &'s dyn Store, judge: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (server, seen) = (store.host(), Arc::new(AtomicUsize::new(0)));
        let (judge, counted): (Arc<Judge>, _) = (Arc::new(judge), Arc::clone(&seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, judge, seen) = (server.clone(), Arc::clone(&judge), Arc::clone(&counted));
                std::thread::spawn(move || serve(client, &server, &*judge, &seen));
            }
        });
        Self { store, port, seen }
    }

    fn check(&self) -> Ended {
        let behind = format!("127.0.0.1:{}", self.port);
        let storage = self.store.storage("").replace(&self.store.host(), &behind);
        run(self.store, ["check", "--storage", &storage, "-o", "json"])
    }

    fn requests(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

/// One request a connection: the client is told to close it.
fn serve(mut client: TcpStream, server: &str, judge: &Judge, seen: &AtomicUsize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next().unwrap_or_default().to_owned();
    let answer = match judge(&line, seen.fetch_add(1, Ordering::SeqCst)) {
        Fate::Answer(status, body) => format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
            body.len(),
            if line.starts_with("HEAD") { "" } else { &body }
        )
        .into_bytes(),
        fate => {
            let mut upstream = TcpStream::connect(server).unwrap();
            let asked = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            upstream.write_all(asked.as_bytes()).unwrap();
            let mut answer = Vec::new();
            let _ = upstream.read_to_end(&mut answer);
            if matches!(fate, Fate::Cut) {
                answer.truncate(answer.len() - answer.len().min(40));
            }
            answer
        }
    };
    let _ = client.write_all(&answer);
}

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>so it is</Message></Error>")
}

/// A healthy registry of some images in a bucket.
fn healthy(kind: Kind) -> Option<Box<dyn Store>> {
    let store = kind.start()?;
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    for n in 0..4 {
        tree.image(&format!("team/app{n}"), Some("1"), &format!("image {n}"));
    }
    store.upload(dir.path(), "");
    Some(store)
}

/// Whether that asks for a listing.
fn is_list(line: &str) -> bool {
    ["list-type=2", "nextPageToken", "comp=list"].iter().any(|part| line.contains(part))
}

#[rstest]
fn a_store_that_fails_now_and_then_is_asked_again(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = healthy(kind) else { return };
    for fate in
        [|| Fate::Answer(500, error("InternalError")), || Fate::Answer(503, error("SlowDown")), || Fate::Cut]
    {
        let spoiled =
            Spoiled::before(&*store, move |_, before| if before % 3 == 0 { fate() } else { Fate::Pass });
        let ended = spoiled.check();
        assert_eq!((ended.status, ended.report().verdict), (0, Verdict::Coherent), "{ended:?}");
    }
}

#[rstest]
fn what_a_failing_store_does_not_show_is_unknown_and_not_missing(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    let Some(store) = healthy(kind) else { return };
    let failing: [(&str, Box<Judge>); 5] = [
        ("everything", Box::new(|_: &str, _| Fate::Answer(500, error("InternalError")))),
        ("slow down", Box::new(|_: &str, _| Fate::Answer(503, error("SlowDown")))),
        ("cut listings", Box::new(move |line: &str, _| if is_list(line) { Fate::Cut } else { Fate::Pass })),
        (
            "manifests",
            Box::new(
                move |line: &str, _| {
                    if is_list(line) { Fate::Pass } else { Fate::Answer(500, error("InternalError")) }
                },
            ),
        ),
        (
            "expired",
            Box::new(
                move |line: &str, _| {
                    if is_list(line) { Fate::Pass } else { Fate::Answer(400, error("ExpiredToken")) }
                },
            ),
        ),
    ];
    for (name, judge) in failing {
        let spoiled = Spoiled::before(&*store, move |line, before| judge(line, before));
        let ended = spoiled.check();
        let report = ended.report();
        assert_eq!((ended.status, report.verdict), (3, Verdict::Incomplete), "{name}: {ended:?}");
        assert_eq!(report.findings.len(), 0, "{name}: {ended:?}");
        assert!(!report.coverage.unknown.is_empty(), "{name}");
        assert!(spoiled.requests() < 200, "{name}: {} requests", spoiled.requests());
    }
}

#[test]
fn a_page_without_keys_that_is_not_the_last_is_gone_on_from() {
    let Some(store) = healthy(Kind::S3) else { return };
    let empty = |token: &str| {
        format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{token}<KeyCount>0</KeyCount></ListBucketResult>"
        )
    };
    let is_first = |line: &str| line.contains("list-type=2") && !line.contains("continuation-token");
    let lost = empty("<NextContinuationToken>nowhere</NextContinuationToken>");
    let spoiled = Spoiled::before(&*store, move |line, _| match line {
        line if is_first(line) => Fate::Answer(200, lost.clone()),
        line if line.contains("continuation-token=nowhere") => Fate::Answer(500, error("InternalError")),
        _ => Fate::Pass,
    });
    let ended = spoiled.check();
    assert_eq!((ended.status, ended.report().verdict), (3, Verdict::Incomplete), "{ended:?}");
}

fn google(reason: &str) -> String {
    format!(r#"{{"error":{{"message":"so it is","errors":[{{"reason":"{reason}"}}]}}}}"#)
}

#[rstest]
#[case::s3(Kind::S3, error, &[
    (403, "AccessDenied", "s3:ListBucket"),
    (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
    (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
    (400, "ExpiredToken", "AWS_SESSION_TOKEN"),
    (301, "PermanentRedirect", "region"),
    (400, "AuthorizationHeaderMalformed", "region"),
    (404, "NoSuchBucket", "no such bucket"),
    (403, "RequestTimeTooSkewed", "clock"),
])]
#[case::gcs(Kind::Gcs, google, &[
    (401, "authError", "GOOGLE_APPLICATION_CREDENTIALS"),
    (403, "forbidden", "storage.objects.list"),
    (404, "NoSuchBucket", "no such bucket"),
])]
#[case::azure(Kind::Azure, error, &[
    (403, "AuthenticationFailed", "AZURE_STORAGE_KEY"),
    (403, "AuthorizationPermissionMismatch", "Storage Blob Data Reader"),
    (404, "ContainerNotFound", "no such container"),
    (409, "ContainerBeingDeleted", "HTTP 409"),
])]
fn a_store_that_refuses_is_no_report_but_a_word_on_what_to_do(
    #[case] kind: Kind,
    #[case] words: fn(&str) -> String,
    #[case] refusals: &[(u16, &str, &str)],
) {
    let Some(store) = healthy(kind) else { return };
    for &(status, code, wanted) in refusals {
        let body = words(code);
        let spoiled = Spoiled::before(&*store, move |_, _| Fate::Answer(status, body.clone()));
        let ended = spoiled.check();
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{code}: {ended:?}");
        assert!(ended.stderr.contains(code) && ended.stderr.contains(wanted), "{code}: {}", ended.stderr);
        for (_, secret) in store.variables().into_iter().skip(1) {
            assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
        }
        assert_eq!(spoiled.requests(), 1, "{code}: it is not asked again");
    }
}
