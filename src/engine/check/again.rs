//! Asking the daemon a second time about what storage alone cannot confirm.
//!
//! A phantom is settled by a second look at storage. An error, a denial or a tag that resolves to another
//! digest can be the moment of a push or a DELETE: the daemon writes some links in place, and a tag or a manifest may
//! have been away and come back between the looks. So these are asked about again, each between two looks at
//! storage; an answer that is not wrong every time takes the place of the one that was, and what does not look the
//! same before and after is moving, and nobody's fault.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::probe::ask_blob;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::layout::LinkPlace;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::rules::{Accusations, served as rules};
use crate::domain::views::served::{Answer, ServedView, Subject};
use crate::domain::views::storage::{BlobFile, StorageView, TagTarget, Target};
use crate::engine::ports::{RegistryReader, Storage};

/// How often an accusation has to stand.
const ROUNDS: usize = 3;

/// Long enough for a file that was being written to be whole.
const PAUSE: Duration = Duration::from_millis(50);

/// What the daemon has to be asked about again.
#[derive(Debug, Default)]
struct Doubtful {
    pairs: BTreeSet<Subject>,
    tags: BTreeSet<(RepositoryName, Tag)>,
}

impl Doubtful {
    /// Those of the accusations that only the daemon's own words support.
    fn of(view: &StorageView, served: &ServedView) -> Self {
        let mut accusations = Accusations::default();
        rules::accuse(view, served, &mut accusations, &mut Vec::new());
        let mut doubts = Self::default();
        for accusation in accusations.iter() {
            let finding = &accusation.finding;
            let is_doubtful = matches!(
                finding.code,
                Code::ServerError | Code::HiddenBlob | Code::TagMismatch | Code::SizeMismatch
            );
            let subject = &finding.subject;
            let Some(name) = subject.repository.as_ref().filter(|_| is_doubtful) else { continue };
            doubts.pairs.extend(subject.digest.map(|digest| (name.clone(), digest)));
            doubts.tags.extend(subject.tag.clone().map(|tag| (name.clone(), tag)));
        }
        // A tag whose manifest was denied is why that is in doubt.
        let denied = served.resolved.iter().filter(|(_, _, asked)| matches!(asked.answer, Answer::No(_)));
        let denied = denied.map(|(name, tag, _)| (name.clone(), tag.clone()));
        doubts.tags.extend(denied.filter(|_| !doubts.pairs.is_empty()));
        doubts
    }

    fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.tags.is_empty()
    }
}

/// Ask again, until nothing is in doubt or it has been said often enough.
pub(super) async fn ask(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    served: &mut ServedView,
) {
    for _ in 1..ROUNDS {
        let doubts = Doubtful::of(view, served);
        if doubts.is_empty() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        pairs(registry, storage, view, &doubts, served).await;
        tags(registry, storage, &doubts, served).await;
    }
}

async fn pairs(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    view: &StorageView,
    doubts: &Doubtful,
    served: &mut ServedView,
) {
    let mut moving = BTreeSet::new();
    for (subject, blob) in &mut served.blobs {
        if doubts.pairs.contains(subject) {
            let before = look_at(storage, subject).await;
            *blob = ask_blob(registry, view, subject).await;
            if is_moving(&before, &look_at(storage, subject).await, &blob.claim.answer) {
                moving.insert(subject.clone());
            }
        }
    }
    for (subject, manifest) in &mut served.manifests {
        if doubts.pairs.contains(subject) {
            let before = look_at(storage, subject).await;
            *manifest = registry.manifest(&subject.0, &subject.1).await;
            if is_moving(&before, &look_at(storage, subject).await, &manifest.answer) {
                moving.insert(subject.clone());
            }
        }
    }
    served.blobs.retain(|(subject, _)| !moving.contains(subject));
    served.manifests.retain(|(subject, _)| !moving.contains(subject));
}

async fn tags(
    registry: &dyn RegistryReader,
    storage: &Arc<dyn Storage>,
    doubts: &Doubtful,
    served: &mut ServedView,
) {
    let mut moving = BTreeSet::new();
    for (name, tag, resolved) in &mut served.resolved {
        if !doubts.tags.contains(&(name.clone(), tag.clone())) {
            continue;
        }
        let before = look(storage, name, tag).await;
        *resolved = registry.resolve(name, tag).await;
        let after = look(storage, name, tag).await;
        let is_right = match (&resolved.answer, &after) {
            (Answer::Yes(served), (Observed::Present(TagTarget::Digest(digest)), _)) => {
                *digest == served.digest
            }
            (answer, (Observed::Present(TagTarget::Digest(_)), Some(pair))) => is_moving(pair, pair, answer),
            (Answer::Broken(_) | Answer::Unknown(_), _) => false,
            (Answer::Yes(_) | Answer::No(_), _) => true,
        };
        if before != after || is_right {
            moving.insert((name.clone(), tag.clone()));
        }
    }
    served.resolved.retain(|(name, tag, _)| !moving.contains(&(name.clone(), tag.clone())));
}

/// Whether storage changed while the daemon was asked, or lacked what the daemon denied.
fn is_moving<T>(before: &StoredPair, after: &StoredPair, answer: &Answer<T>) -> bool {
    let (blob, links) = after;
    let is_held = blob.present().is_some() && links.contains(&Observed::Present(Target::Same));
    before != after || matches!(answer, Answer::No(_)) && !is_held
}

/// What storage says of a pair: the data, and both links to it.
type StoredPair = (Observed<BlobFile>, [Observed<Target>; 2]);

async fn look_at(storage: &Arc<dyn Storage>, (name, digest): &Subject) -> StoredPair {
    let (storage, name, digest) = (Arc::clone(storage), name.clone(), *digest);
    super::blocking(move || pair(&*storage, &name, digest)).await
}

fn pair(storage: &dyn Storage, name: &RepositoryName, digest: Digest) -> StoredPair {
    let links = [LinkPlace::Layer(digest), LinkPlace::Revision(digest)];
    (storage.blob(&digest), links.map(|place| storage.link(name, &place)))
}

/// What storage says of a tag, and of the pair that it names.
async fn look(
    storage: &Arc<dyn Storage>,
    name: &RepositoryName,
    tag: &Tag,
) -> (Observed<TagTarget>, Option<StoredPair>) {
    let (storage, name, tag) = (Arc::clone(storage), name.clone(), tag.clone());
    let look = move || {
        let target = storage.tag(&name, &tag);
        let named = match target {
            Observed::Present(TagTarget::Digest(digest)) => Some(pair(&*storage, &name, digest)),
            Observed::Present(_) | Observed::Absent | Observed::Unknown(_) => None,
        };
        (target, named)
    };
    super::blocking(look).await
}
