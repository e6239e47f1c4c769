//! 500 and 429 to each request of an upload: once, they are waited for; always, it is said and nothing is lost. And
//! a daemon that is not to be asked too often.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::{Access, Fault, Flavour};
use regfsck::domain::report::Verdict;

use super::refusals::files;
use super::sources::{REPOSITORY, broken, sandbox};
use super::{Mirror, Ran, Regfsck, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::Damage;

/// So many requests of this method to uploads pass; then, so many do not.
fn fail(daemon: &Daemon, method: &'static str, fault: &Fault, passed: usize, failed: usize) {
    let (count, fault) = (Arc::new(AtomicUsize::new(0)), fault.clone());
    sandbox(daemon).inject(move |access: &Access| {
        if access.method != method || !access.path.contains("/blobs/uploads/") {
            return None;
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        (passed..passed.saturating_add(failed)).contains(&number).then(|| fault.clone())
    });
}

fn each(mut test: impl FnMut(&Daemon, &Fault, &'static str, Damage)) {
    for fault in [Fault::status(500), Fault::retry_after(429, 1)] {
        for method in ["POST", "PUT"] {
            for damage in [Damage::BlobDataRemoved, Damage::BlobBitFlipped] {
                test(&Kind::Sandbox(Flavour::V2).start(&Settings::default()), &fault, method, damage);
            }
        }
    }
}

/// The first POST of a repair is the handshake by which it sees that both sides are of one registry.
const fn handshakes(method: &str) -> usize {
    if method.len() == "POST".len() { 1 } else { 0 }
}

fn run(daemon: &Daemon, mirror: &Mirror) -> (Regfsck, Ran) {
    let regfsck = Regfsck::on(daemon);
    let ran = regfsck.fix(&["--content", "--retry-times", "1", "--source", &mirror.source()]);
    (regfsck, ran)
}

#[test]
fn once_it_is_waited_for() {
    each(|daemon, fault, method, damage| {
        let image = broken(daemon, damage);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        fail(daemon, method, fault, handshakes(method), 1);
        run(daemon, &mirror).1.healed();
        judge(daemon, REPOSITORY, "1", &image);
    });
}

#[test]
fn always_nothing_is_lost_and_it_is_said() {
    each(|daemon, fault, method, damage| {
        let image = broken(daemon, damage);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let before = files(&daemon.root());
        fail(daemon, method, fault, handshakes(method), usize::MAX);
        let (regfsck, ran) = run(daemon, &mirror);
        let codes: &[_] = if damage == Damage::BlobBitFlipped {
            &["corrupt-blob"]
        } else {
            &["phantom-blob", "missing-blob"]
        };
        let standing = ran.standing();
        let standing: Vec<_> = standing.iter().map(String::as_str).collect();
        assert_eq!((ran.status, &standing[..]), (1, codes), "{method}: {}", ran.table);
        assert_eq!(files(&daemon.root()), before);
        let results = ran.results();
        let [(result, why)] = &results[..] else { panic!("{results:?}") };
        let url = format!("{method} {}/v2/{REPOSITORY}/blobs/uploads/", daemon.url());
        assert!(result == "failed" && why.starts_with(&url), "{why}");
        let said = match fault {
            Fault::Answer { status: 429, .. } => {
                ": 429 Too Many Requests: `{\"errors\":[]}` (2 attempts); the registry throttles us: lower --rate or --jobs"
            }
            _ => ": 500 Internal Server Error: `{\"errors\":[]}` (2 attempts)",
        };
        assert!(why.ends_with(said), "{why}");
        sandbox(daemon).heal();
        regfsck.fix(&["--content", "--source", &mirror.source()]).healed();
        judge(daemon, REPOSITORY, "1", &image);
    });
}

#[test]
fn from_the_first_request_on_nothing_is_begun() {
    for fault in [Fault::status(500), Fault::retry_after(429, 1)] {
        let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
        let image = broken(&daemon, Damage::BlobBitFlipped);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let before = files(&daemon.root());
        fail(&daemon, "POST", &fault, 0, usize::MAX);
        let (_, ran) = run(&daemon, &mirror);
        assert_eq!((ran.status, ran.report().verdict), (4, Verdict::Refused));
        let said =
            format!("the registry refuses uploads: POST {}/v2/{REPOSITORY}/blobs/uploads/: ", daemon.url());
        let refusal = ran.report().refusal.as_deref().unwrap();
        assert!(refusal.starts_with(&said), "{refusal}");
        assert_eq!(files(&daemon.root()), before);
    }
}

/// Checking, uploading and proving share one client: `--rate` is the rate of them all.
#[test]
fn a_rate_holds_for_reading_and_writing_together() {
    const RATE: u32 = 5;
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    let image = broken(&daemon, Damage::BlobDataRemoved);
    let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
    let arrivals: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = Arc::clone(&arrivals);
    sandbox(&daemon).inject(move |_: &Access| {
        seen.lock().unwrap().push(Instant::now());
        None
    });
    let rate = RATE.to_string();
    Regfsck::on(&daemon).fix(&["--rate", &rate, "--source", &mirror.source()]).healed();
    let arrivals = arrivals.lock().unwrap();
    let writes = daemon.access_log().iter().filter(|access| access.method == "PUT").count();
    assert!(arrivals.len() > 10 && writes > 0, "{} requests, {writes} PUTs", arrivals.len());
    // A request may be late on a busy machine, and the next one punctual.
    let (interval, late) = (Duration::from_secs(1) / RATE, Duration::from_millis(150));
    for (first, last) in (0..arrivals.len()).flat_map(|last| (0..last).map(move |first| (first, last))) {
        let took = arrivals[last] - arrivals[first] + late;
        let between = u32::try_from(last - first).unwrap();
        assert!(took >= interval * between, "{between} requests after number {first} in {took:?}");
    }
}
