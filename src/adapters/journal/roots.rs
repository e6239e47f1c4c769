//! One storage by several paths: a bind mount shows it on the host and in containers, where no path leads from one to the
//! other.
//!
//! ```text
//! <state dir>/roots.json    the paths under which runs changed the storage root, and what tells it from others
//! ```
//!
//! Where one of the paths leads to it, that tells. Else its number and birth do: in a container the others lead nowhere, or
//! elsewhere.

use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::adapters::files::{PrivateFolder, read_all};

const NAME: &str = "roots.json";
/// Some paths take less.
const LIMIT: u64 = 1 << 20;

/// The storage root that a journal tells of.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roots {
    #[serde(flatten)]
    folder: Option<FolderMark>,
    /// Where it was changed, without links.
    pub paths: Vec<PathBuf>,
}

/// What tells a folder from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct FolderMark {
    device: u64,
    inode: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<SystemTime>,
}

impl FolderMark {
    fn of(path: &Path) -> Option<Self> {
        let there = path.metadata().ok().filter(std::fs::Metadata::is_dir)?;
        Some(Self { device: there.dev(), inode: there.ino(), born: there.created().ok() })
    }

    /// Whether both are one, seen now.
    const fn is(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }

    /// Whether it is one that was seen before: a device has another number after a restart of the machine.
    fn was(&self, before: &Self) -> bool {
        let born = self.born.zip(before.born).map(|(own, other)| own == other);
        self.inode == before.inode && born.unwrap_or(self.device == before.device)
    }
}

impl Roots {
    /// What is known in this state folder; nothing where nobody noted it.
    #[must_use]
    pub fn read(state: &Path) -> Self {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let Some(folder) = PrivateFolder::find(state)? else { return Ok(None) };
            folder.open(NAME)?.map(|(file, _)| read_all(file, LIMIT)).transpose()
        };
        let text = read().ok().flatten().unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Note that this storage root is changed now.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note(state: &Path, v2: &Path) -> io::Result<()> {
        let (known, v2) = (Self::read(state), v2.canonicalize()?);
        let folder = FolderMark::of(&v2);
        let others = known.paths.iter().filter(|path| **path != v2).cloned();
        let paths = others.chain([v2.clone()]).collect();
        let noted = Self { folder, paths };
        if noted == known {
            return Ok(());
        }
        let text = serde_json::to_vec(&noted)?;
        PrivateFolder::make(state)?.replace(NAME, |file| file.write_all(&text))
    }

    /// Whether they are this folder's.
    #[must_use]
    pub(super) fn are_of(&self, v2: &Path) -> bool {
        let Some(own) = FolderMark::of(v2) else { return false };
        let seen: Vec<_> = self.paths.iter().filter_map(|path| FolderMark::of(path)).collect();
        // A clone of the whole disk is as the original, which is still there.
        let is_clone = || seen.iter().any(|mark| self.folder.is_some_and(|folder| mark.was(&folder)));
        let is_seen = seen.iter().any(|mark| mark.is(&own));
        is_seen || self.folder.is_some_and(|folder| own.was(&folder)) && !is_clone()
    }

    /// The paths that lead to this folder here and now.
    pub fn leading_to<'a>(&'a self, v2: &Path) -> impl Iterator<Item = &'a PathBuf> + use<'a> {
        let own = FolderMark::of(v2);
        let is_own =
            move |path: &&PathBuf| FolderMark::of(path).zip(own).is_some_and(|(it, own)| it.is(&own));
        self.paths.iter().filter(is_own)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_root_is_known_by_sight_and_else_by_its_number_and_birth() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().canonicalize().unwrap().join(name);
        let (state, root) = (at("state"), at("root"));
        fs::create_dir(&root).unwrap();
        assert_eq!(Roots::read(&state), Roots::default());
        assert!(!Roots::default().are_of(&root));
        Roots::note(&state, &root).unwrap();
        Roots::note(&state, &root).unwrap();
        let noted = Roots::read(&state);
        assert_eq!(noted.paths, std::slice::from_ref(&root));
        assert!(noted.are_of(&root) && noted.leading_to(&root).eq([&root]));
        // Moved, as a container shows it: its old path leads nowhere.
        let moved = at("moved");
        fs::rename(&root, &moved).unwrap();
        assert!(noted.are_of(&moved) && noted.leading_to(&moved).next().is_none());
        // Another one at the old path says nothing.
        fs::create_dir(&root).unwrap();
        assert!(noted.are_of(&moved));
        if let Some(born) = noted.folder.and_then(|folder| folder.born) {
            let later = Some(born + Duration::from_nanos(1));
            let folder = noted.folder.map(|folder| FolderMark { born: later, ..folder });
            assert!(!Roots { folder, ..noted }.are_of(&moved));
        }
    }

    #[test]
    fn damage_is_no_knowledge() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "{\"paths\": 1}").unwrap();
        assert_eq!(Roots::read(dir.path()), Roots::default());
    }
}
