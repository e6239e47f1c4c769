//! Storage, read only.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::{Events, Pace};
use crate::domain::digest::Digest;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Reason};
use crate::domain::shard::Shard;
use crate::domain::views::storage::{
    BlobFile, ContentView, Departures, HashedBlob, Removal, StorageView, StoredBlob, TagTarget, Target,
};

/// Which repositories a run looks at.
pub trait Scope: Send + Sync {
    /// Whether this repository is looked at.
    fn includes(&self, name: &RepositoryName) -> bool;
    /// The repositories, where each is named in full: then no list of all is needed.
    fn names(&self) -> Option<Vec<RepositoryName>> {
        None
    }
    /// Whether every repository is: only then can content be called unneeded.
    fn is_everything(&self) -> bool;
}

/// Every repository.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everything;

impl Scope for Everything {
    fn includes(&self, _name: &RepositoryName) -> bool {
        true
    }

    fn is_everything(&self) -> bool {
        true
    }
}

/// The registry's storage, read only. Blocking: the engine calls it from threads that may block.
pub trait Storage: Send + Sync {
    /// Where it is, for people.
    fn location(&self) -> String;

    /// Whether that is where it is, by whatever path.
    fn is_at(&self, location: &str) -> bool {
        self.location() == location
    }

    /// Walk all of it: repositories first, blobs after them, so that whatever a push has linked is
    /// seen with its data.
    ///
    /// # Errors
    /// When the root itself cannot be read. Anything below that goes to [`StorageView::unknown`].
    fn collect(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError>;

    /// The same, where it is kept already.
    ///
    /// # Errors
    /// As [`Storage::collect`].
    fn collect_shared(
        &self,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<Arc<StorageView>, StorageError> {
        self.collect(scope, events).map(Arc::new)
    }

    /// Walk one part of it: the blobs of some folders, some repositories, and the manifests that these name, wherever they
    /// lie. [`StorageView::join`] makes the parts one view. Where nothing can be left out, all is walked.
    ///
    /// # Errors
    /// As [`Storage::collect`].
    fn collect_part(
        &self,
        shard: Shard,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<StorageView, StorageError> {
        self.collect(scope, events).map(|view| view.part(shard))
    }

    /// Hash each of these blobs' files, in parallel and no faster than `pace` allows, and say which are not
    /// what their digests say.
    fn hash_all(&self, digests: &[Digest], pace: &dyn Pace, events: &dyn Events) -> ContentView;

    /// Do what looks at single things in parallel, on as many threads as storage bears looks at once.
    fn at_once(&self, looks: &mut (dyn FnMut() + Send)) {
        looks();
    }

    /// Look at one blob's file.
    fn blob(&self, digest: &Digest) -> Observed<BlobFile>;

    /// By how much its clock may be behind that of this machine.
    fn skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    /// By when the data of a blob that is not there was gone, at the latest, by its own clock: its folder, or the
    /// innermost one around it that is left, was last changed when it went, or later. Only files tell.
    fn gone_by(&self, _digest: &Digest) -> Observed<Timestamp> {
        Observed::Unknown(Reason::NoTimes)
    }

    /// Whether something is left of links that are gone: empty folders. A bucket has none.
    fn keeps_traces(&self) -> bool {
        true
    }

    /// The folders of blobs that something has left since the last of these came. Only files tell.
    fn removals(&self, _blobs: &[StoredBlob]) -> Vec<Removal> {
        Vec::new()
    }

    /// What the folders of repositories tell of those that are gone. Only files tell.
    fn departures(&self, _view: &StorageView) -> Departures {
        Departures::default()
    }

    /// Look at one layer or revision link, or a tag's `current/link` ([`Storage::tag`] tells more).
    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target>;

    /// When the folder of a link was last changed, by storage's own clock: also when a link came and went. Only files tell.
    fn link_changed(&self, _repository: &RepositoryName, _place: &LinkPlace) -> Observed<Timestamp> {
        Observed::Unknown(Reason::NoTimes)
    }

    /// What a pull-through cache is to drop one day, as it noted it; only such a daemon does.
    fn scheduler_state(&self) -> Observed<Vec<u8>> {
        Observed::Absent
    }

    /// Look at one tag.
    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget>;

    /// Read at most `limit` bytes of a blob.
    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>>;

    /// Hash one blob's file.
    fn hash(&self, digest: &Digest) -> Observed<HashedBlob>;

    /// The folders of these names anywhere below a folder that does not belong there.
    fn below(&self, _stray: &Place, _names: &[&str]) -> Observed<Vec<Place>> {
        Observed::Absent
    }

    /// Whether an upload session of that name lies in the repository: the handshake of safety rule 6.
    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()>;

    /// Whether something is at that place (for the second look at stray files).
    fn exists(&self, place: &Place) -> Observed<()>;

    /// Whether what is at that place is kept from the daemon's user, where storage has users.
    fn is_closed(&self, place: &Place) -> Observed<()> {
        self.exists(place)
    }
}

/// Why storage cannot be looked at, at all.
#[derive(Debug, Error)]
pub enum StorageError {
    /// There is nothing there.
    #[error("`{}` does not exist", path.display())]
    NoSuchPath {
        /// The path as given.
        path: PathBuf,
    },
    /// There is something, but no registry.
    #[error("`{}` is not the storage root of a registry: {why}", path.display())]
    NotARegistry {
        /// The path as given.
        path: PathBuf,
        /// What was looked for.
        why: String,
    },
    /// Some repositories were asked for, and there is none of them.
    #[error("no repository of `{whole}` matches the names or patterns given")]
    NothingMatches {
        /// The storage root, or the registry's URL.
        whole: String,
    },
    /// The object store refused, or what is said of it has no meaning.
    #[error("cannot look at `{location}`: {why}{}", hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
    Store {
        /// Where it is.
        location: String,
        /// What it said.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The operating system refused.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}
