//! The registry's storage in a bucket: of S3, of Google Cloud Storage, or a container of Azure.
//!
//! A bucket is listed, not walked: keys tell what there is, sizes what is short, and MD5 sums what links say.
//!
//! | file | what it does |
//! |---|---|
//! | `store`, `ask`, `answers`, `xml`, `fault` | one bucket, request by request |
//! | `dialect`; `s3`, `credentials`, `gcs`, `azure` | what differs between stores |
//! | `pages`, `objects`, `parts` | listings, single objects, and copies of the largest |
//! | `listing`, `scale` | all keys by as few requests as there are pages, many at once |
//! | `gather`, `misplaced` | what keys are |
//! | `links`, `manifests` | what links say, and the manifests that they name |
//! | `memory` | manifests that an earlier check has read |
//! | `looks` | second looks at single things |
//! | `uploads`, `writer` | sessions under way, and what repairs change |
//! | `facts` | what is set of a bucket, for the doctor |
//! | `runtime` | the threads on which requests are under way |
//!
//! There are no folders in a bucket, so none that is empty tells of what is gone.

mod answers;
mod ask;
mod azure;
mod credentials;
mod dialect;
mod facts;
mod fault;
mod gather;
mod gcs;
mod links;
mod listing;
mod looks;
mod manifests;
mod memory;
mod misplaced;
mod objects;
mod pages;
mod parts;
mod runtime;
mod s3;
mod scale;
mod store;
mod uploads;
mod writer;
mod xml;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use rayon::{ThreadPool, ThreadPoolBuilder};

use self::fault::StoreFault;
use self::gather::Gathered;
use self::listing::{Listed, ListingPlan, REPOSITORIES, Range};
use self::store::ObjectStore;
use crate::adapters::bucket_settings::{BucketSettings, Vendor};
use crate::adapters::storage::notes::Notes;
use crate::domain::layout::{self, Place};
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{Event, Events, Scope, StorageError};

pub use self::uploads::BucketUploads;
pub use self::writer::BucketWriter;

/// So many requests are under way at once unless it is said: more than a store answers at once only wait there.
const JOBS: usize = 32;

/// The storage of a registry with the `s3`, the `gcs` or the `azure` driver.
#[derive(Debug, Clone)]
pub struct BucketStorage {
    store: Arc<ObjectStore>,
    location: String,
    /// What stands before every key of the registry, with a slash at its end.
    prefix: String,
    may_be_empty: bool,
    /// What stands before the keys of a tree that this registry does not see.
    other_tree: Option<String>,
    jobs: usize,
    /// How many links are read one by one at most.
    max_requests: Option<u64>,
    /// Where what outlasts a run is kept.
    state: Arc<OnceLock<PathBuf>>,
    pool: Arc<OnceLock<Option<ThreadPool>>>,
    /// What the listing could not see: nothing there is absent.
    hidden: Arc<Mutex<Vec<Range>>>,
}

impl BucketStorage {
    /// Get ready to look at a bucket. Nothing is asked yet.
    ///
    /// # Errors
    /// When what is said of it has no meaning.
    pub fn open(settings: &BucketSettings, jobs: Option<NonZeroUsize>) -> Result<Self, StorageError> {
        let location = settings.location();
        let unusable = |why| StorageError::Store { location: location.clone(), why, hint: None };
        let store = ObjectStore::new(settings).map_err(unusable)?;
        Ok(Self {
            store: Arc::new(store),
            prefix: settings.prefix(),
            other_tree: other_tree(settings),
            location,
            may_be_empty: settings.may_be_empty,
            jobs: jobs.map_or(JOBS, NonZeroUsize::get),
            max_requests: None,
            state: Arc::default(),
            pool: Arc::default(),
            hidden: Arc::default(),
        })
    }

    /// Read at most so many links one by one.
    #[must_use]
    pub fn reading_at_most(self, max_requests: Option<u64>) -> Self {
        Self { max_requests, ..self }
    }

    /// Keep in that folder what need not be fetched twice.
    pub fn remember_in(&self, state: &Path) {
        // Whoever said so first is right: all say the same.
        let _ = self.state.set(state.to_owned());
    }

    /// The root of the tree, as it is shown before paths below it.
    fn root(&self) -> String {
        format!("{}/{}", self.store.name, self.prefix.trim_end_matches('/'))
    }

    fn key(&self, place: &Place) -> String {
        format!("{}{place}", self.prefix)
    }

    /// As many looks at once as requests may be under way.
    fn pool(&self) -> Option<&ThreadPool> {
        let start = || ThreadPoolBuilder::new().num_threads(self.jobs).build().ok();
        self.pool.get_or_init(start).as_ref()
    }

    /// Whether the listing could not see that place.
    fn is_hidden(&self, place: &Place) -> bool {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.is_empty() {
            return false;
        }
        let path = place.to_string();
        hidden.iter().any(|range| range.holds(path.as_bytes()))
    }

    fn view(&self) -> StorageView {
        StorageView::empty(self.root(), Timestamp::now())
    }

    fn look_at_all(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError> {
        let mut view = self.view();
        let (mut gathered, failed) =
            self.list(scope, events).map_err(|fault| fault.of_storage(&self.location))?;
        if let Some((_, fault)) = failed.first().filter(|_| gathered.keys == 0) {
            if !fault.is_passing() {
                return Err(fault.clone().of_storage(&self.location));
            }
            view.unknown = vec![Unlooked::new(Thing::side(self.location.clone()), fault.reason())];
            return Ok(view);
        }
        self.look_for_other_tree(gathered.keys == 0)?;
        if gathered.keys == 0 && !self.may_be_empty && scope.is_everything() {
            let why = format!("nothing in the bucket begins with `{}`", self.prefix);
            return Err(StorageError::NotARegistry { path: PathBuf::from(&self.location), why });
        }
        self.take_unfinished(&mut gathered);
        gathered.settle();
        gathered.repositories.retain(|name, _| scope.includes(name));
        let reader = links::LinkReader {
            store: Arc::clone(&self.store),
            prefix: self.prefix.clone(),
            jobs: self.jobs,
            max_requests: self.max_requests,
        };
        view.repositories = reader.repositories(&mut gathered, events);
        let memory = memory::ManifestMemory::load(self.state.get().map(PathBuf::as_path));
        let manifests = manifests::Manifests {
            store: Arc::clone(&self.store),
            prefix: self.prefix.clone(),
            jobs: self.jobs,
            tags: &gathered.tags,
            memory: &memory,
        };
        let (read, more) = manifests.read_all(&view.repositories, &gathered.blobs, events);
        memory.save(&read, &gathered.tags);
        gathered.notes.extend(more);
        view.manifests = read;
        view.uploads = gathered.sessions();
        view.uploads.retain(|upload| scope.includes(&upload.repository));
        view.blobs = gathered.blobs;
        self.hide(failed, &mut gathered.notes);
        (view.stray, view.unknown) = gathered.notes.finish(self.root().as_ref());
        Ok(view)
    }

    /// The Azure driver of 2.x and that of 3.x do not see what the other wrote.
    fn look_for_other_tree(&self, is_empty: bool) -> Result<(), StorageError> {
        let Some(prefix) = self.other_tree.clone() else { return Ok(()) };
        match self.begins(prefix.clone()) {
            Ok(true) => {}
            Err(fault) if is_empty => return Err(fault.of_storage(&self.location)),
            Ok(false) | Err(_) => return Ok(()),
        }
        let (own, is_legacy) = (&self.prefix, prefix.starts_with('/'));
        let wrote = if is_legacy { "2.x" } else { "3.x" };
        let why = format!(
            "names in the container begin with `{prefix}`: a registry {wrote} wrote them, and one that looks for `{own}` does \
             not see them"
        );
        if !is_empty {
            tracing::warn!("{}: other {why}; they are not looked at", self.location);
            return Ok(());
        }
        let hint = if is_legacy { "add legacy=true to" } else { "leave legacy=true out of" };
        let hint = format!(
            "to look at them, {hint} the az:// URL; a registry that should serve them needs them copied to names with{} \
             the slash at their start",
            if is_legacy { "out" } else { "" }
        );
        Err(StorageError::Store { location: self.location.clone(), why, hint: Some(hint) })
    }

    /// All keys; and what could not be listed.
    fn list(
        &self,
        scope: &dyn Scope,
        events: &dyn Events,
    ) -> Result<(Gathered, Vec<(Range, StoreFault)>), StoreFault> {
        let (mut gathered, mut failed) = (Gathered::default(), Vec::new());
        let plan = ListingPlan { prefix: self.prefix.clone(), ranges: ranges(scope), jobs: self.jobs };
        events.emit(Event::Stage("keys", None));
        for told in listing::list(Arc::clone(&self.store), plan)? {
            match told {
                Listed::Keys(keys) => {
                    events.emit(Event::Advanced(keys.len() as u64));
                    for key in keys {
                        gathered.take(key);
                    }
                }
                Listed::Failed(range, fault) => failed.push((range, fault)),
            }
            if events.stop_requested() {
                break;
            }
        }
        events.emit(Event::Finished);
        Ok((gathered, failed))
    }

    /// Uploads that were begun and not ended are in no listing. Who may not ask for them checks all else.
    fn take_unfinished(&self, gathered: &mut Gathered) {
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        match runtime::wait(async move { store.unfinished(&prefix).await }) {
            Ok(uploads) => {
                for upload in uploads {
                    let below = upload.key.strip_prefix(self.prefix.as_bytes()).unwrap_or_default();
                    gathered.unfinished(below, upload.begun);
                }
            }
            Err(fault) => {
                tracing::warn!("unfinished multipart uploads are not looked at: {}", fault.reason());
            }
        }
    }

    /// Say what could not be listed, and remember it.
    fn hide(&self, failed: Vec<(Range, StoreFault)>, notes: &mut Notes) {
        for (range, fault) in &failed {
            let places = hidden_by(range).into_iter();
            notes.unknown.extend(places.map(|place| Unlooked::new(Place::from(place), fault.reason())));
        }
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        *hidden = failed.into_iter().map(|(range, _)| range).collect();
    }
}

fn other_tree(settings: &BucketSettings) -> Option<String> {
    let Vendor::Azure(azure) = &settings.vendor else { return None };
    let slash = if azure.is_legacy { "" } else { "/" };
    settings.root.is_empty().then(|| format!("{slash}{}/", layout::ROOT))
}

/// Where to look, where not everywhere.
fn ranges(scope: &dyn Scope) -> Vec<Range> {
    let Some(names) = scope.names() else { return Vec::new() };
    let below = |end: u8, name: &str| [REPOSITORIES, name.as_bytes(), b"/", &[end]].concat();
    let of = |name: &str| Range::new(&below(b'_', name), Some(&below(b'_' + 1, name)));
    let blobs = Range::new(b"", Some(REPOSITORIES));
    std::iter::once(blobs).chain(names.iter().map(|name| of(name.as_str()))).collect()
}

/// The folders that a range touches, by their paths.
fn hidden_by(range: &Range) -> Vec<String> {
    let mut places = Vec::new();
    if range.after.as_slice() < REPOSITORIES {
        let shards = (0..=u8::MAX).map(|shard| format!("{}/sha256/{shard:02x}", layout::BLOBS));
        let touched: Vec<_> = shards.filter(|shard| touches(range, shard)).collect();
        let is_all = touched.len() > usize::from(u8::MAX);
        places.extend(if is_all { vec![layout::BLOBS.to_owned()] } else { touched });
    }
    if range.end.as_deref().is_none_or(|end| end > REPOSITORIES) {
        let folder = |key: &[u8]| {
            let below = std::str::from_utf8(key.strip_prefix(REPOSITORIES)?).ok()?;
            Some(below.split_once('/')?.0.to_owned())
        };
        let (first, last) = (folder(&range.after), range.end.as_deref().and_then(folder));
        places.push(match (first, last) {
            (Some(first), Some(last)) if first == last => format!("{}/{first}", layout::REPOSITORIES),
            _ => layout::REPOSITORIES.to_owned(),
        });
    }
    places
}

/// Whether some of a folder lies in the range.
fn touches(range: &Range, folder: &str) -> bool {
    let (first, behind) = (format!("{folder}/").into_bytes(), format!("{folder}0").into_bytes());
    behind > range.after && range.end.as_ref().is_none_or(|end| first <= *end)
}
