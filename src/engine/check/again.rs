//! Asking the daemon a second time about what storage alone cannot confirm.
//!
//! A phantom is settled by a second look at storage. An error, a denial or a tag that resolves to another
//! digest can be the moment of a push: the daemon writes some links in place, and a tag may have moved on
//! and back between the looks. So these are asked about again, tags between two looks at storage, and
//! an answer that is not wrong every time takes the place of the one that was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::probe::ask_blob;
use crate::domain::code::Code;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Observed;
use crate::domain::rules::{Accusations, served as rules};
use crate::domain::views::served::{Answer, ServedView, Subject};
use crate::domain::views::storage::{StorageView, TagTarget};
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
        pairs(registry, view, &doubts, served).await;
        tags(registry, storage, &doubts, served).await;
    }
}

async fn pairs(
    registry: &dyn RegistryReader,
    view: &StorageView,
    doubts: &Doubtful,
    served: &mut ServedView,
) {
    for (subject, blob) in &mut served.blobs {
        if doubts.pairs.contains(subject) {
            *blob = ask_blob(registry, view, subject).await;
        }
    }
    for (subject, manifest) in &mut served.manifests {
        if doubts.pairs.contains(subject) {
            *manifest = registry.manifest(&subject.0, &subject.1).await;
        }
    }
}

/// A tag that does not say the same before and after the daemon was asked is moving, and nobody's fault.
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
        let is_answered = matches!(&resolved.answer, Answer::Yes(served)
            if matches!(&after, Observed::Present(TagTarget::Digest(digest)) if *digest == served.digest));
        if before != after || is_answered {
            moving.insert((name.clone(), tag.clone()));
        }
    }
    served.resolved.retain(|(name, tag, _)| !moving.contains(&(name.clone(), tag.clone())));
}

async fn look(storage: &Arc<dyn Storage>, name: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
    let (storage, name, tag) = (Arc::clone(storage), name.clone(), tag.clone());
    super::blocking(move || storage.tag(&name, &tag)).await
}
