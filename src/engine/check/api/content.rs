//! Content over the API: every blob whose last byte came is fetched whole and hashed, once for all repositories.

use std::collections::{BTreeMap, BTreeSet};

use super::Explorer;
use crate::domain::content::ContentSubset;
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use crate::domain::report::ServedCoverage;
use crate::domain::views::served::{Answer, Delivered, Delivery, ServedView, Subject};
use crate::engine::check::sizes::{limit, within};

/// So many bytes are fetched to be hashed by a check that was not asked to.
const UNASKED: u64 = 64 << 20;

impl Explorer<'_> {
    /// Hash the part that was asked for.
    pub(in crate::engine) async fn hash(&mut self, subset: ContentSubset) {
        let wanted = self.unhashed(|subject, delivered| {
            let came = matches!(delivered.last.answer, Answer::Yes(Delivery::Byte(_)));
            (came && subset.includes(&subject.1)).then_some(())
        });
        self.hash_these(wanted.into_iter().map(|((), subject)| subject).collect()).await;
    }

    /// Hash what comes in another size than a manifest gives, the smallest first, as far as a check may that was not
    /// asked to: the bytes tell which of the two is wrong.
    pub(super) async fn hash_odd_sizes(&mut self) -> Option<Limit> {
        let odd = self.unhashed(|_, delivered| odd_size(delivered));
        let (wanted, rest) = within(odd, UNASKED);
        self.hash_these(wanted).await;
        limit(rest.into_iter().map(|(size, _)| size))
    }

    /// What is chosen of the blobs that were not hashed yet, each once for all repositories.
    fn unhashed<T>(&self, choose: impl Fn(&Subject, &Delivered) -> Option<T>) -> Vec<(T, Subject)> {
        let known: BTreeSet<Digest> = self.served.hashed.iter().map(|(known, _)| known.1).collect();
        let mut chosen: BTreeMap<Digest, (T, Subject)> = BTreeMap::new();
        for (subject, delivered) in
            self.served.delivered.iter().filter(|(subject, _)| !known.contains(&subject.1))
        {
            if let Some(why) = choose(subject, delivered) {
                chosen.entry(subject.1).or_insert_with(|| (why, subject.clone()));
            }
        }
        chosen.into_values().collect()
    }

    async fn hash_these(&mut self, wanted: Vec<Subject>) {
        if wanted.is_empty() {
            return;
        }
        let registry = self.registry;
        let hashed = self.ask_all("hashing blobs", wanted, async |subject: Subject| {
            let hashed = registry.hash_blob(&subject.0, &subject.1).await;
            (subject, hashed)
        });
        let hashed = hashed.await;
        self.served.hashed.extend(hashed);
        self.served.hashed.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// The size that it came in, where another one is described.
fn odd_size(delivered: &Delivered) -> Option<u64> {
    let size = match delivered.last.answer {
        Answer::Yes(Delivery::Byte(size) | Delivery::Short(size)) => size?,
        Answer::Yes(Delivery::Nothing) | Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => {
            return None;
        }
    };
    (size > 0 && delivered.described.is_some_and(|described| described != size)).then_some(size)
}

/// How much was hashed.
pub(super) fn coverage(served: &ServedView) -> ServedCoverage {
    let hashed = served.hashed.iter().filter_map(|(_, asked)| asked.answer.yes());
    let (hashed_blobs, hashed_bytes) =
        hashed.fold((0, 0), |(blobs, bytes), blob| (blobs + 1, bytes + blob.size));
    ServedCoverage { hashed_blobs, hashed_bytes, ..ServedCoverage::default() }
}
