//! Where the quarantine of a storage root lies.
//!
//! ```text
//! /var/lib/registry/docker/registry/v2/…                       the storage root's driver root is /var/lib/registry
//! /var/lib/registry.regfsck-quarantine/<run>/docker/registry/v2/…   beside it, where a rename can reach that
//! /var/lib/registry/regfsck-quarantine/<run>/docker/registry/v2/…   inside it, where the driver root is a mount
//! /var/lib/registry/docker/registry/v2/regfsck-quarantine/<run>/…   inside that, where it is a mount of its own, or a
//!                                                                   symbolic link to a folder of another name
//! ```
//!
//! The registry looks at nothing outside of `docker/`, and below it only at `blobs` and `repositories`: the other places are
//! as invisible to it as the first. Each keeps the whole path below the run's folder: that makes it a storage root of its own.

use std::path::{Path, PathBuf};

use crate::domain::layout::ROOT;

/// The name of one that is not beside the driver root.
pub(super) const INSIDE: &str = "regfsck-quarantine";

/// The quarantine folders that the storage root `v2`, a path without links, can have, the better one first.
pub(super) fn candidates(v2: &Path) -> Vec<PathBuf> {
    let driver_root = v2.ancestors().nth(3).filter(|_| v2.ends_with(ROOT));
    let beside = driver_root.and_then(|driver_root| {
        let mut name = driver_root.file_name()?.to_owned();
        name.push(".regfsck-quarantine");
        Some(driver_root.with_file_name(name))
    });
    let within = driver_root.into_iter().chain([v2]).map(|folder| folder.join(INSIDE));
    beside.into_iter().chain(within).collect()
}

/// What earlier runs put into the quarantine of the storage root `v2`: a driver root each, the newest first.
///
/// Good files can be there too: those that an undo moved aside. What cannot be read is left out, as this
/// is only one more place to look for bytes in.
#[must_use]
pub fn quarantined(v2: &Path) -> Vec<PathBuf> {
    let v2 = v2.canonicalize().unwrap_or_else(|_| v2.to_owned());
    let quarantines = candidates(&v2);
    let entries = quarantines.iter().filter_map(|quarantine| quarantine.read_dir().ok()).flatten().flatten();
    let mut runs: Vec<_> = entries.map(|entry| entry.path()).filter(|run| run.join(ROOT).is_dir()).collect();
    runs.sort_by(|one, other| other.file_name().cmp(&one.file_name()));
    runs
}
