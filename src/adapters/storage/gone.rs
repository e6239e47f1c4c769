//! By when something was gone: the innermost folder around it that is left was changed when it went, or later.
//!
//! The time of change (`ctime`) counts, not that of modification, which whoever restores a backup sets back.

use std::io;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{fstat, fstatfs};

use super::folder::Folder;
use super::notes::is_gone;
use super::times::Times;
use crate::domain::digest::Digest;
use crate::domain::layout::{self, LinkPlace};
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Observed, Reason};

/// By how much the clock of a file server may be behind that of this machine.
const FOREIGN: SignedDuration = SignedDuration::from_secs(60);

/// Filesystems whose times are those of another machine: NFS, SMB (three of them), 9P, Ceph, FUSE, AFS, GFS2, Lustre.
const NETWORK: [u32; 10] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x00c3_6400,
    0x6573_5546,
    0x5346_414f,
    0x0116_1970,
    0x0bd0_0bd0,
];

/// By when the data of that digest was gone.
pub(super) fn data(root: &Folder, digest: &Digest) -> io::Result<Observed<Timestamp>> {
    let path = layout::FolderPlace::Blob(*digest).to_string();
    let mut folder = root.descend(std::iter::empty::<&str>())?;
    for name in path.split('/') {
        folder = match folder.enter(name) {
            Ok(inner) => inner,
            Err(error) if is_gone(&error) => break,
            Err(error) => return Err(error),
        };
    }
    changed(&folder)
}

/// When the folder of a link was last changed.
pub(super) fn link(
    root: &Folder,
    name: &RepositoryName,
    place: &LinkPlace,
) -> io::Result<Observed<Timestamp>> {
    changed(&root.at(&layout::FolderPlace::Link(name.clone(), place.clone()))?)
}

fn changed(folder: &Folder) -> io::Result<Observed<Timestamp>> {
    let times = Times::told(&fstat(folder.handle())?);
    Ok(times.map_or(Observed::Unknown(Reason::NoTimes), |times| Observed::Present(times.changed)))
}

/// By how much the clock of what lies there may be behind that of this machine.
pub(super) fn skew(root: &Folder) -> io::Result<SignedDuration> {
    let kind = u32::try_from(fstatfs(root.handle())?.f_type & 0xffff_ffff).unwrap_or_default();
    Ok(if NETWORK.contains(&kind) { FOREIGN } else { SignedDuration::ZERO })
}
