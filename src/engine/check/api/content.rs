//! Content over the API: every blob whose last byte came is fetched whole and hashed, once for all repositories.

use std::collections::BTreeMap;

use super::Explorer;
use crate::domain::content::ContentSubset;
use crate::domain::digest::Digest;
use crate::domain::report::ServedCoverage;
use crate::domain::views::served::{Answer, Delivery, ServedView, Subject};

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
        for (known, _) in &self.served.hashed {
            wanted.remove(&known.1);
        }
        let registry = self.registry;
        let questions = wanted.into_values().collect();
        let hashed = self.ask_all("hashing blobs", questions, async |subject: Subject| {
            let hashed = registry.hash_blob(&subject.0, &subject.1).await;
            (subject, hashed)
        });
        let hashed = hashed.await;
        self.served.hashed.extend(hashed);
        self.served.hashed.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// How much was hashed.
pub(super) fn coverage(served: &ServedView) -> ServedCoverage {
    let hashed = served.hashed.iter().filter_map(|(_, asked)| asked.answer.yes());
    let (hashed_blobs, hashed_bytes) =
        hashed.fold((0, 0), |(blobs, bytes), blob| (blobs + 1, bytes + blob.size));
    ServedCoverage { hashed_blobs, hashed_bytes, ..ServedCoverage::default() }
}
