//! What was looked at, side by side, in words.

use bytesize::ByteSize;

use super::words::counted;
use crate::domain::report::Report;

/// A side, where it is, and what was seen there.
pub(super) struct Seen<'a> {
    pub(super) side: &'static str,
    pub(super) place: &'a str,
    pub(super) saw: Option<String>,
}

/// Every side of the target.
pub(super) fn seen(report: &Report) -> Vec<Seen<'_>> {
    let target = &report.target;
    let mut all = Vec::new();
    let mut side = |side, place, saw| all.push(Seen { side, place, saw });
    if let Some(root) = &target.storage {
        side("storage", root.as_str(), stored(report));
    }
    if let Some(url) = &target.registry {
        side("served", url, asked(report));
    }
    for url in &target.replicas {
        side("replica", url, None);
    }
    if let Some(url) = &target.cache {
        side("cache", url, cached(report));
    }
    all
}

fn stored(report: &Report) -> Option<String> {
    let storage = report.coverage.storage.as_ref()?;
    let hashed = match storage.hashed_blobs {
        0 => String::new(),
        blobs => format!("; {} hashed ({})", counted(blobs, "blob"), ByteSize(storage.hashed_bytes)),
    };
    Some(format!(
        "{}, {}, {}, {} ({}){hashed}",
        counted(storage.repositories, "repository"),
        counted(storage.tags, "tag"),
        counted(storage.manifests, "manifest"),
        counted(storage.blobs, "blob"),
        ByteSize(storage.bytes),
    ))
}

fn asked(report: &Report) -> Option<String> {
    let served = report.coverage.served.as_ref()?;
    let about = [(served.blobs, "blob"), (served.manifests, "manifest"), (served.tags, "tag")];
    let about: Vec<_> =
        about.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    let about = if about.is_empty() { "nothing".to_owned() } else { about.join(", ") };
    Some(format!("asked about {about} in {}", counted(served.requests, "request")))
}

fn cached(report: &Report) -> Option<String> {
    let cache = report.coverage.cache.as_ref()?;
    Some(format!("{} in {}", counted(cache.entries, "entry"), counted(cache.keys, "key")))
}
