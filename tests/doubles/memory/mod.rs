//! Storage in memory.

mod view;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::{DATA, FolderPlace, LinkPlace, Place};
use regfsck::domain::name::{RepositoryName, Tag};
use regfsck::domain::observed::{Observed, Reason, Thing, Unlooked};
use regfsck::domain::views::storage::{BlobFile, ContentView, HashedBlob, StorageView, TagTarget, Target};
use regfsck::engine::ports::{
    Events, Hasher, Pace, Scope, SessionMark, Sessions, Storage, StorageError, Uploads,
};

use self::writer::MemoryWriter;
use super::disk::{Disk, Node};
use super::tree::Files;

/// Where the driver's root directory is.
const DRIVER_ROOT: &str = "/memory";
/// Where the storage root is.
pub const ROOT: &str = "/memory/docker/registry/v2";
/// When everything was written that no time was given for: long before any test.
pub const LONG_AGO: i64 = 1_600_000_000;

/// A registry's storage in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage(Arc<Mutex<Disk>>);

/// The disk's own name of a path below the storage root.
fn at(path: &str) -> String {
    inner(&format!("{ROOT}/{path}"))
}

/// The disk's own name of an absolute path.
pub(super) fn inner(path: &str) -> String {
    path.trim_matches('/').to_owned()
}

impl MemoryStorage {
    /// A registry to which nothing was pushed yet.
    pub fn new() -> Self {
        let storage = Self::default();
        storage.make("blobs/sha256");
        storage.make("repositories");
        storage
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// The storage, to be changed by the run of that name.
    pub fn writer(&self, run: &str) -> MemoryWriter {
        MemoryWriter::new(self.clone(), DRIVER_ROOT, run)
    }

    /// Make an empty folder.
    pub fn make(&self, path: &str) {
        self.disk().make(&at(path));
    }

    /// Write a file as if it had been written at that time, in seconds since 1970.
    pub fn write_at(&self, path: &str, bytes: &[u8], modified: i64) {
        self.disk().write(&at(path), bytes, modified);
    }

    /// Let nobody look at something, nor below it.
    pub fn block(&self, path: &str) {
        self.disk().block(at(path).trim_end_matches('/'));
    }

    /// Every file, the quarantine's included, by its absolute path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.disk().files().map(|(path, bytes)| (format!("/{path}"), bytes.to_vec())).collect()
    }

    /// What a look at a place says.
    fn look<T>(&self, place: &Place, read: impl FnOnce(&[u8], i64) -> T) -> Observed<T> {
        match self.disk().file(&at(&place.to_string())) {
            Ok(Some((bytes, modified))) => Observed::Present(read(bytes, modified)),
            Ok(None) => Observed::Absent,
            Err(error) => Observed::Unknown(error.to_string().into()),
        }
    }

    fn there(&self, path: &str) -> Observed<()> {
        match self.disk().look(&at(path)) {
            Ok(Some(_)) => Observed::Present(()),
            Ok(None) => Observed::Absent,
            Err(error) => Observed::Unknown(error.to_string().into()),
        }
    }
}

impl Files for MemoryStorage {
    fn write(&self, path: &str, bytes: &[u8]) {
        self.write_at(path, bytes, LONG_AGO);
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.disk().file(&at(path)).unwrap().map(|(bytes, _)| bytes.to_vec())
    }

    fn remove(&self, path: &str) {
        assert!(self.disk().remove(&at(path)).is_some(), "`{path}` was there");
    }
}

fn hashed(digest: &Digest, bytes: &[u8]) -> HashedBlob {
    HashedBlob { digest: *digest, actual: Hasher::of(digest.algorithm(), bytes), size: bytes.len() as u64 }
}

impl Storage for MemoryStorage {
    fn location(&self) -> String {
        ROOT.to_owned()
    }

    fn collect(&self, scope: &dyn Scope, _events: &dyn Events) -> Result<StorageView, StorageError> {
        let disk = self.disk();
        let unreadable = |source: io::Error| StorageError::Unreadable { path: ROOT.into(), source };
        let root = disk.look(&inner(ROOT)).map_err(unreadable)?;
        if root != Some(&Node::Folder) {
            return Err(unreadable(io::ErrorKind::NotFound.into()));
        }
        Ok(view::collect(&disk, &inner(ROOT), scope, Timestamp::now()))
    }

    fn hash_all(&self, digests: &[Digest], pace: &dyn Pace, _events: &dyn Events) -> ContentView {
        let mut view = ContentView::default();
        for digest in digests {
            match self.hash(digest) {
                Observed::Present(hashed) => {
                    pace.spend(hashed.size);
                    view.blobs += 1;
                    view.bytes += hashed.size;
                    view.wrong.extend(Some(hashed).filter(|hashed| hashed.actual != hashed.digest));
                }
                Observed::Absent => {}
                Observed::Unknown(why) => {
                    let thing = Thing::from(Place::Data(*digest)).below(&Arc::from(ROOT));
                    view.unknown.push(Unlooked::new(thing, why));
                }
            }
        }
        view.wrong.sort_unstable_by_key(|hashed| hashed.digest);
        view
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        self.look(&Place::Data(*digest), |bytes, modified| BlobFile { size: bytes.len() as u64, modified })
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        let named = match place {
            LinkPlace::Layer(digest) | LinkPlace::Revision(digest) => Some(*digest),
            LinkPlace::Tag(_) => None,
        };
        self.look(&Place::Link(repository.clone(), place.clone()), |bytes, _| view::target(bytes, named))
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        let place = Place::Link(repository.clone(), LinkPlace::Tag(tag.clone()));
        match self.look(&place, |bytes, _| view::tag_target(bytes)) {
            Observed::Absent => {
                let folder = FolderPlace::Tag(repository.clone(), tag.clone()).to_string();
                self.there(&folder).map(|()| TagTarget::Missing)
            }
            seen => seen,
        }
    }

    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.look(&Place::Data(*digest), |bytes, _| bytes[..bytes.len().min(limit)].to_vec())
    }

    fn hash(&self, digest: &Digest) -> Observed<HashedBlob> {
        self.look(&Place::Data(*digest), |bytes, _| hashed(digest, bytes))
    }

    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        if !view::is_session(id) {
            return Observed::Unknown(Reason::NoSession);
        }
        self.there(&Place::Upload(repository.clone(), id.into(), None).to_string())
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        let path = place.to_string();
        if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Observed::Unknown(Reason::OutsideStorage);
        }
        self.there(&path)
    }
}

impl Uploads for MemoryStorage {
    fn sessions(&self) -> Observed<Sessions> {
        let disk = self.disk();
        if let Err(error) = disk.look(&at("repositories")) {
            return Observed::Unknown(error.to_string().into());
        }
        let mark = |session: &str| {
            let data = disk.file(&format!("{session}/{DATA}")).ok().flatten();
            let mark = data.map(|(bytes, modified)| SessionMark {
                size: bytes.len() as u64,
                modified: i128::from(modified) * 1_000_000_000,
            });
            mark.unwrap_or_default()
        };
        let root = at("") + "/";
        let folders = disk.folders().filter_map(|path| Some((path, path.strip_prefix(&root)?)));
        let sessions = folders.filter_map(|(path, below)| match Place::from(below) {
            place @ Place::Upload(_, _, None) => Some((place, mark(path))),
            _ => None,
        });
        Observed::Present(sessions.collect())
    }
}
