//! The walk over `blobs/<alg>/<hh>/<hex>/data`.
//!
//! Each of the 256 shard folders is listed once, and each `data` looked at from there. The folder of a
//! blob itself is opened only where `data` is missing, so what else lies beside a `data` file
//! (a `data.<uuid>.tmp` of a daemon that was killed, 3.1 and later) is not seen.

use rayon::prelude::*;

use super::folder::{FileKind, Folder};
use super::leftovers::{self, Leftovers};
use super::notes::{Notes, is_gone};
use super::words::{FILE_IN_SHARD, NO_BLOB, NOT_BLOB_ALGORITHM, NOT_DIGEST, NOT_SHARD, WRONG_SHARD};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout;
use crate::domain::shard as domain;
use crate::domain::views::storage::StoredBlob;
use crate::engine::ports::{Event, Events};

/// One folder of blobs whose digests begin alike.
struct Shard<'a> {
    algorithm: Algorithm,
    parent: &'a Folder,
    name: [u8; 2],
}

/// Every stored blob, or those of a part, sorted by digest.
pub(super) fn walk(
    root: &Folder,
    part: Option<domain::Shard>,
    events: &dyn Events,
) -> (Vec<StoredBlob>, Notes) {
    let mut notes = Notes::default();
    let folders = algorithms(root, &mut notes);
    let shards = folders.iter().flat_map(|(algorithm, folder)| shards(*algorithm, folder, &mut notes));
    let shards: Vec<_> = shards.filter(|shard| part.is_none_or(|part| shard.is_of(part))).collect();
    events.emit(Event::Stage("blobs", Some(shards.len() as u64)));
    let walked: Vec<_> = shards
        .par_iter()
        .with_max_len(1)
        .filter(|_| !events.stop_requested())
        .map(|shard| {
            let blobs = shard.walk();
            events.emit(Event::Advanced(1));
            blobs
        })
        .collect();
    events.emit(Event::Finished);
    // The shards are sorted by the digests' first digits, so the whole needs no sorting again.
    let mut blobs = Vec::with_capacity(walked.iter().map(|(blobs, _)| blobs.len()).sum());
    for (some, more) in walked {
        blobs.extend_from_slice(&some);
        notes.extend(more);
    }
    (blobs, notes)
}

fn algorithms(root: &Folder, notes: &mut Notes) -> Vec<(Algorithm, Folder)> {
    let mut found = Vec::new();
    if let Some(blobs) = root.enter_noting(layout::BLOBS, notes) {
        blobs.each_folder(NOT_BLOB_ALGORITHM, notes, |name, notes| match algorithm(name) {
            Some(algorithm) => {
                found.extend(blobs.enter_noting(name, notes).map(|folder| (algorithm, folder)));
            }
            None => notes.stray(blobs.path_of(name), NOT_BLOB_ALGORITHM),
        });
    }
    found.sort_unstable_by_key(|(algorithm, _)| *algorithm);
    found
}

/// The algorithm that a folder is named after.
pub(super) fn algorithm(name: &[u8]) -> Option<Algorithm> {
    std::str::from_utf8(name).ok().and_then(Algorithm::from_name)
}

fn shards<'a>(algorithm: Algorithm, parent: &'a Folder, notes: &mut Notes) -> Vec<Shard<'a>> {
    let mut found = Vec::new();
    parent.each_folder(NOT_SHARD, notes, |name, notes| match <[u8; 2]>::try_from(name) {
        Ok(name) if name.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) => {
            found.push(Shard { algorithm, parent, name });
        }
        _ => notes.stray(parent.path_of(name), NOT_SHARD),
    });
    found.sort_unstable_by_key(|shard| shard.name);
    found
}

impl Shard<'_> {
    /// Whether that part lists it.
    fn is_of(&self, part: domain::Shard) -> bool {
        let first = str::from_utf8(&self.name).ok().and_then(|name| u8::from_str_radix(name, 16).ok());
        first.is_some_and(|first| part.has_folder(first))
    }

    fn walk(&self) -> (Vec<StoredBlob>, Notes) {
        let mut notes = Notes::default();
        let mut blobs = Vec::new();
        if let Some(folder) = self.parent.enter_noting(self.name, &mut notes) {
            let mut path = Vec::new();
            folder.each_folder(FILE_IN_SHARD, &mut notes, |name, notes| {
                match Digest::from_hex(self.algorithm, name) {
                    Some(digest) if name.starts_with(&self.name) => {
                        blobs.extend(look_at_blob(&folder, name, digest, &mut path, notes));
                    }
                    Some(_) => notes.stray(folder.path_of(name), WRONG_SHARD),
                    None => notes.stray(folder.path_of(name), NOT_DIGEST),
                }
            });
        }
        blobs.sort_unstable_by_key(|blob: &StoredBlob| blob.digest);
        blobs.shrink_to_fit();
        (blobs, notes)
    }
}

pub(super) fn look_at_blob(
    shard: &Folder,
    name: &[u8],
    digest: Digest,
    path: &mut Vec<u8>,
    notes: &mut Notes,
) -> Option<StoredBlob> {
    path.clear();
    path.extend_from_slice(name);
    path.push(b'/');
    path.extend_from_slice(layout::DATA.as_bytes());
    let mut look = shard.look(&*path);
    if look.as_ref().is_err_and(is_gone)
        && leftovers::list(shard, name, layout::DATA, &[], notes) == Leftovers::Arrived
    {
        look = shard.look(&*path);
    }
    match look {
        Ok(look) => match look.kind {
            FileKind::File => {
                shard.note_kept(path, &[Some(look)], notes);
                return Some(StoredBlob { digest, size: look.size, modified: look.modified });
            }
            FileKind::Symlink => notes.symlink(shard.path_of(&*path)),
            FileKind::Folder | FileKind::Other => notes.stray(shard.path_of(&*path), NO_BLOB),
        },
        Err(error) => notes.failed(shard.path_of(&*path), &error),
    }
    None
}
