//! The registry's storage on a file system.
//!
//! | file | what it does |
//! |---|---|
//! | `root` | finds the storage root from any folder of `…/docker/registry/v2` |
//! | `names`, `repositories`, `links`, `uploads` | the walk over `repositories/` |
//! | `blobs` | the walk over `blobs/` |
//! | `census` | counting blobs without one |
//! | `leftovers` | folders that lack their `data` or `link` |
//! | `manifests` | reads and parses the manifests that links and tags name |
//! | `content` | hashes blobs |
//! | `look`, `strange` | second looks at single things; what lies in folders that do not belong |
//! | `looks` | how many looks are under way at once |
//! | `gone`, `removals` | by when something went, and that something did which nothing names |
//! | `scheduler` | what a pull-through cache notes beside it |
//! | `folder` | an open folder, and looks relative to it |
//! | `quarantine` | what repairs change |
//! | `ground`, `spot` | where they may, and how a single change is made |
//! | `notes`, `printable` | stray files and failures, and how paths are shown |
//! | `words` | why something is out of place |
//!
//! What is not looked at: what lies beside a `data` or `link` file, tags' history (`index/…`), the content
//! of `hashstates`, and everything behind a symbolic link below the storage root (which is reported as
//! not looked at) unless that was asked for.

mod blobs;
mod census;
mod content;
mod departures;
mod folder;
mod gone;
mod ground;
mod leftovers;
mod links;
mod look;
mod looks;
pub(super) mod manifests;
mod names;
pub(super) mod notes;
mod place;
pub(super) mod printable;
mod quarantine;
mod remains;
mod removals;
mod repositories;
mod root;
mod scheduler;
mod sessions;
mod spot;
mod strange;
#[cfg(test)]
mod tests;
mod times;
pub(super) mod uploads;
pub(super) mod words;

pub use census::FilesystemCensus;
#[cfg(any(test, fuzzing))]
pub(crate) use links::link;
pub use place::quarantined;
pub use quarantine::FilesystemWriter;
pub use sessions::FilesystemUploads;

use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use self::folder::{FileKind, Folder};
use self::looks::Looks;
use self::notes::Notes;
use self::root::Root;
use self::words::NOT_TOP;
use crate::domain::digest::Digest;
use crate::domain::layout::{self, LinkPlace, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Thing, Unlooked};
use crate::domain::shard::Shard;
use crate::domain::views::storage::{
    BlobFile, ContentView, Departures, HashedBlob, Removal, StorageView, StoredBlob, TagTarget, Target,
};
use crate::engine::ports::{Events, Pace, Scope, Storage, StorageError};

/// The storage of a registry with the `filesystem` driver.
#[derive(Debug, Clone)]
pub struct FilesystemStorage {
    root: Root,
    looks: Looks,
    follows: bool,
}

impl FilesystemStorage {
    /// Open the storage root that is, or lies below, a folder that a user named: the driver's
    /// `rootdirectory` (`/var/lib/registry`) or any folder down to `docker/registry/v2`.
    ///
    /// # Errors
    /// When there is nothing, nothing that can be read, or nothing that looks like a registry.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        root::find(path, false).map(Self::at)
    }

    /// Open the `rootdirectory` that a registry's configuration names. There an empty folder is a registry to
    /// which nothing was pushed yet.
    ///
    /// # Errors
    /// As [`FilesystemStorage::open`].
    pub fn open_configured(path: &Path) -> Result<Self, StorageError> {
        root::find(path, true).map(Self::at)
    }

    fn at(root: Root) -> Self {
        Self { root, looks: Looks::default(), follows: false }
    }

    /// With that many looks under way at once; `None` leaves it to a few looks to tell how many storage bears.
    #[must_use]
    pub fn with_io_jobs(self, jobs: Option<NonZeroUsize>) -> Self {
        Self { looks: Looks::of(jobs), ..self }
    }

    /// With links below the root followed when it is read, as the daemon follows them.
    #[must_use]
    pub const fn following(mut self, links: bool) -> Self {
        self.follows = links;
        self
    }

    /// The folder that holds `blobs` and `repositories`; paths of stray files are relative to it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root.path
    }

    /// The names of its repositories and nothing else; what cannot be read is left out.
    #[must_use]
    pub fn repositories(&self) -> Vec<RepositoryName> {
        self.open_root().ok().flatten().map(|root| repositories::names(&root)).unwrap_or_default()
    }

    /// The open storage root; `None` if it need not exist and does not.
    fn open_root(&self) -> Result<Option<Folder>, StorageError> {
        match Folder::open_root(&self.root.path) {
            Ok(folder) if self.follows => {
                let unreadable = |source| StorageError::Unreadable { path: self.root.path.clone(), source };
                folder.following().map(Some).map_err(unreadable)
            }
            Ok(folder) => Ok(Some(folder)),
            Err(error) if self.root.may_be_absent && notes::is_gone(&error) => Ok(None),
            Err(source) => Err(StorageError::Unreadable { path: self.root.path.clone(), source }),
        }
    }

    /// Walk all of it, or a part.
    fn walk(
        &self,
        part: Option<Shard>,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<StorageView, StorageError> {
        let view = self.empty_view();
        let Some(root) = self.open_root()? else { return Ok(view) };
        let root = root.read_by_its_daemon();
        Ok(self.looks.run(&self.root.path, || self.walk_in(&root, view, (part, scope), events)))
    }

    fn walk_in(
        &self,
        root: &Folder,
        mut view: StorageView,
        (part, scope): (Option<Shard>, &dyn Scope),
        events: &dyn Events,
    ) -> StorageView {
        let walked = repositories::walk(root, (part, scope), events);
        let mut notes = walked.notes;
        look_at_top(root, &mut notes);
        let (blobs, more) = blobs::walk(root, part, events);
        notes.extend(more);
        let (manifests, more) = match part {
            None => manifests::read_all(root, &walked.repositories, &blobs, events),
            Some(_) => manifests::read_named(root, &walked.repositories, events),
        };
        notes.extend(more);
        view.blobs = blobs;
        view.repositories = walked.repositories;
        view.changed = walked.changed;
        view.manifests = manifests;
        view.uploads = walked.uploads;
        view.closed = notes.closed();
        (view.stray, view.unknown) = notes.finish(&self.root.path);
        view
    }

    fn empty_view(&self) -> StorageView {
        StorageView::empty(self.location(), Timestamp::now())
    }
}

/// Note what else lies in the storage root.
fn look_at_top(root: &Folder, notes: &mut Notes) {
    let tops = [layout::BLOBS.as_bytes(), layout::REPOSITORIES.as_bytes()];
    let listed = root.each(|name, kind| match kind {
        // A symbolic link or a file of that name shows when it is entered.
        FileKind::Folder | FileKind::Symlink if tops.contains(&name) => {}
        FileKind::Folder if name == place::INSIDE.as_bytes() => {}
        FileKind::Symlink => notes.symlink(root.path_of(name)),
        FileKind::Folder | FileKind::File | FileKind::Other => notes.stray(root.path_of(name), NOT_TOP),
    });
    if let Err(error) = listed {
        notes.failed(root.path().to_owned(), &error);
    }
}

impl Storage for FilesystemStorage {
    fn location(&self) -> String {
        self.root.path.display().to_string()
    }

    fn is_at(&self, location: &str) -> bool {
        let folder = |path: &Path| std::fs::metadata(path).ok().map(|there| (there.dev(), there.ino()));
        let own = folder(&self.root.path);
        self.location() == location || own.is_some() && own == folder(Path::new(location))
    }

    fn collect(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError> {
        self.walk(None, scope, events)
    }

    fn collect_part(
        &self,
        shard: Shard,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<StorageView, StorageError> {
        self.walk(Some(shard), scope, events)
    }

    fn at_once(&self, looks: &mut (dyn FnMut() + Send)) {
        self.looks.run(&self.root.path, looks);
    }

    fn hash_all(&self, digests: &[Digest], pace: &dyn Pace, events: &dyn Events) -> ContentView {
        let root = match self.open_root() {
            Ok(Some(root)) => root,
            Ok(None) => return ContentView::default(),
            Err(error) => {
                let unlooked = Unlooked::new(Thing::side(self.location()), look::with_cause(&error));
                return ContentView { unknown: vec![unlooked], ..ContentView::default() };
            }
        };
        let hash = || content::hash_all(&root, digests, pace, events);
        let (mut view, notes) = self.looks.run(&self.root.path, hash);
        view.wrong.sort_unstable_by_key(|hashed| hashed.digest);
        (_, view.unknown) = notes.finish(&self.root.path);
        view
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        self.look(|root| look::blob(root, digest))
    }

    fn skew(&self) -> SignedDuration {
        let seen = self.look(|root| gone::skew(root).map(Observed::Present));
        seen.present().copied().unwrap_or_default()
    }

    fn gone_by(&self, digest: &Digest) -> Observed<Timestamp> {
        self.look(|root| gone::data(root, digest))
    }

    fn removals(&self, blobs: &[StoredBlob]) -> Vec<Removal> {
        let Ok(Some(root)) = self.open_root() else { return Vec::new() };
        self.looks.run(&self.root.path, || removals::find(&root, blobs))
    }

    fn departures(&self, view: &StorageView) -> Departures {
        let Ok(Some(root)) = self.open_root() else { return Departures::default() };
        self.looks.run(&self.root.path, || departures::find(&root, view))
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        self.look(|root| look::link(root, repository, place))
    }

    fn link_changed(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Timestamp> {
        self.look(|root| gone::link(root, repository, place))
    }

    fn scheduler_state(&self) -> Observed<Vec<u8>> {
        self.look(|_| scheduler::read(&self.root.path))
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        self.look(|root| look::tag(root, repository, tag))
    }

    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>> {
        self.look(|root| look::read(root, digest, limit))
    }

    fn hash(&self, digest: &Digest) -> Observed<HashedBlob> {
        self.look(|root| look::hash(root, digest))
    }

    fn below(&self, stray: &Place, names: &[&str]) -> Observed<Vec<Place>> {
        self.look(|root| strange::below(root, stray, names))
    }

    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        self.look(|root| look::upload(root, repository, id))
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        self.look(|root| look::exists(root, place))
    }

    fn is_closed(&self, place: &Place) -> Observed<()> {
        self.look(|root| look::closed(root, place))
    }
}
