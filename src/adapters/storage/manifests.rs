//! Reading the stored manifests: each once, however many repositories hold it.

use std::io;

use rayon::prelude::*;

use super::folder::Folder;
use super::notes::Notes;
use crate::domain::digest::Digest;
use crate::domain::images::Frontier;
use crate::domain::layout;
use crate::domain::manifest::{MAX_MANIFEST_BYTES, ManifestError, parse};
use crate::domain::views::storage::{ReadManifest, Repository, StoredBlob, StoredManifests, TagTarget};
use crate::engine::ports::{Event, Events};

/// How many manifests a thread reads before it says so.
const BATCH: usize = 128;

/// What was read stands where it will stay, so that nothing is copied together afterwards: of what a large registry
/// takes in memory, manifests are the most.
pub(in crate::adapters) type StoredManifest = (Digest, ReadManifest);

/// What stands in a place that nothing was read into; no reason is empty.
const UNREAD: ReadManifest = ReadManifest::Unreadable(String::new());

/// Read what revision links and tags name and what lies below it, as far as it is stored. `blobs` is sorted by digest.
pub(super) fn read_all(
    root: &Folder,
    repositories: &[Repository],
    blobs: &[StoredBlob],
    events: &dyn Events,
) -> (StoredManifests, Notes) {
    follow(repositories, blobs, events, |wanted| read_level(root, wanted, blobs, events))
}

/// Level by level, read what revision links and tags name and what lies below it, as far as it is stored: `read` is
/// handed places in `blobs`, which is sorted by digest, and answers in their order.
pub(in crate::adapters) fn follow(
    repositories: &[Repository],
    blobs: &[StoredBlob],
    events: &dyn Events,
    mut read: impl FnMut(&[u32]) -> (Vec<StoredManifest>, Notes),
) -> (StoredManifests, Notes) {
    let (mut known, mut notes) = read(&stored(named(repositories), blobs));
    let is_known = |child: &Digest| known.binary_search_by(|(known, _)| known.cmp(child)).is_ok();
    // Children mostly have links of their own; those that do not lie some levels deep, each read once.
    let mut below = Vec::new();
    let mut open = Frontier::of(children(&known).filter(|child| !is_known(child)));
    loop {
        let mut level = open.level();
        if level.is_empty() || events.stop_requested() {
            break;
        }
        level.sort_unstable();
        let (read, more) = read(&stored(level, blobs));
        notes.extend(more);
        open.meet(children(&read).filter(|child| !is_known(child)));
        below.extend(read);
    }
    if !below.is_empty() {
        known.extend(below);
        known.sort_unstable_by_key(|(digest, _)| *digest);
    }
    (StoredManifests::of_sorted(known), notes)
}

/// The same where it is not known what is stored: each is looked for where it lies.
pub(super) fn read_named(
    root: &Folder,
    repositories: &[Repository],
    events: &dyn Events,
) -> (StoredManifests, Notes) {
    let mut notes = Notes::default();
    let mut known = Vec::new();
    let mut open = Frontier::of(named(repositories));
    let Some(folder) = root.enter_noting(layout::BLOBS, &mut notes) else {
        return (StoredManifests::new(), notes);
    };
    loop {
        let level = open.level();
        if level.is_empty() || events.stop_requested() {
            break;
        }
        events.emit(Event::Stage("manifests", Some(level.len() as u64)));
        let batches = level.par_chunks(PIECE).with_max_len(1);
        let batches: Vec<_> = batches.map(|some| find_some(&folder, some, events)).collect();
        events.emit(Event::Finished);
        for (read, more) in batches {
            notes.extend(more);
            open.meet(children(&read));
            known.extend(read);
        }
    }
    (known.into_iter().collect(), notes)
}

/// How many manifests a thread looks for before it takes others: each look may wait.
const PIECE: usize = 16;

/// Those of them that are stored.
fn find_some(folder: &Folder, some: &[Digest], events: &dyn Events) -> (Vec<StoredManifest>, Notes) {
    let mut notes = Notes::default();
    let (mut bytes, mut read) = (Vec::new(), Vec::new());
    for digest in some.iter().filter(|_| !events.stop_requested()) {
        let path = layout::Place::Data(*digest).to_string();
        let below = path.get(layout::BLOBS.len() + 1..).unwrap_or_default();
        // Its size is looked at when it is opened.
        match read_one(folder, below, 0, &mut bytes) {
            Ok(manifest) => read.push((*digest, manifest)),
            Err(error) => notes.failed(path, &error),
        }
    }
    events.emit(Event::Advanced(some.len() as u64));
    (read, notes)
}

/// What indexes among these list.
fn children(read: &[StoredManifest]) -> impl Iterator<Item = Digest> {
    let manifests = read.iter().filter_map(|(_, read)| read.manifest());
    manifests.flat_map(|manifest| &manifest.children).map(|child| child.digest)
}

/// Read these manifests; sorted.
fn read_level(
    root: &Folder,
    wanted: &[u32],
    blobs: &[StoredBlob],
    events: &dyn Events,
) -> (Vec<StoredManifest>, Notes) {
    let mut notes = Notes::default();
    events.emit(Event::Stage("manifests", Some(wanted.len() as u64)));
    let place = |at: &u32| blobs.get(usize::try_from(*at).ok()?).map(|blob| (blob.digest, UNREAD));
    let mut places: Vec<StoredManifest> = Vec::with_capacity(wanted.len());
    places.extend(wanted.iter().filter_map(place));
    if let Some(folder) = root.enter_noting(layout::BLOBS, &mut notes) {
        let batches = wanted.par_chunks(BATCH).zip(places.par_chunks_mut(BATCH));
        let more: Vec<_> = batches
            .with_max_len(1)
            .filter(|_| !events.stop_requested())
            .map(|(some, places)| read_some(&folder, blobs, some, places, events))
            .collect();
        for more in more {
            notes.extend(more);
        }
    }
    events.emit(Event::Finished);
    places.retain(|(_, read)| *read != UNREAD);
    (places, notes)
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
    named.par_sort_unstable();
    named.dedup();
    named
}

/// Their places in `blobs`.
fn stored(named: Vec<Digest>, blobs: &[StoredBlob]) -> Vec<u32> {
    let mut known = blobs.iter().zip(0..).peekable();
    let find = |digest: Digest| {
        // Both are sorted, so one pass over the blobs finds all.
        while known.next_if(|(blob, _)| blob.digest < digest).is_some() {}
        known.peek().filter(|(blob, _)| blob.digest == digest).map(|(_, at)| *at)
    };
    named.into_iter().filter_map(find).collect()
}

fn read_some(
    folder: &Folder,
    blobs: &[StoredBlob],
    some: &[u32],
    places: &mut [StoredManifest],
    events: &dyn Events,
) -> Notes {
    let mut notes = Notes::default();
    let mut bytes = Vec::new();
    let wanted = some.iter().filter_map(|at| blobs.get(usize::try_from(*at).ok()?));
    for (blob, place) in wanted.zip(places) {
        let path = layout::Place::Data(blob.digest).to_string();
        let below = path.get(layout::BLOBS.len() + 1..).unwrap_or_default();
        match read_one(folder, below, blob.size, &mut bytes) {
            Ok(manifest) => place.1 = manifest,
            Err(error) => notes.failed(path, &error),
        }
    }
    events.emit(Event::Advanced(some.len() as u64));
    notes
}

fn read_one(folder: &Folder, path: &str, size: u64, bytes: &mut Vec<u8>) -> io::Result<ReadManifest> {
    if size > MAX_MANIFEST_BYTES {
        return Ok(ReadManifest::Unreadable(ManifestError::TooLarge(size).to_string()));
    }
    // One byte more than the limit, so that a file that has grown shows as too large.
    let size = read_file(folder, path, MAX_MANIFEST_BYTES + 1, bytes)?;
    if size > MAX_MANIFEST_BYTES {
        return Ok(ReadManifest::Unreadable(ManifestError::TooLarge(size).to_string()));
    }
    Ok(understood(bytes))
}

/// The manifest that these bytes are, or why they are none.
pub(in crate::adapters) fn understood(bytes: &[u8]) -> ReadManifest {
    match parse(bytes) {
        Ok(manifest) => ReadManifest::Manifest(manifest),
        Err(error) => ReadManifest::Unreadable(error.to_string()),
    }
}

/// Read at most `limit` bytes of the regular file at `path` into `bytes`; its size.
pub(super) fn read_file(folder: &Folder, path: &str, limit: u64, bytes: &mut Vec<u8>) -> io::Result<u64> {
    let (file, look) = folder.regular_file(path)?;
    bytes.resize(usize::try_from(look.size.min(limit)).unwrap_or(usize::MAX), 0);
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *room))?;
        if length == 0 {
            break;
        }
        filled += length;
    }
    bytes.truncate(filled);
    Ok(look.size)
}
