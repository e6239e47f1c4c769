//! Content over the API: every blob whose last byte came is fetched whole and hashed, once for all repositories.

use std::collections::BTreeMap;

use super::Explorer;
use crate::domain::content::ContentSubset;
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use crate::domain::report::ServedCoverage;
use crate::domain::views::served::{Answer, Delivered, Delivery, ServedView, Subject};

/// So many bytes are fetched to be hashed by a check that was not asked to.
const UNASKED: u64 = 64 << 20;

impl Explorer<'_> {
    /// Hash the part that was asked for.
    pub(in crate::engine) async fn hash(&mut self, subset: ContentSubset) {
        let came = |subject: &Subject| subset.includes(&subject.1);
        let mut wanted: BTreeMap<Digest, Subject> = BTreeMap::new();
        for (subject, delivered) in &self.served.delivered {
            if came(subject) && matches!(delivered.last.answer, Answer::Yes(Delivery::Byte(_))) {
                wanted.entry(subject.1).or_insert_with(|| subject.clone());
            }
        }
        self.hash_these(wanted).await;
    }

    /// Hash what comes in another size than a manifest gives, the smallest first, as far as a check may that was not
    /// asked to: the bytes tell which of the two is wrong.
    pub(super) async fn hash_odd_sizes(&mut self) -> Option<Limit> {
        let mut odd: BTreeMap<Digest, (u64, Subject)> = BTreeMap::new();
        for (subject, delivered) in &self.served.delivered {
            if let Some(size) = odd_size(delivered) {
                odd.entry(subject.1).or_insert_with(|| (size, subject.clone()));
            }
        }
        let mut odd: Vec<_> = odd.into_values().collect();
        odd.sort_unstable();
        let (mut left, mut wanted, mut unhashed) = (UNASKED, BTreeMap::new(), (0, 0_u64));
        for (size, subject) in odd {
            if let Some(rest) = left.checked_sub(size) {
                left = rest;
                wanted.insert(subject.1, subject);
            } else {
                unhashed = (unhashed.0 + 1, unhashed.1.saturating_add(size));
            }
        }
        self.hash_these(wanted).await;
        let (blobs, bytes) = unhashed;
        (blobs > 0).then_some(Limit::SizesUnhashed { blobs, bytes })
    }

    async fn hash_these(&mut self, mut wanted: BTreeMap<Digest, Subject>) {
        for (known, _) in &self.served.hashed {
            wanted.remove(&known.1);
        }
        let registry = self.registry;
        let questions: Vec<_> = wanted.into_values().collect();
        if questions.is_empty() {
            return;
        }
        let hashed = self.ask_all("hashing blobs", questions, async |subject: Subject| {
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
