//! Reading the stored manifests: each once, however many repositories hold it.

use std::collections::BTreeMap;
use std::io;

use rayon::prelude::*;

use super::folder::Folder;
use super::notes::Notes;
use crate::domain::digest::Digest;
use crate::domain::manifest::{MAX_MANIFEST_BYTES, ManifestError, parse};
use crate::domain::storage::{ReadManifest, Repository, StoredBlob, TagTarget};
use crate::engine::ports::{Event, Events};

/// How many manifests a thread reads before it says so.
const BATCH: usize = 128;

/// The bytes to begin with; most manifests are smaller.
const FIRST_READ: usize = 16 << 10;

type Read = (Digest, ReadManifest);

/// Read what revision links and tags name, as far as it is stored. `blobs` is sorted by digest.
pub(super) fn read_all(
    root: &Folder,
    repositories: &[Repository],
    blobs: &[StoredBlob],
    events: &dyn Events,
) -> (BTreeMap<Digest, ReadManifest>, Notes) {
    let mut notes = Notes::default();
    let wanted = stored(named(repositories), blobs);
    events.emit(Event::Stage("manifests", Some(wanted.len() as u64)));
    let read: Vec<_> = match root.enter_noting(b"blobs", &mut notes) {
        Some(folder) => wanted
            .par_chunks(BATCH)
            .filter(|_| !events.stop_requested())
            .map(|some| read_some(&folder, some, events))
            .collect(),
        None => Vec::new(),
    };
    events.emit(Event::Finished);
    let mut manifests = Vec::with_capacity(wanted.len());
    for (some, more) in read {
        manifests.extend(some);
        notes.extend(more);
    }
    (manifests.into_iter().collect(), notes)
}

/// The digests that revision links and tags name, sorted, each once.
fn named(repositories: &[Repository]) -> Vec<Digest> {
    let mut named: Vec<_> = repositories
        .iter()
        .flat_map(|repository| {
            let tags = repository.tags.iter().filter_map(|tag| match tag.current {
                TagTarget::Digest(digest) => Some(digest),
                TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
            });
            // A link that says nothing still stands for the manifest that its folder names.
            repository.revisions.iter().map(|link| link.data().unwrap_or(link.digest)).chain(tags)
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    named
}

fn stored(named: Vec<Digest>, blobs: &[StoredBlob]) -> Vec<StoredBlob> {
    let find = |digest: Digest| blobs.binary_search_by(|blob| blob.digest.cmp(&digest)).ok();
    named.into_iter().filter_map(find).filter_map(|at| blobs.get(at).copied()).collect()
}

fn read_some(folder: &Folder, some: &[StoredBlob], events: &dyn Events) -> (Vec<Read>, Notes) {
    let mut notes = Notes::default();
    let mut bytes = Vec::new();
    let read = some.iter().filter_map(|blob| {
        let path = data_path(&blob.digest);
        match read_one(folder, &path, blob.size, &mut bytes) {
            Ok(manifest) => Some((blob.digest, manifest)),
            Err(error) => {
                notes.failed(folder.path_of(&path), &error);
                None
            }
        }
    });
    let read = read.collect();
    events.emit(Event::Advanced(some.len() as u64));
    (read, notes)
}

/// The path of a blob's data below `blobs`.
fn data_path(digest: &Digest) -> Vec<u8> {
    let hex = digest.hex();
    format!("{}/{}/{hex}/data", digest.algorithm().as_str(), hex.get(..2).unwrap_or_default()).into_bytes()
}

fn read_one(folder: &Folder, path: &[u8], size: u64, bytes: &mut Vec<u8>) -> io::Result<ReadManifest> {
    if size > MAX_MANIFEST_BYTES {
        return Ok(ReadManifest::Unreadable(ManifestError::TooLarge(size).to_string()));
    }
    // One byte more than the limit, so that a file that has grown shows as too large.
    read_file(folder, path, MAX_MANIFEST_BYTES + 1, bytes)?;
    Ok(match parse(bytes) {
        Ok(manifest) => ReadManifest::Manifest(manifest),
        Err(error) => ReadManifest::Unreadable(error.to_string()),
    })
}

/// Read at most `limit` bytes of the regular file at `path` into `bytes`.
pub(super) fn read_file(folder: &Folder, path: &[u8], limit: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let (file, _) = folder.regular_file(path)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    bytes.resize(limit.min(FIRST_READ), 0);
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *room))?;
        if length == 0 {
            break;
        }
        filled += length;
        if filled == bytes.len() {
            bytes.resize(limit.min(filled.saturating_mul(2)), 0);
        }
    }
    bytes.truncate(filled);
    Ok(())
}
