//! Safety rule 6 for checks that only read: the two views must be of the same registry.
//!
//! A sample of blobs that are stored and linked, spread over the repositories, must be claimed by the
//! daemon. One that is claimed is enough; if none is, the storage belongs to another registry and
//! comparing would accuse everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::digest::Digest;
use crate::domain::layout::{FolderPlace, Place};
use crate::domain::manifest::Descriptor;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Unlooked};
use crate::domain::rules::DaemonSettings;
use crate::domain::views::served::{Answer, ServedBlob, ServedView};
use crate::domain::views::storage::{ReadManifest, Repository, StorageView, Target};
use crate::engine::blocking::blocking;
use crate::engine::ports::{RegistryReader, Storage};

/// How many are asked before the views are called strangers.
const SAMPLE: usize = 16;

/// What the sample showed.
pub(super) enum Same {
    /// They are of one registry, or there is nothing to tell by; the answers so far.
    Shown(ServedView),
    /// They are not.
    Refused(String),
    /// The daemon gave no answer that means anything.
    Unknown(Unlooked),
}

/// Ask about the sample; about what is better let alone only when all else is denied.
pub(super) async fn registry(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    (daemon, alone): (&DaemonSettings, &BTreeSet<Digest>),
) -> Same {
    let mut sample = sample(view);
    sample.sort_by_key(|(_, digest)| alone.contains(digest));
    if sample.is_empty()
        && let Some(why) = foreign(registry, storage, view, daemon).await
    {
        return Same::Refused(why);
    }
    let mut served = ServedView::default();
    let mut failure = None;
    let mut denied = 0_usize;
    for (name, digest) in sample {
        let claim = registry.head_blob(&name, &digest).await;
        match &claim.answer {
            // A daemon that fails at everything is no stranger.
            Answer::Unknown(why) | Answer::Broken(why) => {
                failure = Some(Unlooked::new(claim.exchange.asked, why.clone()));
                continue;
            }
            Answer::No(_) => denied += 1,
            Answer::Yes(_) => {}
        }
        let claimed = claim.answer.yes().is_some();
        served.blobs.push(((name, digest), ServedBlob { claim, delivery: None }));
        if claimed {
            return Same::Shown(served);
        }
    }
    match failure {
        Some(unlooked) if denied == 0 => Same::Unknown(unlooked),
        _ if denied > 0 => Same::Refused(strangers(&registry.location(), view, denied)),
        _ => Same::Shown(served),
    }
}

/// Where storage shows nothing to ask about, as a volume does that is not mounted: why a daemon that lists repositories
/// or tags which are not there is of another registry.
pub(in crate::engine) async fn lists_others(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    daemon: &DaemonSettings,
) -> Option<String> {
    if sample(view).is_empty() { foreign(registry, storage, view, daemon).await } else { None }
}

/// What the daemon lists and storage lacks.
async fn foreign(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    daemon: &DaemonSettings,
) -> Option<String> {
    let catalog = registry.catalog().await;
    for name in catalog.answer.yes()?.iter().take(SAMPLE) {
        // The tags that a pull-through cache lists are those of its remote.
        let tags = if daemon.fetches() { None } else { Some(registry.tags(name).await) };
        let tags = tags.and_then(|tags| tags.answer.yes().cloned()).unwrap_or_default();
        let (looked, at) = (Arc::clone(storage), name.clone());
        let is_other = move || {
            let has_tag = |tag: &Tag| !matches!(looked.tag(&at, tag), Observed::Absent);
            let folder = Place::Folder(FolderPlace::Repository(at.clone()));
            let is_there = !matches!(looked.exists(&folder), Observed::Absent);
            !is_there || !tags.is_empty() && !tags.iter().take(SAMPLE).any(has_tag)
        };
        if blocking(is_other).await {
            return Some(format!(
                "these views are not of the same registry: nothing is stored under `{}`, and `{}` lists `{name}`; is the \
                 volume mounted, and is it the storage of this registry?",
                view.root,
                registry.location(),
            ));
        }
    }
    None
}

fn strangers(location: &str, view: &StorageView, denied: usize) -> String {
    format!(
        "these views are not of the same registry: of {denied} blobs that are stored and linked under `{}`, `{location}` \
         claims none; check that the URL and the storage root belong together",
        view.root,
    )
}

/// Stored, linked blobs from repositories spread evenly: one a repository, and more of each where there are few.
fn sample(view: &StorageView) -> Vec<(RepositoryName, Digest)> {
    let candidates: Vec<_> =
        view.repositories.iter().filter(|repository| healthy(view, repository).next().is_some()).collect();
    let step = candidates.len().div_ceil(SAMPLE).max(1);
    let chosen: Vec<_> = candidates.into_iter().step_by(step).collect();
    let each = SAMPLE.div_ceil(chosen.len().max(1));
    let sample = chosen.into_iter().flat_map(|repository| {
        healthy(view, repository).take(each).map(|digest| (repository.name.clone(), digest))
    });
    sample.collect()
}

/// Those that have the size which a manifest gives; only where there are none, any that have bytes: asking about
/// a damaged one would teach the daemon its size.
fn healthy<'a>(view: &'a StorageView, repository: &'a Repository) -> impl Iterator<Item = Digest> + 'a {
    let is_whole = |need: &&Descriptor| {
        repository.layers.find(&need.digest).is_some_and(|link| *link.target == Target::Same)
            && view.blob(&need.digest).is_some_and(|blob| blob.size > 0 && need.size() == Some(blob.size))
    };
    let manifests = repository.revisions.iter().filter_map(|link| match view.manifests.get(&link.digest) {
        Some(ReadManifest::Manifest(manifest)) => Some(manifest),
        Some(ReadManifest::Unreadable(_)) | None => None,
    });
    let needs = manifests.flat_map(|manifest| &manifest.needs).filter(is_whole);
    let whole: BTreeSet<Digest> = needs.map(|need| need.digest).take(SAMPLE).collect();
    let links = repository.layers.iter().filter(|link| *link.target == Target::Same);
    let any = links.map(|link| link.digest);
    let stored = any.filter(|digest| view.blob(digest).is_some_and(|blob| blob.size > 0));
    let is_guess = whole.is_empty();
    whole.into_iter().chain(stored.filter(move |_| is_guess))
}
