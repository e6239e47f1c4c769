//! Content checks within a budget: in parts, at a pace, with an end, and gone on with.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::shards::{damaged, regfsck};

struct Registry {
    root: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Registry {
    fn new() -> Self {
        let registry = Self { root: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() };
        damaged(registry.root.path());
        registry
    }

    fn check(&self, arguments: &[&str]) -> Value {
        let text = |path: &Path| path.display().to_string();
        let (root, state) = (text(self.root.path()), text(self.state.path()));
        let target = ["check", "-o", "json", "--storage", &root, "--state-dir", &state];
        serde_json::from_str(&regfsck(&[&target, arguments].concat()).1).unwrap()
    }
}

fn hashed(report: &Value) -> (u64, u64) {
    let storage = &report["coverage"]["storage"];
    (storage["hashed_blobs"].as_u64().unwrap(), storage["hashed_bytes"].as_u64().unwrap())
}

fn corrupt(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let corrupt = findings.filter(|finding| finding["code"] == "corrupt-blob");
    corrupt.map(|finding| finding["digest"].as_str().unwrap().to_owned()).collect()
}

fn limit(report: &Value, word: &str) -> Option<String> {
    let limits = report["coverage"]["limits"].as_array().unwrap().iter().filter_map(Value::as_str);
    limits.filter(|limit| limit.contains(word)).map(str::to_owned).next()
}

#[test]
fn the_parts_make_up_the_whole() {
    let registry = Registry::new();
    let whole = registry.check(&["--content"]);
    let count = |code: &str| whole["summary"][code].as_u64().unwrap_or_default();
    let wrong = ["corrupt-blob", "empty-blob", "truncated-blob", "unreadable-manifest"].map(count);
    assert_eq!((wrong.iter().sum::<u64>(), corrupt(&whole).len()), (17, 4), "{}", whole["summary"]);
    let parts: Vec<_> = ["1/3", "2/3", "3/3"].map(|part| registry.check(&["--content-subset", part])).into();
    let sum = parts.iter().map(hashed).fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    assert_eq!(sum, hashed(&whole));
    let mut found: Vec<_> = parts.iter().flat_map(corrupt).collect();
    found.sort();
    assert_eq!(found, corrupt(&whole));
    let today = hashed(&registry.check(&["--content-subset", "day/3"]));
    assert!(parts.iter().any(|part| hashed(part) == today));
}

#[test]
fn a_run_without_time_hashes_nothing_and_says_so() {
    let registry = Registry::new();
    let report = registry.check(&["--content", "--max-duration", "0"]);
    assert_eq!(hashed(&report), (0, 0));
    let blobs = report["coverage"]["storage"]["blobs"].as_u64().unwrap();
    let said = limit(&report, "--max-duration").unwrap();
    assert!(said.starts_with(&format!("the content of {blobs} blobs was not hashed")), "{said}");
}

#[test]
fn a_pace_is_kept() {
    let registry = Registry::new();
    let began = Instant::now();
    let report = registry.check(&["--content", "--bytes-per-second", "100kB"]);
    let (_, bytes) = hashed(&report);
    let seconds = began.elapsed().as_secs_f64();
    // The last read of each thread is not waited for.
    assert!(seconds >= f64::from(u32::try_from(bytes).unwrap()) / 100_000.0 * 0.9, "{bytes} in {seconds} s");
}

#[test]
fn a_run_goes_on_where_the_last_one_stopped() {
    let registry = Registry::new();
    let whole = registry.check(&["--content"]);
    // As if a run had been killed when it had hashed up to the second bad blob.
    let bad = corrupt(&whole);
    let pass = serde_json::json!({ "subset": { "part": 1, "of": 1 }, "after": bad[1], "wrong": bad[..2] });
    let file = registry.state.path().join("content.json");
    std::fs::write(&file, pass.to_string()).unwrap();
    let rest = registry.check(&["--content", "--resume"]);
    assert_eq!(corrupt(&rest), bad, "what an earlier run saw is not lost");
    let earlier = limit(&rest, "earlier run").unwrap();
    let earlier: u64 = earlier.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert_eq!(hashed(&rest).0 - 2 + earlier, hashed(&whole).0);
    // That pass is over: the next one is whole again, and another subset has nothing to go on from.
    assert_eq!(hashed(&registry.check(&["--content", "--resume"])), hashed(&whole));
    std::fs::write(&file, pass.to_string()).unwrap();
    let other = registry.check(&["--content-subset", "1/2", "--resume"]);
    assert_eq!(limit(&other, "earlier run"), None);
}

#[test]
fn a_budget_without_content_is_refused() {
    let registry = Registry::new();
    let root = registry.root.path().display().to_string();
    let (status, errors) = regfsck(&["check", "--storage", &root, "--resume"]);
    assert_eq!(status, 2);
    assert!(errors.contains("--resume is about hashing content"), "{errors}");
}
