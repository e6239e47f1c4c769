//! Safety rule 6 for checks that only read: the two views must be of the same registry.
//!
//! A sample of blobs that are stored and linked, one a repository, spread over all of them, must be
//! claimed by the daemon. One that is claimed is enough; if none is, the storage belongs to
//! another registry and comparing would accuse everything.

use crate::domain::digest::Digest;
use crate::domain::manifest::Descriptor;
use crate::domain::name::RepositoryName;
use crate::domain::observed::Unlooked;
use crate::domain::served::{Answer, ServedBlob, ServedView};
use crate::domain::storage::{ReadManifest, Repository, StorageView, Target, find_link};
use crate::engine::ports::Registry;

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

/// Ask about the sample.
pub(super) async fn registry(registry: &dyn Registry, view: &StorageView) -> Same {
    let mut served = ServedView::default();
    let mut failure = None;
    let mut denied = 0_usize;
    for (name, digest) in sample(view) {
        let claim = registry.head_blob(&name, &digest).await;
        match &claim.answer {
            Answer::Unknown(why) => {
                failure = Some(Unlooked { what: claim.exchange.asked, why: why.clone() });
                continue;
            }
            Answer::No(_) | Answer::Broken(_) => denied += 1,
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

fn strangers(location: &str, view: &StorageView, denied: usize) -> String {
    format!(
        "these views are not of the same registry: of {denied} blobs that are stored and linked under `{}`, `{location}` \
         claims none; check that the URL and the storage root belong together",
        view.root,
    )
}

/// Stored, linked blobs, one a repository, from repositories spread evenly.
fn sample(view: &StorageView) -> Vec<(RepositoryName, Digest)> {
    let candidates: Vec<_> = view
        .repositories
        .iter()
        .filter_map(|repository| Some((repository, healthy(view, repository)?)))
        .collect();
    let step = candidates.len().div_ceil(SAMPLE).max(1);
    candidates.iter().step_by(step).map(|(repository, digest)| (repository.name.clone(), *digest)).collect()
}

/// Best one that has the size which a manifest gives: asking about a damaged one would teach the daemon its size.
fn healthy(view: &StorageView, repository: &Repository) -> Option<Digest> {
    let is_linked = |digest: &Digest| {
        find_link(&repository.layers, digest).is_some_and(|link| link.target == Target::Same)
    };
    let manifests = repository.revisions.iter().filter_map(|link| match view.manifests.get(&link.digest) {
        Some(ReadManifest::Manifest(manifest)) => Some(manifest),
        Some(ReadManifest::Unreadable(_)) | None => None,
    });
    let mut needs = manifests.flat_map(|manifest| &manifest.needs);
    let is_whole = |need: &&Descriptor| {
        is_linked(&need.digest)
            && view.blob(&need.digest).is_some_and(|blob| blob.size > 0 && need.size == Some(blob.size))
    };
    if let Some(need) = needs.find(is_whole) {
        return Some(need.digest);
    }
    let links = repository.layers.iter().filter(|link| link.target == Target::Same);
    links.map(|link| link.digest).find(|digest| view.blob(digest).is_some_and(|blob| blob.size > 0))
}
