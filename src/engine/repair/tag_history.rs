//! What a broken tag named: its history, which no daemon reads, has an entry for each manifest that it ever did.
//!
//! Only where one of them is still held by the repository, and no other, does it tell. distribution/distribution#1960 and
//! goharbor/harbor#15970 have such tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::layout::Place;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::views::storage::{StorageView, Target};
use crate::engine::blocking::blocking;
use crate::engine::ports::Storage;

/// What the tags that are accused named, as far as that is told.
pub async fn tag_histories(
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    findings: &[Finding],
) -> BTreeMap<(RepositoryName, Tag), Digest> {
    let mut named = BTreeMap::new();
    for finding in findings {
        let (Some(name), Some(tag)) = (&finding.subject.repository, &finding.subject.tag) else { continue };
        let Some(repository) = view.repository(name) else { continue };
        let held = repository.revisions.iter().filter(|link| *link.target == Target::Same);
        let held: Vec<Digest> = held.map(|link| link.digest).filter(|it| view.blob(it).is_some()).collect();
        let (storage, at) = (Arc::clone(storage), (name.clone(), tag.clone()));
        let entries = blocking(move || {
            let is_entry = |digest: &Digest| {
                let entry = Place::Entry(at.0.clone(), at.1.clone(), *digest);
                matches!(storage.exists(&entry), Observed::Present(()))
            };
            held.into_iter().filter(is_entry).take(2).collect::<Vec<_>>()
        });
        if let [only] = entries.await[..] {
            named.insert((name.clone(), tag.clone()), only);
        }
    }
    named
}
