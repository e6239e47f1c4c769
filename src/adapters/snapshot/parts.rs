//! Parts of a storage view, collected on several machines, as storage.
//!
//! What was seen can be said again. What was not seen may have come since, so that only storage itself can say that it is
//! not there: where that is at hand too, it is asked whatever is asked after the walk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{SnapshotError, read_part};
use crate::adapters::bucket_settings::BucketSettings;
use crate::domain::digest::Digest;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Reason, Thing, Unlooked};
use crate::domain::views::storage::{
    BlobFile, ContentView, Departures, HashedBlob, JoinError, Removal, StorageView, StoredBlob, TagTarget,
    Target,
};
use crate::engine::ports::{Events, Pace, Scope, Sessions, Storage, StorageError, Uploads};

/// Why parts are no view.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// One of them cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A folder of them cannot be listed.
    #[error("list the parts in `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is none.
    #[error("there are no parts in `{}`", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// Storage that is no longer, or never was, what they show.
    #[error(
        "the parts are of other storage: they were taken of `{root}`, and of {asked} blobs that they show `{storage}` lacks {absent}; give the --storage that they were taken of, by the same path, and take them anew where much was deleted since"
    )]
    Elsewhere {
        /// How many were not there.
        absent: usize,
        /// How many were looked for.
        asked: usize,
        /// Where the parts were taken.
        root: String,
        /// Where they were looked for.
        storage: String,
    },
    /// They do not fit together.
    #[error(
        "the parts are not one view: {0}; every part is taken with the same --storage, --repo and N of --shard I/N"
    )]
    Join(#[from] JoinError),
}

/// Storage as it was seen in parts.
#[derive(Debug, Clone)]
pub struct SnapshotStorage(Arc<StorageView>);

impl SnapshotStorage {
    /// Read the parts; a folder stands for the files in it.
    ///
    /// # Errors
    /// When one cannot be read, or they are not all parts of one view.
    pub fn open(paths: &[PathBuf]) -> Result<Self, PartsError> {
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() { files.extend(listed(path)?) } else { files.push(path.clone()) }
        }
        let parts = files.iter().map(|path| read_part(path)).collect::<Result<_, _>>()?;
        let view = StorageView::join(parts)?;
        let nothing = || PartsError::Nothing { path: paths.first().cloned().unwrap_or_default() };
        Ok(Self(Arc::new(view.ok_or_else(nothing)?)))
    }

    /// With storage itself, for whatever is asked after the walk.
    ///
    /// # Errors
    /// When it is other storage: whatever the parts show would be denied.
    pub fn beside(self, storage: Arc<dyn Storage>) -> Result<Arc<dyn Storage>, PartsError> {
        let blobs = &self.0.blobs;
        let sample: Vec<_> = blobs.iter().step_by(blobs.len().div_ceil(SAMPLE).max(1)).collect();
        let absent = sample.iter().filter(|blob| storage.blob(&blob.digest) == Observed::Absent).count();
        if self.0.root != storage.location() || absent * 2 > sample.len() {
            let root = self.0.root.clone();
            let elsewhere =
                PartsError::Elsewhere { absent, asked: sample.len(), root, storage: storage.location() };
            return Err(elsewhere);
        }
        Ok(Arc::new(Beside { seen: self, storage }))
    }

    fn scoped(&self, scope: &dyn Scope) -> Arc<StorageView> {
        if scope.is_everything() {
            return Arc::clone(&self.0);
        }
        let mut view = StorageView::clone(&self.0);
        view.repositories.retain(|repository| scope.includes(&repository.name));
        view.uploads.retain(|upload| scope.includes(&upload.repository));
        Arc::new(view)
    }
}

/// So many blobs tell whether storage is what was seen.
const SAMPLE: usize = 16;

fn listed(folder: &Path) -> Result<Vec<PathBuf>, PartsError> {
    let failed = |source| PartsError::Folder { path: folder.into(), source };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(PartsError::Nothing { path: folder.into() }) } else { Ok(files) }
}

/// What was seen; of what was not, a snapshot cannot say that it is not there.
fn seen<T>(thing: Option<T>) -> Observed<T> {
    thing.map_or(Observed::Unknown(Reason::OnlyParts), Observed::Present)
}

impl Storage for SnapshotStorage {
    fn location(&self) -> String {
        self.0.root.clone()
    }

    fn collect(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError> {
        self.collect_shared(scope, events).map(Arc::unwrap_or_clone)
    }

    fn collect_shared(&self, scope: &dyn Scope, _: &dyn Events) -> Result<Arc<StorageView>, StorageError> {
        Ok(self.scoped(scope))
    }

    fn hash_all(&self, digests: &[Digest], _: &dyn Pace, _: &dyn Events) -> ContentView {
        let unlooked = |digest: &Digest| Unlooked::new(Thing::from(Place::Data(*digest)), Reason::OnlyParts);
        ContentView { unknown: digests.first().map(unlooked).into_iter().collect(), ..ContentView::default() }
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        seen(self.0.blob(digest).map(|blob| BlobFile { size: blob.size, modified: blob.modified }))
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        let found = self.0.repository(repository).and_then(|repository| match place {
            LinkPlace::Layer(digest) => repository.layers.find(digest),
            LinkPlace::Revision(digest) => repository.revisions.find(digest),
            LinkPlace::Tag(_) => None,
        });
        seen(found.map(|link| link.target.clone()))
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        let found = self.0.repository(repository);
        let found = found.and_then(|repository| repository.tags.iter().find(|one| one.tag == *tag));
        seen(found.map(|tag| tag.current.clone()))
    }

    fn scheduler_state(&self) -> Observed<Vec<u8>> {
        Observed::Unknown(Reason::OnlyParts)
    }

    fn below(&self, _: &Place, _: &[&str]) -> Observed<Vec<Place>> {
        Observed::Unknown(Reason::OnlyParts)
    }

    fn read(&self, _: &Digest, _: u64) -> Observed<Vec<u8>> {
        Observed::Unknown(Reason::OnlyParts)
    }

    fn hash(&self, _: &Digest) -> Observed<HashedBlob> {
        Observed::Unknown(Reason::OnlyParts)
    }

    fn keeps_traces(&self) -> bool {
        !BucketSettings::is_url(&self.0.root)
    }

    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        let mut uploads = self.0.uploads.iter();
        seen(uploads.find(|upload| upload.repository == *repository && upload.id == id).map(|_| ()))
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        seen(self.0.stray.iter().find(|stray| stray.place == *place).map(|_| ()))
    }
}

/// Of upload sessions under way parts show nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoUploads;

impl Uploads for NoUploads {
    fn sessions(&self) -> Observed<Sessions> {
        Observed::Unknown(Reason::OnlyParts)
    }
}

/// Parts, and storage itself for whatever is asked after the walk.
struct Beside {
    seen: SnapshotStorage,
    storage: Arc<dyn Storage>,
}

impl Storage for Beside {
    fn location(&self) -> String {
        self.storage.location()
    }

    fn collect(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError> {
        self.seen.collect(scope, events)
    }

    fn collect_shared(
        &self,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<Arc<StorageView>, StorageError> {
        self.seen.collect_shared(scope, events)
    }

    fn hash_all(&self, digests: &[Digest], pace: &dyn Pace, events: &dyn Events) -> ContentView {
        self.storage.hash_all(digests, pace, events)
    }

    fn at_once(&self, looks: &mut (dyn FnMut() + Send)) {
        self.storage.at_once(looks);
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        self.storage.blob(digest)
    }

    fn skew(&self) -> SignedDuration {
        self.storage.skew()
    }

    fn gone_by(&self, digest: &Digest) -> Observed<Timestamp> {
        self.storage.gone_by(digest)
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        self.storage.link(repository, place)
    }

    fn link_changed(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Timestamp> {
        self.storage.link_changed(repository, place)
    }

    fn keeps_traces(&self) -> bool {
        self.storage.keeps_traces()
    }

    fn removals(&self, blobs: &[StoredBlob]) -> Vec<Removal> {
        self.storage.removals(blobs)
    }

    fn departures(&self, view: &StorageView) -> Departures {
        self.storage.departures(view)
    }

    fn scheduler_state(&self) -> Observed<Vec<u8>> {
        self.storage.scheduler_state()
    }

    fn below(&self, stray: &Place, names: &[&str]) -> Observed<Vec<Place>> {
        self.storage.below(stray, names)
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        self.storage.tag(repository, tag)
    }

    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>> {
        self.storage.read(digest, limit)
    }

    fn hash(&self, digest: &Digest) -> Observed<HashedBlob> {
        self.storage.hash(digest)
    }

    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        self.storage.has_upload(repository, id)
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        self.storage.exists(place)
    }

    fn is_closed(&self, place: &Place) -> Observed<()> {
        self.storage.is_closed(place)
    }
}
