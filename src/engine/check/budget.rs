//! The content check: hashing stored blobs, all or in parts, as fast as it goes or within a budget.
//!
//! Blobs are hashed in the order of their digests. Where the run may end early or is to be gone on with, they
//! are taken in batches, and what is behind a batch is remembered.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::options::{Budget, ContentCheck};
use super::{Run, blocking};
use crate::domain::content::{ContentPass, ContentSubset};
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::rules::{Accusations, storage as storage_rules};
use crate::domain::shard::Shard;
use crate::domain::views::storage::{ContentView, StorageView};
use crate::engine::ports::{Event, Events, Notice, Pace, Storage, Unhurried};

/// The most that a batch holds: what a run that is killed hashes again.
const BATCH_BLOBS: usize = 4096;
const BATCH_BYTES: u64 = 512 << 20;

/// A blob that is to be hashed, and its size.
type Todo = (Digest, u64);

impl Run<'_> {
    /// Hash the content that was asked for, and accuse what is corrupt.
    pub(super) async fn content(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: &mut Accusations,
    ) {
        let Some(ContentCheck { subset, budget }) = self.options.content.clone() else {
            self.coverage.limits.0.push(Limit::ContentUnhashed);
            return;
        };
        let shard = self.options.extent.shard;
        let mut todo = todo(view, subset, shard);
        if !self.options.extent.scope.is_everything() {
            let scope = storage_rules::content_of(view);
            todo.retain(|(digest, _)| scope.contains(digest));
        }
        let (storage, events) = (Arc::clone(storage), Arc::clone(&self.events));
        let hashed = blocking(move || {
            let begun = ContentPass::new(subset, shard);
            Hashing { storage: &*storage, events: &*events, budget: &budget, hashed: Hashed::default() }
                .run(begun, &todo)
        });
        let hashed = hashed.await;
        if let Some(coverage) = &mut self.coverage.storage {
            (coverage.hashed_blobs, coverage.hashed_bytes) = (hashed.view.blobs, hashed.view.bytes);
        }
        self.coverage.limits.0.extend(hashed.limits());
        self.coverage.unknown.extend(hashed.unknown);
        self.coverage.unknown.extend(hashed.view.unknown.iter().cloned());
        storage_rules::accuse_content(&hashed.view, accusations);
    }
}

fn todo(view: &StorageView, subset: ContentSubset, shard: Option<Shard>) -> Vec<Todo> {
    let is_ours = |digest: &Digest| shard.is_none_or(|shard| shard.has_digest(digest));
    let blobs = view.blobs.iter().map(|blob| (blob.digest, blob.size));
    blobs.filter(|(digest, _)| subset.includes(digest) && is_ours(digest)).collect()
}

/// What was hashed, and what was not.
#[derive(Default)]
struct Hashed {
    view: ContentView,
    /// Blobs that an earlier run has hashed.
    earlier: usize,
    /// Blobs for which there was no time.
    left: usize,
    can_resume: bool,
    unknown: Vec<Unlooked>,
}

impl Hashed {
    fn limits(&self) -> impl Iterator<Item = Limit> {
        let earlier = Limit::HashedEarlier { blobs: self.earlier as u64 };
        let left = Limit::HashingCut { blobs: self.left as u64, can_resume: self.can_resume };
        let earlier = (self.earlier > 0).then_some(earlier);
        earlier.into_iter().chain((self.left > 0).then_some(left))
    }
}

struct Hashing<'a> {
    storage: &'a dyn Storage,
    events: &'a dyn Events,
    budget: &'a Budget,
    hashed: Hashed,
}

impl Hashing<'_> {
    fn run(mut self, begun: ContentPass, todo: &[Todo]) -> Hashed {
        let mut pass = self.resume(begun);
        let (before, rest) = todo.split_at(todo.partition_point(|(digest, _)| Some(*digest) <= pass.after));
        self.hashed.earlier = before.len();
        self.hashed.can_resume = self.budget.resume.is_some();
        self.events.emit(Event::Stage("content", Some(rest.len() as u64)));
        let pace = pace(self.budget.bytes_per_second);
        // What was wrong is looked at again, for the run that saw it may not have lived to say so.
        let again: Vec<_> = std::mem::take(&mut pass.wrong);
        self.hash(&again, &*pace, &mut pass);
        self.all(rest, &*pace, &mut pass);
        self.events.emit(Event::Finished);
        self.hashed
    }

    fn all(&mut self, todo: &[Todo], pace: &dyn Pace, pass: &mut ContentPass) {
        let mut rest = todo;
        while !rest.is_empty() {
            if self.budget.until.is_some_and(|until| Instant::now() >= until) {
                self.hashed.left = rest.len();
                return;
            }
            let (batch, after) = rest.split_at(self.batch(rest));
            rest = after;
            let digests: Vec<_> = batch.iter().map(|(digest, _)| *digest).collect();
            self.hash(&digests, pace, pass);
            // A batch that was broken off is hashed again by whoever resumes.
            if self.events.stop_requested() {
                return;
            }
            pass.after = digests.last().copied();
            self.save(pass);
        }
        if self.events.stop_requested() {
            return;
        }
        // Whoever resumes a pass that is over begins the next one.
        (pass.after, pass.wrong) = (None, Vec::new());
        self.save(pass);
    }

    /// How many of the blobs are hashed before the clock and the bookmark are looked at.
    fn batch(&self, todo: &[Todo]) -> usize {
        if self.budget.until.is_none() && self.budget.resume.is_none() {
            return todo.len();
        }
        let mut bytes = 0_u64;
        let fits = |(_, size): &&Todo| {
            bytes = bytes.saturating_add(*size);
            bytes <= self.budget.batch_bytes()
        };
        todo.iter().take(BATCH_BLOBS).take_while(fits).count().max(1)
    }

    fn hash(&mut self, digests: &[Digest], pace: &dyn Pace, pass: &mut ContentPass) {
        let view = self.storage.hash_all(digests, pace, &Steps(self.events));
        pass.wrong.extend(view.wrong.iter().map(|hashed| hashed.digest));
        let all = &mut self.hashed.view;
        (all.blobs, all.bytes) = (all.blobs + view.blobs, all.bytes + view.bytes);
        all.wrong.extend(view.wrong);
        all.unknown.extend(view.unknown);
    }

    /// Where an earlier run about the same content stopped, if one did.
    fn resume(&mut self, begun: ContentPass) -> ContentPass {
        match self.budget.resume.as_ref().map(|bookmark| bookmark.load()) {
            Some(Ok(Some(pass))) if pass.is_same(&begun) => pass,
            Some(Err(error)) => {
                // Everything is hashed then, which is right, if slow.
                let why = format!("{error}: {}", error.source);
                self.events.emit(Event::Notice(Notice::HashedAnew(why)));
                begun
            }
            Some(Ok(_)) | None => begun,
        }
    }

    fn save(&mut self, pass: &ContentPass) {
        let Some(bookmark) = &self.budget.resume else { return };
        if let Err(error) = bookmark.save(pass) {
            let why = format!("{}; --resume would begin again", error.source);
            let unlooked = Unlooked::new(Thing::File(error.path.into(), None), why);
            if !self.hashed.unknown.contains(&unlooked) {
                self.hashed.unknown.push(unlooked);
            }
        }
    }
}

impl Budget {
    /// A slow pace makes small batches, so that the clock is looked at often enough.
    fn batch_bytes(&self) -> u64 {
        self.bytes_per_second.map_or(BATCH_BYTES, |rate| rate.min(BATCH_BYTES))
    }
}

/// Passes only the steps on: the stage is one, however many batches it takes.
struct Steps<'a>(&'a dyn Events);

impl Events for Steps<'_> {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Advanced(_) | Event::Notice(_)) {
            self.0.emit(event);
        }
    }

    fn stop_requested(&self) -> bool {
        self.0.stop_requested()
    }
}

fn pace(bytes_per_second: Option<u64>) -> Box<dyn Pace> {
    match bytes_per_second {
        Some(rate) => Box::new(Throttle { rate: rate.max(1), free: Mutex::new(Instant::now()) }),
        None => Box::new(Unhurried),
    }
}

/// Lets so many bytes a second through, over all threads.
struct Throttle {
    rate: u64,
    /// When what was read so far is paid for.
    free: Mutex<Instant>,
}

impl Throttle {
    /// How long whoever has just read so many bytes waits.
    fn charge(&self, bytes: u64, now: Instant) -> Duration {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        // Time that was not used is lost: the pace holds for every second, not on average.
        *free = (*free).max(now) + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        free.saturating_duration_since(now)
    }
}

impl Pace for Throttle {
    fn spend(&self, bytes: u64) {
        thread::sleep(self.charge(bytes, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_makes_every_byte_wait_for_those_before_it() {
        let now = Instant::now();
        let throttle = Throttle { rate: 1000, free: Mutex::new(now) };
        assert_eq!(throttle.charge(500, now), Duration::from_millis(500));
        assert_eq!(throttle.charge(500, now), Duration::from_secs(1));
        let later = now + Duration::from_secs(10);
        assert_eq!(throttle.charge(1000, later), Duration::from_secs(1));
    }
}
