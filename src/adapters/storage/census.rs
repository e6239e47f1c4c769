//! Counting blobs cheaply: a folder that was not changed since it was read need not be read again.
//!
//! Garbage collection removes the folder of a blob, which changes the folder that this lies in. So 256 looks tell of a
//! registry of any size whether blobs went.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::fstat;

use super::blobs::algorithm;
use super::folder::{FileKind, Folder};
use super::notes::is_gone;
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout;
use crate::domain::watch::{BlobCensus, ShardCensus};
use crate::engine::ports::{Census, StorageError};

/// What was changed less than so long before it was read may be changed again under the same time.
const TICK: i128 = 2_000_000_000;

/// What counts the blobs below a storage root.
#[derive(Debug, Clone)]
pub struct FilesystemCensus {
    root: PathBuf,
}

impl FilesystemCensus {
    /// What counts those below this root, as `…/docker/registry/v2`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Census for FilesystemCensus {
    fn count(&self, before: &BlobCensus) -> Result<BlobCensus, StorageError> {
        let mut census = BlobCensus::default();
        self.add(before, &mut census)
            .map_err(|source| StorageError::Unreadable { path: self.root.join(layout::BLOBS), source })?;
        Ok(census)
    }
}

impl FilesystemCensus {
    fn add(&self, before: &BlobCensus, census: &mut BlobCensus) -> std::io::Result<()> {
        let opened = Folder::open_root(&self.root).and_then(|root| root.enter(layout::BLOBS));
        let blobs = match opened {
            // Nothing was ever pushed to it; where there was something, it is not mounted.
            Err(error) if is_gone(&error) && before.shards.is_empty() => return Ok(()),
            opened => opened?,
        };
        for name in folders(&blobs)? {
            let Some(algorithm) = algorithm(&name) else { continue };
            let parent = blobs.enter(&name)?;
            for name in folders(&parent)? {
                match parent.enter(&name) {
                    Ok(shard) => {
                        let known = before.shards.get(shard.path());
                        census.shards.insert(shard.path().to_owned(), look(&shard, algorithm, known)?);
                    }
                    Err(error) if is_gone(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

fn folders(folder: &Folder) -> std::io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    folder.each(|name, kind| {
        if kind == FileKind::Folder {
            names.push(name.to_owned());
        }
    })?;
    Ok(names)
}

fn look(shard: &Folder, algorithm: Algorithm, known: Option<&ShardCensus>) -> std::io::Result<ShardCensus> {
    let stat = fstat(shard.handle())?;
    let changed = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
    if let Some(known) = known.filter(|known| known.changed == Some(changed)) {
        return Ok(known.clone());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut blobs: Vec<Digest> = Vec::new();
    shard.each(|name, kind| {
        blobs.extend(Digest::from_hex(algorithm, name).filter(|_| kind == FileKind::Folder));
    })?;
    blobs.sort_unstable();
    let is_settled = i128::try_from(now).is_ok_and(|now| now - changed > TICK);
    Ok(ShardCensus { changed: is_settled.then_some(changed), blobs })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn blobs_that_go_are_seen_and_folders_that_stay_are_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let digest = |n: u8| Digest::sha256([n; 32]);
        let folder = |n: u8| {
            let hex = digest(n).hex().clone();
            dir.path().join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex)
        };
        for n in 1..4 {
            fs::create_dir_all(folder(n)).unwrap();
        }
        let census = FilesystemCensus::new(&dir.path().join("docker/registry/v2"));
        let first = census.count(&BlobCensus::default()).unwrap();
        assert_eq!(first.blobs().into_iter().collect::<Vec<_>>(), [1, 2, 3].map(digest));
        fs::rename(folder(2), dir.path().join("gone")).unwrap();
        let second = census.count(&first).unwrap();
        assert_eq!(second.gone_since(&first), [digest(2)]);
        // What is known of a folder that was long not changed is believed.
        let old = SystemTime::now() - std::time::Duration::from_secs(60);
        let shard = folder(1).parent().unwrap().to_owned();
        fs::File::open(&shard).unwrap().set_modified(old).unwrap();
        let mut third = census.count(&second).unwrap();
        let known = third.shards.values_mut().find(|shard| shard.blobs == [digest(1)]).unwrap();
        assert!(known.changed.is_some());
        known.blobs.clear();
        assert_eq!(census.count(&third).unwrap(), third);
        // Storage that is not mounted any more has not lost its blobs.
        fs::rename(dir.path().join("docker"), dir.path().join("away")).unwrap();
        assert!(census.count(&third).is_err());
    }
}
