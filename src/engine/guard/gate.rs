//! The gate before garbage collection: a look at storage, and what would come of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::digest::Digest;
use crate::domain::gc::{self, Abort, Loss, Release};
use crate::domain::guard::Gate;
use crate::domain::observed::{Observed, Unlooked};
use crate::domain::views::storage::{StorageView, StoredBlob};
use crate::engine::blocking::blocking;
use crate::engine::ports::{Events, Everything, Storage, StorageError};

/// The garbage collection that is to be let run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Whose garbage collectors it may be; at least one.
    pub flavours: BTreeSet<Release>,
    /// Whether it deletes untagged manifests.
    pub delete_untagged: bool,
}

/// Look at storage, and tell what garbage collection would do; what was seen is good for a snapshot.
///
/// # Errors
/// When storage cannot be read at all.
pub async fn gate(
    storage: Arc<dyn Storage>,
    intent: &Intent,
    before: Option<Arc<StorageView>>,
    events: Arc<dyn Events>,
) -> Result<(Gate, Arc<StorageView>), StorageError> {
    let intent = intent.clone();
    blocking(move || {
        let view = storage.collect(&Everything, &*events)?;
        let gate = judge(&*storage, &view, &intent, before.as_deref());
        Ok((gate, Arc::new(view)))
    })
    .await
}

fn judge(storage: &dyn Storage, view: &StorageView, intent: &Intent, before: Option<&StorageView>) -> Gate {
    let Intent { flavours, delete_untagged } = intent.clone();
    let mut gate = Gate { flavours, delete_untagged, unknown: view.unknown.clone(), ..Gate::default() };
    let mut garbage: BTreeMap<Digest, StoredBlob> = BTreeMap::new();
    for flavour in &intent.flavours {
        let collection = gc::collect(view, *flavour, delete_untagged);
        add(&mut gate.losses, gc::losses(view, &collection, delete_untagged, before));
        garbage.extend(collection.garbage.iter().map(|blob| (blob.digest, *blob)));
        gate.aborts.extend(collection.aborts);
    }
    stray_data(storage, view, &mut gate);
    misnamed(storage, view, &mut gate);
    gate.garbage_blobs = garbage.len() as u64;
    gate.garbage_bytes = garbage.values().map(|blob| blob.size).sum();
    gate.open = gate.aborts.is_empty() && gate.losses.is_empty() && gate.unknown.is_empty();
    if delete_untagged && !gate.open {
        let sparing = Intent { delete_untagged: false, ..intent.clone() };
        gate.open_without_untagged = judge(storage, view, &sparing, before).open;
    }
    gate
}

/// What both flavours take is told once; what one of them takes more, with it.
fn add(losses: &mut Vec<Loss>, more: Vec<Loss>) {
    let known: HashMap<_, _> = losses.iter().zip(0..).map(|(known, at)| (known.images.clone(), at)).collect();
    for loss in more {
        let at: Option<&usize> = known.get(&loss.images);
        let Some(known) = at.and_then(|at| losses.get_mut(*at)) else {
            losses.push(loss);
            continue;
        };
        known.content.extend(loss.content);
        known.content.sort_by_key(|blob| blob.digest);
        known.content.dedup();
        known.links.extend(loss.links);
        known.links.sort();
        known.links.dedup();
        known.is_cut |= loss.is_cut;
    }
}

/// Repositories in folders that do not belong.
fn misnamed(storage: &dyn Storage, view: &StorageView, gate: &mut Gate) {
    let names: Vec<_> = gate.flavours.iter().map(|flavour| flavour.makes_repository()).collect();
    for folder in gc::strange_folders(view) {
        match storage.below(folder, &names) {
            Observed::Present(places) => gate.aborts.extend(places.into_iter().map(Abort::misnamed)),
            Observed::Absent => {}
            Observed::Unknown(why) => gate.unknown.push(Unlooked::new(folder.clone(), why)),
        }
    }
}

fn stray_data(storage: &dyn Storage, view: &StorageView, gate: &mut Gate) {
    for Abort { place, why } in gc::possible_aborts(view) {
        match storage.exists(&place) {
            Observed::Present(()) => {
                gate.aborts.insert(Abort { place, why });
            }
            Observed::Absent => {}
            Observed::Unknown(why) => gate.unknown.push(Unlooked::new(place, why)),
        }
    }
}
