//! A file that is being written under a name of its own, until it is put in its place.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::folder::Folder;

/// How the names of drafts begin.
pub(super) const DRAFT: &str = ".regfsck-new-";

/// A new file, for its owner only. It is gone when this is dropped, unless it was put somewhere.
pub(in crate::adapters) struct Draft<'a> {
    pub(in crate::adapters) folder: &'a Folder,
    pub(in crate::adapters) name: String,
    pub(in crate::adapters) file: File,
    is_kept: Cell<bool>,
}

impl<'a> Draft<'a> {
    pub(in crate::adapters) fn new(folder: &'a Folder) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{DRAFT}{}-{number}", std::process::id());
            match folder.create(&*name) {
                Ok(file) => return Ok(Self { folder, name, file, is_kept: Cell::new(false) }),
                // Left by a process of that number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Leave what has its name by now where it is.
    pub(in crate::adapters) fn keep(&self) {
        self.is_kept.set(true);
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_kept.get() {
            let _ = self.folder.drop_own(&*self.name);
        }
    }
}
