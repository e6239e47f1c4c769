//! Collect the storage view and say what it took: `collect_storage ROOT [content]`.
#![allow(clippy::print_stdout, reason = "an example's result goes to the terminal")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::engine::ports::{Everything, Silent, Storage as _, Unhurried};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().context("ROOT is missing")?;
    let storage = FilesystemStorage::open(Path::new(&root))?;
    let began = Instant::now();
    let view = storage.collect(&Everything, &Silent)?;
    let links: usize = view
        .repositories
        .iter()
        .map(|repository| repository.layers.len() + repository.revisions.len() + repository.tags.len())
        .sum();
    println!(
        "{} blobs, {} repositories, {links} links, {} manifests, {} stray, {} unknown: {:.3} s",
        view.blobs.len(),
        view.repositories.len(),
        view.manifests.len(),
        view.stray.len(),
        view.unknown.len(),
        began.elapsed().as_secs_f64()
    );
    if arguments.next().as_deref() == Some("content") {
        let began = Instant::now();
        let digests: Vec<_> = view.blobs.iter().map(|blob| blob.digest).collect();
        let content = storage.hash_all(&digests, &Unhurried, &Silent);
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{} blobs, {} bytes hashed, {} wrong: {seconds:.3} s",
            content.blobs,
            content.bytes,
            content.wrong.len()
        );
    }
    Ok(())
}
