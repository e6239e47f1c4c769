//! Folders of blobs that something has left since the last blob came into them.
//!
//! ```text
//! push   mkdir <hh>/<hex>        the time of modification of <hh>
//!        rename … <hex>/data     the time of change of data: not before that
//! gc     rmdir <hh>/<hex>        the time of modification of <hh>: after all that
//! rsync  rmdir <hh>/<hex>        the same, and set back: then the time of change of <hh> counts
//! ```
//!
//! So a folder that was modified after every `data` in it was changed lost something last. What came after a loss hides it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use rustix::fs::{AtFlags, statat};

use super::folder::Folder;
use super::times::{SETTLING, Times};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout;
use crate::domain::views::storage::{Removal, StoredBlob};

/// So many of a folder's blobs are looked at, the newest: one that came last is among them, unless its upload took long.
const LOOKED_AT: usize = 64;

/// So long a push takes at most from making the folder of a blob's folder to that of the blob.
const PUSHING: Duration = Duration::from_millis(200);

/// Those that something has left last; what cannot be looked at tells nothing.
pub(super) fn find(root: &Folder, blobs: &[StoredBlob]) -> Vec<Removal> {
    let Ok(folder) = root.descend([layout::BLOBS, Algorithm::Sha256.as_str()]) else { return Vec::new() };
    let look = |first| left(&folder, first, within(blobs, first));
    let mut found: Vec<_> = (0..=u8::MAX).into_par_iter().filter_map(look).collect();
    if !found.is_empty() {
        // A push that has just made a folder is about to put something into it.
        std::thread::sleep(PUSHING);
        found.retain(|removal| look(removal.first) == Some(*removal));
    }
    found
}

/// Those of the blobs, which are sorted, whose digests begin so.
fn within(blobs: &[StoredBlob], first: u8) -> &[StoredBlob] {
    let begins = |blob: &StoredBlob| Removal::first(&blob.digest);
    let start = blobs.partition_point(|blob| begins(blob).is_some_and(|it| it < first));
    let end = blobs.partition_point(|blob| begins(blob).is_some_and(|it| it <= first));
    blobs.get(start..end).unwrap_or_default()
}

fn left(folder: &Folder, first: u8, blobs: &[StoredBlob]) -> Option<Removal> {
    let folder = folder.enter(format!("{first:02x}")).ok()?;
    let times = Times::of(&folder).ok()?;
    // Whoever gives all of it to another user changes what lies in a folder right before.
    let (at, slack) = (times.last(), if times.is_touched() { SETTLING } else { SignedDuration::ZERO });
    let mut newest: Vec<_> = blobs.iter().collect();
    newest.sort_unstable_by_key(|blob| Reverse(blob.modified));
    // One that is gone by now, or not there yet, hides what went before.
    let came_last = |name: &str| changed(&folder, name).is_none_or(|changed| changed + slack >= at);
    let mut known = newest.into_iter().take(LOOKED_AT).map(|blob| blob.digest.hex());
    let is_removal =
        !known.any(|name| came_last(&name)) && !arrived(&folder, blobs).iter().any(|name| came_last(name));
    is_removal.then_some(Removal { first, at })
}

/// What came into the folder since these blobs were seen in it.
fn arrived(folder: &Folder, blobs: &[StoredBlob]) -> Vec<String> {
    let known: HashSet<Digest> = blobs.iter().map(|blob| blob.digest).collect();
    let mut arrived = Vec::new();
    // What cannot be listed is as the walk found it.
    let _ = folder.each(|name, _| {
        let digest = Digest::from_hex(Algorithm::Sha256, name);
        arrived.extend(digest.filter(|digest| !known.contains(digest)).map(|digest| digest.hex()));
    });
    arrived
}

/// When a blob's file, or what is known about it, was last changed.
fn changed(folder: &Folder, name: &str) -> Option<Timestamp> {
    let path = format!("{name}/{}", layout::DATA);
    let stat = statat(folder.handle(), path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(Times::told(&stat).ok()?.changed)
}
