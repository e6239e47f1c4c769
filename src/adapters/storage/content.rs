//! Hashing blobs' data: one blob, or many on all cores.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

use rayon::prelude::*;
use rustix::fs::{Advice, fadvise};
use sha2::{Sha256, Sha384, Sha512};

use super::folder::Folder;
use super::notes::{Notes, is_gone};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout::{self, Place};
use crate::domain::views::storage::{ContentView, HashedBlob};
use crate::engine::ports::{Event, Events, Pace};

/// One read: large enough that the calls do not count, small enough to stay in the core's own cache.
const READ_BYTES: usize = 128 << 10;

/// From this size on it is worth telling the kernel to read ahead boldly.
const LARGE: u64 = 1 << 20;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Hash the blobs of `digests` below `root`.
pub(super) fn hash_all(
    root: &Folder,
    digests: &[Digest],
    pace: &dyn Pace,
    events: &dyn Events,
) -> (ContentView, Notes) {
    let shards = open_shards(root, digests);
    events.emit(Event::Stage("content", Some(digests.len() as u64)));
    let (view, notes) = digests
        .par_iter()
        .filter(|_| !events.stop_requested())
        .fold(Default::default, |(mut view, mut notes): (ContentView, Notes), digest| {
            match hash_in(&shards, digest, pace) {
                Ok(hashed) => take(&mut view, hashed),
                Err(error) if is_gone(&error) => {}
                Err(error) => notes.failed(Place::Data(*digest).to_string(), &error),
            }
            events.emit(Event::Advanced(1));
            (view, notes)
        })
        .reduce(Default::default, merge);
    events.emit(Event::Finished);
    (view, notes)
}

fn take(view: &mut ContentView, hashed: HashedBlob) {
    view.blobs += 1;
    view.bytes += hashed.size;
    if hashed.actual != hashed.digest {
        view.wrong.push(hashed);
    }
}

fn merge(one: (ContentView, Notes), other: (ContentView, Notes)) -> (ContentView, Notes) {
    let (mut view, mut notes) = one;
    view.blobs += other.0.blobs;
    view.bytes += other.0.bytes;
    view.wrong.extend(other.0.wrong);
    notes.extend(other.1);
    (view, notes)
}

type ShardName = (Algorithm, u8);

fn shard_name(digest: &Digest) -> ShardName {
    (digest.algorithm(), digest.bytes().first().copied().unwrap_or_default())
}

/// Open each shard folder once: at most 512, of which 256 in practice.
fn open_shards(root: &Folder, digests: &[Digest]) -> BTreeMap<ShardName, io::Result<Folder>> {
    let mut shards = BTreeMap::new();
    for digest in digests {
        shards
            .entry(shard_name(digest))
            .or_insert_with(|| root.around(&Place::Folder(layout::FolderPlace::Blob(*digest))));
    }
    shards
}

fn hash_in(
    shards: &BTreeMap<ShardName, io::Result<Folder>>,
    digest: &Digest,
    pace: &dyn Pace,
) -> io::Result<HashedBlob> {
    match shards.get(&shard_name(digest)) {
        Some(Ok(shard)) => hash(shard, &format!("{}/{}", digest.hex(), layout::DATA), digest, pace),
        Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Hash one blob's data, which lies at `path` below `folder`.
pub(super) fn hash(folder: &Folder, path: &str, digest: &Digest, pace: &dyn Pace) -> io::Result<HashedBlob> {
    let (file, look) = folder.regular_file(path)?;
    if look.size >= LARGE {
        // Advice only: a file system that knows none of it reads all the same.
        let _ = fadvise(&file, 0, None, Advice::Sequential);
    }
    hash_open(&file, digest, pace)
}

/// Hash an open file by the algorithm of `digest`.
pub(super) fn hash_open(file: &impl AsFd, digest: &Digest, pace: &dyn Pace) -> io::Result<HashedBlob> {
    let (actual, size) = match digest.algorithm() {
        Algorithm::Sha256 => {
            let (sum, size) = sum::<Sha256>(file, pace)?;
            (Digest::sha256(sum.into()), size)
        }
        Algorithm::Sha384 => {
            let (sum, size) = sum::<Sha384>(file, pace)?;
            (if sum.as_slice() == digest.bytes() { *digest } else { Digest::sha384(sum.into()) }, size)
        }
        Algorithm::Sha512 => {
            let (sum, size) = sum::<Sha512>(file, pace)?;
            (if sum.as_slice() == digest.bytes() { *digest } else { Digest::sha512(sum.into()) }, size)
        }
    };
    Ok(HashedBlob { digest: *digest, actual, size })
}

fn sum<H: sha2::Digest>(file: &impl AsFd, pace: &dyn Pace) -> io::Result<(sha2::digest::Output<H>, u64)> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut hasher = H::new();
        let mut size = 0;
        loop {
            let length = rustix::io::retry_on_intr(|| rustix::io::read(file.as_fd(), &mut **buffer))?;
            let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
            size += read.len() as u64;
            pace.spend(read.len() as u64);
        }
        Ok((hasher.finalize(), size))
    })
}
