//! How a large bucket is looked at where each request takes a tenth of a second: by as few requests as there are pages and
//! manifests, most of them at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::run_s3 as run;
use crate::support::shelf::{IMAGES, Shelf, serve};

const REPOSITORIES: usize = 250;

#[test]
fn a_large_bucket_takes_few_requests_and_most_of_them_at_once() {
    let shelf = Shelf::filled(REPOSITORIES);
    let (keys, manifests) = (shelf.keys(), REPOSITORIES * IMAGES);
    assert!(keys >= 100_000, "{keys}");
    let shelf = Arc::new(shelf);
    let storage = format!("s3://bucket?endpoint=http://127.0.0.1:{}", serve(Arc::clone(&shelf)));
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_str().unwrap();
    let check =
        || run(["check", "--storage", &storage, "-o", "json", "--io-jobs", "64", "--state-dir", state]);
    let begun = Instant::now();
    let ended = check();
    let took = begun.elapsed();
    assert_eq!(ended.status, 0, "{ended:?}");
    let [requests, lists, fetched] =
        [&shelf.requests, &shelf.lists, &shelf.fetched].map(|count| count.load(Ordering::SeqCst));
    eprintln!(
        "{keys} keys, {manifests} manifests: {requests} requests ({lists} lists, {fetched} objects) in {took:?}"
    );
    // Beside the keys and manifests a few that any check takes, however small the bucket.
    assert!(requests <= keys * 12 / 10_000 + manifests + 16, "{requests} requests, {lists} of them lists");
    // How long it takes depends on the machine, too.
    let most = shelf.most.load(Ordering::SeqCst);
    assert!((32..=64).contains(&most), "{most} requests under way at once");
    shelf.fetched.store(0, Ordering::SeqCst);
    assert_eq!((check().status, check().findings().len()), (0, 0));
    // Three links of each tell whether the ETags are MD5 sums.
    assert_eq!(shelf.fetched.load(Ordering::SeqCst), 2 * 3, "no manifest is fetched again");
}
