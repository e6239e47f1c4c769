//! Where the registry's files lie: in a folder, or in memory. Paths are below `docker/registry/v2`.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use super::tree::{Tree, TreeEntry};

/// The few things that a storage driver can do.
pub(super) trait Files: std::fmt::Debug + Send + Sync {
    fn look(&self, path: &str) -> io::Result<TreeEntry>;

    fn read(&self, path: &str) -> io::Result<Bytes>;

    /// At most `length` bytes from `start` on: fewer, or none, if there are no more.
    fn read_part(&self, path: &str, start: u64, length: u64) -> io::Result<Bytes>;

    /// Writes a whole file, making its folders.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Moves a file, making the folders that it goes to.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes a file or a whole folder.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The names in a folder, sorted, and what each is.
    fn list(&self, path: &str) -> io::Result<Vec<(String, TreeEntry)>>;
}

/// Files on disk.
#[derive(Debug)]
pub(super) struct OnDisk {
    base: PathBuf,
}

impl OnDisk {
    pub(super) fn new(root: &Path) -> Self {
        Self { base: root.join("docker/registry/v2") }
    }

    #[expect(clippy::disallowed_methods, reason = "a registry writes its own files; regfsck itself does not")]
    fn make_parent(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.base.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.base))?;
        Ok(path)
    }
}

fn entry(found: &fs::Metadata) -> TreeEntry {
    if found.is_dir() { TreeEntry::Folder } else { TreeEntry::File(found.len()) }
}

impl Files for OnDisk {
    fn look(&self, path: &str) -> io::Result<TreeEntry> {
        fs::metadata(self.base.join(path)).map(|found| entry(&found))
    }

    fn read(&self, path: &str) -> io::Result<Bytes> {
        fs::read(self.base.join(path)).map(Bytes::from)
    }

    fn read_part(&self, path: &str, start: u64, length: u64) -> io::Result<Bytes> {
        let mut file = File::open(self.base.join(path))?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    #[expect(clippy::disallowed_methods, reason = "a registry writes its own files; regfsck itself does not")]
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.make_parent(path)?, bytes)
    }

    #[expect(clippy::disallowed_methods, reason = "a registry writes its own files; regfsck itself does not")]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.base.join(from), self.make_parent(to)?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a registry deletes its own files; regfsck itself does not"
    )]
    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.base.join(path);
        if fs::symlink_metadata(&path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }

    fn list(&self, path: &str) -> io::Result<Vec<(String, TreeEntry)>> {
        let found = |listed: io::Result<fs::DirEntry>| {
            let listed = listed.ok()?;
            Some((listed.file_name().to_string_lossy().into_owned(), entry(&listed.metadata().ok()?)))
        };
        let mut names: Vec<_> = fs::read_dir(self.base.join(path))?.filter_map(found).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// Files in memory.
#[derive(Debug, Default)]
pub(super) struct InMemory(Mutex<Tree>);

impl InMemory {
    pub(super) fn new(tree: Tree) -> Self {
        Self(Mutex::new(tree))
    }

    pub(super) fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for InMemory {
    fn look(&self, path: &str) -> io::Result<TreeEntry> {
        self.tree().look(path)
    }

    fn read(&self, path: &str) -> io::Result<Bytes> {
        self.tree().read(path)
    }

    fn read_part(&self, path: &str, start: u64, length: u64) -> io::Result<Bytes> {
        let bytes = self.tree().read(path)?;
        let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        Ok(bytes.slice(at(start)..at(start.saturating_add(length))))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.tree().write(path, Bytes::copy_from_slice(bytes))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut tree = self.tree();
        let bytes = tree.read(from)?;
        tree.remove(from)?;
        tree.write(to, bytes)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.tree().remove(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<(String, TreeEntry)>> {
        self.tree().list(path)
    }
}
