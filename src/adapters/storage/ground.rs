//! Where a repair may change something: below the storage root, and in the quarantines beside it.
//!
//! The storage root, and the folders that hold quarantines, are opened once. From there every path is gone step by
//! step, following no link: what its owner puts in the way leads nowhere.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, accessat};

use super::place::candidates;
use super::spot::{Spot, refused};
use crate::adapters::files::{Folder, dress, private};
use crate::domain::layout::Place;
use crate::engine::ports::StorageWriteError;

/// What becomes of folders that are missing on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is nothing then.
    Leave,
    /// They are made.
    Make,
}

/// A folder of quarantined files, which need not be there yet.
#[derive(Debug)]
pub(super) struct Quarantine {
    pub(super) path: PathBuf,
    /// The folder that it is in.
    above: Folder,
}

/// The storage root and its quarantines.
#[derive(Debug)]
pub(super) struct Ground {
    v2: PathBuf,
    root: Folder,
    quarantines: Vec<Quarantine>,
}

/// Whose folders a path goes through.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// The registry's: what is missing is made with the owner and mode of the folder above, because the daemon,
    /// which may run as another user, has to write there.
    Storage,
    /// Ours alone.
    Quarantine,
}

impl Ground {
    /// Open the storage root `v2`, an absolute path without links, and what is around it.
    pub(super) fn open(v2: &Path) -> Result<Self, StorageWriteError> {
        let root = Folder::open(v2).map_err(refused("open", v2))?;
        let mut quarantines = Vec::new();
        for path in candidates(v2) {
            let Some(parent) = path.parent() else { continue };
            // What may not be entered holds no quarantine of ours.
            if let Ok(above) = Folder::open(parent) {
                quarantines.push(Quarantine { path, above });
            }
        }
        Ok(Self { v2: v2.to_owned(), root, quarantines })
    }

    /// The first of the quarantines that files of storage can be renamed into; if none looks so that inside the driver
    /// root, where there is one.
    pub(super) fn quarantine(&self) -> Option<&Quarantine> {
        let reachable = self.quarantines.iter().find(|quarantine| quarantine.is_reachable(&self.root));
        let within = |quarantine: &&Quarantine| !quarantine.path.starts_with(&self.v2);
        reachable.or_else(|| self.quarantines.iter().rfind(within)).or_else(|| self.quarantines.last())
    }

    /// Where a path leads, which may come from a damaged or forged journal. Nothing if a folder is missing.
    pub(super) fn spot(&self, path: &Path, missing: Missing) -> Result<Option<Spot>, StorageWriteError> {
        let outside = || StorageWriteError::Outside { path: path.to_owned() };
        let (start, base, side) = self.base(path).ok_or_else(outside)?;
        let below = path.strip_prefix(base).ok().ok_or_else(outside)?;
        let names: Option<Vec<&OsStr>> = below.components().map(plain).collect();
        let names = names.ok_or_else(outside)?;
        let (name, folders) = names.split_last().ok_or_else(outside)?;
        let (mut here, mut reached) = (None, base.to_owned());
        for folder in folders {
            reached.push(folder);
            let Some(next) = enter(here.as_ref().unwrap_or(start), folder, &reached, side, missing)? else {
                return Ok(None);
            };
            here = Some(next);
        }
        let folder = here.ok_or_else(outside)?;
        Ok(Some(Spot { folder, name: (*name).to_owned(), path: path.to_owned() }))
    }

    /// The opened folder from which a path is gone, and its own path.
    fn base(&self, path: &Path) -> Option<(&Folder, &Path, Side)> {
        let kept = self.quarantines.iter().find(|quarantine| path.starts_with(&quarantine.path));
        if let (None, Ok(below)) = (kept, path.strip_prefix(&self.v2)) {
            let place = Place::from(below.to_str()?);
            let is_file = matches!(place, Place::Data(_) | Place::Link(..));
            return is_file.then_some((&self.root, &*self.v2, Side::Storage));
        }
        let quarantine = kept?;
        Some((&quarantine.above, quarantine.path.parent()?, Side::Quarantine))
    }

    /// A folder of the registry, by the names on the way; nothing if one is missing.
    pub(super) fn folder(&self, place: &Place) -> Result<Option<Folder>, StorageWriteError> {
        let path = place.to_string();
        let (mut here, mut reached) = (None, self.v2.clone());
        for name in path.split('/') {
            reached.push(name);
            let above = here.as_ref().unwrap_or(&self.root);
            let name = OsStr::new(name);
            let Some(next) = enter(above, name, &reached, Side::Storage, Missing::Leave)? else {
                return Ok(None);
            };
            here = Some(next);
        }
        Ok(here)
    }

    /// A folder of our own, made if need be.
    pub(super) fn own(&self, path: &Path) -> Result<Folder, StorageWriteError> {
        let spot = self.spot(&path.join("any"), Missing::Make)?;
        let outside = || StorageWriteError::Outside { path: path.to_owned() };
        spot.map(|spot| spot.folder).ok_or_else(outside)
    }

    /// Whether `v2` may be written to.
    pub(super) fn writable(&self) -> std::io::Result<()> {
        Ok(accessat(&self.root, ".", Access::WRITE_OK, AtFlags::empty())?)
    }
}

fn plain(part: Component<'_>) -> Option<&OsStr> {
    if let Component::Normal(name) = part { Some(name) } else { None }
}

/// The next folder on the way.
fn enter(
    above: &Folder,
    name: &OsStr,
    path: &Path,
    side: Side,
    missing: Missing,
) -> Result<Option<Folder>, StorageWriteError> {
    let entered = match above.enter(name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        entered => Some(entered.map_err(refused("open", path))?),
    };
    let folder = match (entered, missing) {
        (Some(folder), _) => folder,
        (None, Missing::Leave) => return Ok(None),
        (None, Missing::Make) => make(above, name, side).map_err(refused("make the folder", path))?,
    };
    if matches!(side, Side::Quarantine) {
        let is_ours = folder.stat().and_then(|stat| Ok(private(&stat)?));
        is_ours.map_err(refused("use the folder", path))?;
    }
    Ok(Some(folder))
}

fn make(above: &Folder, name: &OsStr, side: Side) -> std::io::Result<Folder> {
    let (folder, is_new) = above.make(name)?;
    if is_new && matches!(side, Side::Storage) {
        dress(&folder, &above.stat()?, 0o3777)?;
    }
    Ok(folder)
}

impl Quarantine {
    /// Whether files of storage can be renamed into it.
    fn is_reachable(&self, root: &Folder) -> bool {
        let name = self.path.file_name().unwrap_or_default();
        let own = self.above.enter(name);
        let folder = own.as_ref().unwrap_or(&self.above);
        accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()).is_ok()
            && folder.shares_mount(root)
    }

    /// Whether files of that folder can be renamed into it.
    pub(super) fn takes_from(&self, folder: &Folder) -> bool {
        let own = self.above.enter(self.path.file_name().unwrap_or_default());
        own.as_ref().unwrap_or(&self.above).shares_mount(folder)
    }
}
