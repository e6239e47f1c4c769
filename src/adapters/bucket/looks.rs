//! Looks at single things, and content.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::BucketStorage;
use super::answers::Object;
use super::fault::StoreFault;
use super::links::{self, LinkContent};
use super::runtime::wait;
use crate::adapters::storage::printable::bytes;
use crate::adapters::storage::uploads::is_uuid;
use crate::domain::digest::Digest;
use crate::domain::layout::{FolderPlace, LinkPlace, Place, UploadPart};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Reason, Unlooked};
use crate::domain::views::storage::{BlobFile, ContentView, HashedBlob, StorageView, TagTarget, Target};
use crate::engine::ports::{Event, Events, Hasher, Pace, Scope, Storage, StorageError, Unhurried};

/// Why what lies in a range that could not be listed is not looked at one by one.
const HIDDEN: &str = "the listing of the bucket failed there";

impl BucketStorage {
    /// What is known of an object.
    pub(super) fn head(&self, key: String) -> Result<Object, StoreFault> {
        let store = Arc::clone(&self.store);
        wait(async move { store.head(&key).await })
    }

    /// Hash an object; nothing but its bytes at one time is hashed.
    pub(super) fn hash_object(
        &self,
        key: &str,
        digest: &Digest,
        pace: &dyn Pace,
    ) -> Result<(HashedBlob, Object), StoreFault> {
        let object = self.head(key.to_owned())?;
        let (mut hasher, mut done) = (Hasher::new(digest.algorithm()), 0);
        while done < object.size {
            let part = self.part(key, done, &object.tag)?;
            if part.is_empty() {
                break;
            }
            hasher.update(&part);
            done += part.len() as u64;
            pace.spend(part.len() as u64);
        }
        Ok((HashedBlob { digest: *digest, actual: hasher.finish(), size: done }, object))
    }

    /// A part of a blob from there on; empty behind its end.
    pub(in crate::adapters) fn blob_part(
        &self,
        digest: &Digest,
        from: u64,
    ) -> Result<bytes::Bytes, StoreFault> {
        self.part(&self.key(&Place::Data(*digest)), from, "")
    }

    fn part(&self, key: &str, from: u64, tag: &str) -> Result<bytes::Bytes, StoreFault> {
        let (store, key, tag) = (Arc::clone(&self.store), key.to_owned(), tag.to_owned());
        wait(async move { store.part(&key, from, &tag).await })
    }

    pub(super) fn read_link(&self, key: String) -> Result<Vec<u8>, StoreFault> {
        let store = Arc::clone(&self.store);
        wait(async move { links::read(&store, &key).await })
    }

    /// At most so many of the first bytes of a blob.
    fn first_bytes(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreFault> {
        let (store, key) = (Arc::clone(&self.store), self.key(&Place::Data(*digest)));
        wait(async move { store.start(&key, limit).await }).map(|bytes| bytes.to_vec())
    }

    /// Whether anything begins with that.
    pub(super) fn begins(&self, prefix: String) -> Result<bool, StoreFault> {
        let store = Arc::clone(&self.store);
        let page = wait(async move { store.first_page(&prefix, true).await })?;
        Ok(!page.entries.is_empty() || !page.folders.is_empty())
    }

    fn content_of_link(&self, place: &Place) -> Result<LinkContent, StoreFault> {
        match self.read_link(self.key(place)) {
            Ok(bytes) => Ok(LinkContent::of(&bytes)),
            Err(StoreFault::Absent) => Ok(LinkContent::Gone),
            Err(fault) => Err(fault),
        }
    }

    fn hash_some(&self, digests: &[Digest], pace: &dyn Pace, events: &dyn Events) -> ContentView {
        let view = Mutex::new(ContentView::default());
        digests.par_iter().filter(|_| !events.stop_requested()).for_each(|digest| {
            let hashed = self.hash_object(&self.key(&Place::Data(*digest)), digest, pace);
            let mut view = view.lock().unwrap_or_else(PoisonError::into_inner);
            match hashed {
                Ok((hashed, _)) => {
                    view.blobs += 1;
                    view.bytes += hashed.size;
                    view.wrong.extend(Some(hashed).filter(|hashed| hashed.actual != hashed.digest));
                }
                Err(StoreFault::Absent) => {}
                Err(fault) => {
                    let root = self.root().into();
                    let unlooked = Unlooked::new(Place::Data(*digest), fault.reason());
                    view.unknown.push(Unlooked { what: unlooked.what.below(&root), ..unlooked });
                }
            }
            events.emit(Event::Advanced(1));
        });
        view.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look at a place, unless the listing failed there.
    fn look<T>(&self, place: &Place, look: impl FnOnce() -> Result<Observed<T>, StoreFault>) -> Observed<T> {
        if self.is_hidden(place) {
            return Observed::Unknown(HIDDEN.into());
        }
        look().unwrap_or_else(StoreFault::observed)
    }
}

impl Storage for BucketStorage {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn collect(&self, scope: &dyn Scope, events: &dyn Events) -> Result<StorageView, StorageError> {
        self.look_at_all(scope, events)
    }

    fn hash_all(&self, digests: &[Digest], pace: &dyn Pace, events: &dyn Events) -> ContentView {
        events.emit(Event::Stage("content", Some(digests.len() as u64)));
        let mut view = ContentView::default();
        self.at_once(&mut || view = self.hash_some(digests, pace, events));
        events.emit(Event::Finished);
        view.wrong.sort_unstable_by_key(|hashed| hashed.digest);
        Unlooked::sort(&mut view.unknown);
        view
    }

    fn at_once(&self, looks: &mut (dyn FnMut() + Send)) {
        match self.pool() {
            Some(pool) => pool.install(looks),
            None => looks(),
        }
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        let place = Place::Data(*digest);
        self.look(&place, || {
            let object = self.head(self.key(&place))?;
            Ok(Observed::Present(BlobFile { size: object.size, modified: object.modified }))
        })
    }

    fn keeps_traces(&self) -> bool {
        false
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        let named = match place {
            LinkPlace::Layer(digest) | LinkPlace::Revision(digest) => Some(*digest),
            LinkPlace::Tag(_) => None,
        };
        let place = Place::Link(repository.clone(), place.clone());
        self.look(&place, || {
            Ok(match self.content_of_link(&place)? {
                LinkContent::Gone => Observed::Absent,
                content @ (LinkContent::Digest(_) | LinkContent::Invalid(_) | LinkContent::Failed) => {
                    Observed::Present(content.target(named.as_ref()))
                }
            })
        })
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        let place = Place::Link(repository.clone(), LinkPlace::Tag(tag.clone()));
        self.look(&place, || {
            Ok(match self.content_of_link(&place)? {
                LinkContent::Digest(digest) => Observed::Present(TagTarget::Digest(digest)),
                LinkContent::Invalid(start) => Observed::Present(TagTarget::Invalid(start)),
                LinkContent::Gone | LinkContent::Failed => {
                    let folder = Place::Folder(FolderPlace::Tag(repository.clone(), tag.clone()));
                    let has_more = self.begins(format!("{}/", self.key(&folder)))?;
                    if has_more { Observed::Present(TagTarget::Missing) } else { Observed::Absent }
                }
            })
        })
    }

    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>> {
        self.look(&Place::Data(*digest), || self.first_bytes(digest, limit).map(Observed::Present))
    }

    fn hash(&self, digest: &Digest) -> Observed<HashedBlob> {
        let place = Place::Data(*digest);
        self.look(&place, || {
            self.hash_object(&self.key(&place), digest, &Unhurried)
                .map(|(hashed, _)| Observed::Present(hashed))
        })
    }

    /// Its `startedat` is there before the daemon answers, on every version.
    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        if !is_uuid(id.as_bytes()) {
            return Observed::Unknown(Reason::NoSession);
        }
        let session = |part| Place::Upload(repository.clone(), id.into(), part);
        self.look(&session(None), || {
            match self.first_of(self.key(&session(Some(UploadPart::StartedAt)))) {
                Err(StoreFault::Absent) => {}
                other => return other.map(Observed::Present),
            }
            let has_more = self.begins(format!("{}/", self.key(&session(None))))?;
            Ok(if has_more { Observed::Present(()) } else { Observed::Absent })
        })
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        let path = place.to_string();
        let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
        let key = bytes(&path).filter(|_| path.split('/').all(is_name));
        let Some(key) = key.and_then(|key| String::from_utf8(key).ok()) else {
            return Observed::Unknown(Reason::OutsideStorage);
        };
        self.look(place, || {
            let key = format!("{}{key}", self.prefix);
            let is_there = self.is_key(&key)? || self.begins(format!("{key}/"))?;
            Ok(if is_there { Observed::Present(()) } else { Observed::Absent })
        })
    }
}

impl BucketStorage {
    /// Whether there is an object of that very key: of all keys that begin with it, it is listed first.
    fn is_key(&self, key: &str) -> Result<bool, StoreFault> {
        let (store, prefix) = (Arc::clone(&self.store), key.to_owned());
        let page = wait(async move { store.first_page(&prefix, true).await })?;
        Ok(page.entries.iter().any(|entry| entry.key == key.as_bytes()))
    }

    fn first_of(&self, key: String) -> Result<(), StoreFault> {
        let store = Arc::clone(&self.store);
        wait(async move { store.start(&key, 1).await }).map(|_| ())
    }
}
