//! Content that is missing or bad: uploads.

use std::collections::BTreeSet;

use super::Planner;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::manifest::Descriptor;
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Stage, StepAction};
use crate::domain::rules::{CacheKind, Condition};
use crate::domain::views::cache::StaleKeys;
use crate::domain::views::storage::{ReadManifest, Repository, StorageView, TagTarget};

/// Without storage, how many repositories at most get a blob that each of them may lack.
const PLACES: usize = 64;

impl Planner<'_> {
    /// Upload data that is missing, or bad, wherever it is used.
    pub(super) fn blobs(&mut self, finding: &Finding, digest: Digest, replaces: bool) {
        for name in self.blob_places(finding, &digest) {
            self.upload(finding, name, digest, replaces);
        }
        // Whoever asked for a file of a wrong size has taught the daemon that.
        if matches!(finding.code, Code::EmptyBlob | Code::TruncatedBlob)
            && let Some(id) = self.replacement(&digest)
        {
            self.doubt(finding, &id);
        }
    }

    /// Move a bad file away, where the daemon fetches what it lacks; and make it forget that it has it.
    pub(super) fn set_aside(&mut self, finding: &Finding, digest: Digest) {
        let first =
            self.step(finding, Stage::Blobs, StepAction::SetAside { digest }, Self::bad(finding, digest));
        match self.situation.daemon.cache {
            CacheKind::None => {}
            CacheKind::Redis => {
                let holders = self.situation.storage.into_iter().flat_map(|view| &view.repositories);
                let holders = holders.filter(|it| {
                    [&it.layers, &it.revisions].iter().any(|links| links.find(&digest).is_some())
                });
                let repositories = holders.map(|repository| repository.name.clone()).collect();
                let action = StepAction::PurgeCache(StaleKeys { digest, entry: true, repositories });
                let id = self.step(finding, Stage::Claims, action, vec![Condition::DataAbsent(digest)]);
                if let Some(step) = self.steps.get_mut(&id) {
                    step.after.push(first);
                }
            }
            CacheKind::InMemory | CacheKind::Unknown => self.restart(finding),
        }
    }

    /// The repositories that hold the digest as a manifest: by a revision link or a tag.
    pub(super) fn manifest_places(&self, finding: &Finding, digest: &Digest) -> Vec<RepositoryName> {
        if let Some(name) = &finding.subject.repository {
            return vec![name.clone()];
        }
        let repositories = self.situation.storage.into_iter().flat_map(|view| &view.repositories);
        let holds = repositories.filter(|repository| {
            repository.revisions.find(digest).is_some()
                || repository.tags.iter().any(|tag| tag.current == TagTarget::Digest(*digest))
        });
        let places: Vec<_> = holds.map(|repository| repository.name.clone()).collect();
        if places.is_empty() {
            finding.affects.iter().map(|image| image.repository.clone()).collect()
        } else {
            places
        }
    }

    /// Where a blob has to be uploaded: into one repository for its data, and into each that needs it and has
    /// no link to it.
    pub(super) fn blob_places(&self, finding: &Finding, digest: &Digest) -> Vec<RepositoryName> {
        if let (Code::PhantomBlob | Code::MissingLink, Some(name)) =
            (finding.code, &finding.subject.repository)
        {
            return vec![name.clone()];
        }
        let affected: BTreeSet<_> = finding.affects.iter().map(|image| image.repository.clone()).collect();
        let Some(view) = self.situation.storage else {
            return affected.into_iter().chain(finding.subject.repository.clone()).take(PLACES).collect();
        };
        let holds = |repository: &Repository| repository.layers.find(digest).is_some();
        let is_linked = |name: &RepositoryName| view.repository(name).is_some_and(holds);
        let (linked, unlinked): (Vec<_>, Vec<_>) = affected.into_iter().partition(is_linked);
        let mut places = unlinked;
        if places.is_empty() {
            let anywhere = || {
                let holder = view.repositories.iter().find(|repository| holds(repository));
                holder.map(|repository| repository.name.clone())
            };
            places.extend(linked.into_iter().next().or_else(anywhere));
        }
        places
    }

    pub(super) fn upload(
        &mut self,
        finding: &Finding,
        repository: RepositoryName,
        digest: Digest,
        replaces: bool,
    ) -> String {
        let replaces = replaces && self.replacement(&digest).is_none();
        let size = self.situation.storage.and_then(|view| described_size(view, &digest));
        let preconditions = if replaces { Self::bad(finding, digest) } else { Vec::new() };
        let action = StepAction::UploadBlob { repository, digest, size, replaces };
        let id = self.step(finding, Stage::Blobs, action, preconditions);
        self.wait_for_room(&id, &digest);
        id
    }

    /// What must still be so for a bad file to be moved away.
    pub(super) fn bad(finding: &Finding, digest: Digest) -> Vec<Condition> {
        let condition = if finding.code == Code::UnreadableManifest {
            Condition::NoManifest(digest)
        } else {
            Condition::WrongContent(digest)
        };
        vec![condition]
    }

    /// The step that moves this content's bad file away.
    pub(super) fn replacement(&self, digest: &Digest) -> Option<String> {
        self.replacements.get(digest).cloned()
    }

    /// One step moves a bad file away; what others upload before that would be thrown away.
    pub(super) fn wait_for_room(&mut self, id: &str, digest: &Digest) {
        let Some(first) = self.replacement(digest).filter(|first| first != id) else { return };
        let stage = self.steps.get(&first).map(|step| step.stage);
        if let Some(step) = self.steps.get_mut(id)
            && stage.is_some_and(|stage| stage <= step.stage)
            && !step.after.contains(&first)
        {
            step.after.push(first);
        }
    }

    /// Whether some step uploads this content already.
    pub(super) fn uploads(&self, digest: &Digest) -> bool {
        let is_it = |action: &StepAction| action.is_upload() && action.digest() == Some(digest);
        self.steps.values().any(|step| is_it(&step.action))
    }
}

/// The size that some manifest gives for the blob.
fn described_size(view: &StorageView, digest: &Digest) -> Option<u64> {
    view.manifests.values().find_map(|read| match read {
        ReadManifest::Manifest(manifest) => {
            manifest.references().find(|need| need.digest == *digest).and_then(Descriptor::size)
        }
        ReadManifest::Unreadable(_) => None,
    })
}
