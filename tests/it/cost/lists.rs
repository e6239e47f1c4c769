//! What a daemon lists takes memory only up to a bound, however much it is.

use std::fmt::Write as _;

use crate::support::measured::measure;
use crate::support::regfsck;
use crate::support::stub::{Act, Stub};

/// The most memory that a check may take while it reads lists that have no end.
const MOST_BYTES: u64 = 200 << 20;

/// A list that is none at its very end, so that nobody goes on with it.
fn list(field: &str, count: usize, length: usize, end: &str) -> Act {
    let mut names = String::new();
    for at in 0..count {
        let _ = write!(names, "{}\"n{at:0>length$}\"", if at == 0 { "" } else { "," });
    }
    Act::json("200 OK", &format!("{{\"{field}\":[{names}{end}]}}"))
}

/// A registry whose repositories each have a whole page of tags as long as tags can be.
#[tokio::test]
async fn names_without_end_take_no_memory_without_end() {
    let (catalog, tags) = (list("repositories", 4, 100, ""), list("tags", 250_000, 120, ",7"));
    let script = move |_: usize, head: &str| match head.split_whitespace().nth(1) {
        Some(path) if path.starts_with("/v2/_catalog") => catalog.clone(),
        Some(path) if path.ends_with("/tags/list") => tags.clone(),
        _ => Act::json("200 OK", "{}"),
    };
    let stub = Stub::start(script).await;
    let url = stub.url();
    let run = move || measure(&mut regfsck::command(["check", "--registry", &url, "--timeout", "60s"]));
    let (ended, cost) = tokio::task::spawn_blocking(run).await.unwrap();
    assert_eq!(ended.status, 3, "{ended:?}");
    eprintln!("{} MB", cost.peak_bytes >> 20);
    assert!(cost.peak_bytes <= MOST_BYTES, "{} MB", cost.peak_bytes >> 20);
    assert_eq!(stub.seen().iter().filter(|head| head.contains("/tags/list")).count(), 8, "each twice");
}
