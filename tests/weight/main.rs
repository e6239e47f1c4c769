//! What a check weighs, counted and not timed: allocations, and bytes kept for each blob and link.
//!
//! A binary of its own, because it counts every allocation of its process, and one test, so that nothing else
//! allocates meanwhile. The bounds leave room for a change of library; a path kept for each blob, or a
//! `String` built for each link, breaks them.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it counted"
)]

#[path = "../it/support/plant.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod plant;

use std::alloc::System;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use regfsck::adapters::storage::{FilesystemStorage, FilesystemUploads};
use regfsck::engine::check::{Asking, Examination, Options, check};
use regfsck::engine::ports::{Everything, Silent, Storage as _};
use regfsck::engine::sides::{Sides, StorageHandle};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

use plant::{Content, Recipe};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Kept for each blob and each link while storage is judged, manifests included.
const KEPT_BYTES: usize = 88;

/// Allocations for each blob, of the walk and the rules together: manifests and their parts, listings, names.
const ALLOCATIONS: usize = 5;

/// What one more finding takes, from accusation to report.
const FINDING_BYTES: usize = 3_000;

fn counted<T>(work: impl FnOnce() -> T) -> (T, Stats) {
    let region = Region::new(COUNTED);
    let done = work();
    (done, region.change())
}

fn kept(stats: &Stats) -> usize {
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn tree(root: &Path, blobs: u64, damage: u64) {
    let content = Content::Sparse;
    plant::plant(root, &Recipe { blobs, repositories: blobs / 100, layers: 2, seed: 3, damage, content })
        .unwrap();
}

fn examine(root: &Path) -> Examination {
    // Threads that end later than the check would count as kept.
    let cores = NonZeroUsize::new(rayon::current_num_threads());
    let storage = FilesystemStorage::open(root).unwrap().with_io_jobs(cores);
    let options = Options { asking: Asking { jobs: 4, ..Asking::default() }, ..Options::default() };
    let (uploads, reader) = (Arc::new(FilesystemUploads::new(storage.root())), Arc::new(storage));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sides = Sides { storage: Some(StorageHandle { reader, writer: None, uploads }), ..Sides::default() };
    runtime.block_on(check(&sides, &options, Arc::new(Silent))).unwrap()
}

#[test]
fn a_check_stays_light() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tree(small.path(), 400, 0);
    tree(large.path(), 2_000, 0);
    // Whatever is made once is made now.
    examine(small.path());
    let collect = |root: &Path| FilesystemStorage::open(root).unwrap().collect(&Everything, &Silent).unwrap();
    let (view, stats) = counted(|| collect(large.path()));
    let links: usize = view
        .repositories
        .iter()
        .map(|repository| repository.layers.len() + repository.revisions.len() + repository.tags.len())
        .sum();
    let things = view.blobs.len() + links;
    drop(view);
    let (few, small_stats) = counted(|| examine(small.path()));
    let (many, large_stats) = counted(|| examine(large.path()));
    let blobs = |examination: &Examination| {
        usize::try_from(examination.coverage.storage.as_ref().unwrap().blobs).unwrap()
    };
    let more = blobs(&many) - blobs(&few);
    let allocations = large_stats.allocations - small_stats.allocations;
    eprintln!(
        "{} bytes kept for {things} blobs and links; {allocations} allocations for {more} blobs",
        kept(&stats)
    );
    assert!(kept(&stats) <= KEPT_BYTES * things, "{} bytes kept for {things}", kept(&stats));
    assert!(allocations <= ALLOCATIONS * more, "{allocations} allocations for {more} blobs");
    assert_eq!(many.findings.len(), 0);

    let damaged = tempfile::tempdir().unwrap();
    tree(damaged.path(), 2_000, 8);
    // What was written within this second is in flight: how many orphans are accused must not depend on the clock.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    // The view that comes with the findings, for a repair, is weighed above.
    let bare = |root: &Path| Examination { storage: None, ..examine(root) };
    let (_healthy, healthy_stats) = counted(|| bare(large.path()));
    let (found, stats) = counted(|| bare(damaged.path()));
    let findings = found.findings.len();
    let more = kept(&stats).saturating_sub(kept(&healthy_stats));
    eprintln!("{more} bytes kept for {findings} findings ({} for none)", kept(&healthy_stats));
    assert!(findings > 100);
    assert!(more <= FINDING_BYTES * findings, "{more} bytes kept for {findings} findings");
}
