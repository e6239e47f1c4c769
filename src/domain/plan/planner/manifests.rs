//! Manifests that are missing or bad: restored with all that they need, or not at all.

use std::collections::HashMap;

use super::Planner;
use crate::domain::action::Need;
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::finding::Finding;
use crate::domain::images::{Frontier, Holders};
use crate::domain::manifest::{Kind, Manifest};
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Stage, StepAction};
use crate::domain::remedy::Obstacle;
use crate::domain::views::storage::StoredBlob;

impl Planner<'_> {
    /// Restore a manifest with everything that it needs, wherever that can be done.
    pub(super) fn manifests(&mut self, finding: &Finding, digest: Digest, replaces: bool) {
        for name in self.manifest_places(finding, &digest) {
            self.restore(finding, &name, digest, replaces);
        }
    }

    /// Whether a manifest can be restored anywhere, and what is lacking otherwise.
    pub(super) fn manifest_bytes(&mut self, finding: &Finding, digest: Digest) -> Result<(), Obstacle> {
        let mut lacking = Err(Obstacle::Lacks(Need::Bytes));
        for name in self.manifest_places(finding, &digest) {
            lacking = self.restorable(&name, digest);
            if lacking.is_ok() {
                break;
            }
        }
        lacking
    }

    /// The step that restores a manifest, after those that restore what it needs; none where something is lacking: a
    /// daemon refuses such a manifest, or takes it and serves half an image.
    pub(super) fn restore(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
    ) -> Option<String> {
        self.restorable(name, digest).ok()?;
        self.restored(finding, name, digest, replaces)
    }

    /// Whether a manifest can be restored, and what is lacking otherwise.
    pub(super) fn restorable(&mut self, name: &RepositoryName, digest: Digest) -> Result<(), Obstacle> {
        match self.shortage(name, digest) {
            None => Ok(()),
            Some(Obstacle::LacksManifest(itself)) if itself == digest => Err(Obstacle::Lacks(Need::Bytes)),
            Some(obstacle) => Err(obstacle),
        }
    }

    /// What is nowhere of all that a manifest needs, itself included. All that is met on the way is remembered.
    fn shortage(&mut self, name: &RepositoryName, digest: Digest) -> Option<Obstacle> {
        if let Some(known) = self.shortages.get(&(name.clone(), digest)) {
            return *known;
        }
        if self.situation.storage.is_none() {
            // Without a look at it the daemon has to tell what it lacks.
            let is_known = self.means.materials.manifests.contains_key(&digest);
            return (!is_known).then_some(Obstacle::LacksManifest(digest));
        }
        let (mut met, mut listed, mut short) = (Vec::new(), Vec::new(), Vec::new());
        let mut open = Frontier::of([digest]);
        while let Some(digest) = open.next() {
            if let Some(known) = self.shortages.get(&(name.clone(), digest)) {
                short.extend(known.map(|shortage| (digest, shortage)));
                continue;
            }
            met.push(digest);
            short.extend(self.own_shortage(name, digest).map(|shortage| (digest, shortage)));
            let children = self.children(name, digest);
            listed.extend(children.iter().map(|child| (digest, *child)));
            open.meet(children);
        }
        let short: HashMap<_, _> = Holders::new(listed).above(short).collect();
        let told = met.into_iter().map(|digest| ((name.clone(), digest), short.get(&digest).copied()));
        self.shortages.extend(told);
        self.shortages.get(&(name.clone(), digest)).copied().flatten()
    }

    fn own_shortage(&self, name: &RepositoryName, digest: Digest) -> Option<Obstacle> {
        let Some(manifest) = self.means.materials.manifests.get(&digest) else {
            return Some(Obstacle::LacksManifest(digest));
        };
        let mut needs = manifest.needs.iter().map(|need| need.digest);
        let lost = needs.find(|need| self.stored(name, need).is_none() && !self.has_bytes(need));
        lost.map(Obstacle::LacksBlob)
    }

    /// The data of a config or layer, where storage has it: that of a SHA-512 alias lies under the digest that its link says.
    fn stored(&self, name: &RepositoryName, digest: &Digest) -> Option<StoredBlob> {
        let view = self.situation.storage?;
        let alias = || view.repository(name)?.layers.find(digest)?.data();
        let data = if digest.algorithm() == Algorithm::Sha256 { *digest } else { alias()? };
        view.blob(&data).copied()
    }

    /// The children of a manifest that some source has, as far as they have to be restored with it.
    fn children(&self, name: &RepositoryName, digest: Digest) -> Vec<Digest> {
        let manifest = self.means.materials.manifests.get(&digest);
        let children = manifest.into_iter().flat_map(|manifest| &manifest.children).map(|child| child.digest);
        children.filter(|child| !self.is_held(name, child)).collect()
    }

    fn restored(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
    ) -> Option<String> {
        let id =
            |digest| StepAction::RestoreManifest { repository: name.clone(), digest, replaces: false }.id();
        let manifests = &self.means.materials.manifests;
        let mut open = Frontier::of([digest]);
        while let Some(next) = open.next() {
            let Some(manifest) = manifests.get(&next) else { continue };
            if !self.restored_itself(finding, name, (next, manifest), replaces && next == digest) {
                continue;
            }
            let mut after: Vec<_> = manifest
                .needs
                .iter()
                .filter_map(|need| self.needed_blob(finding, name, need.digest))
                .collect();
            let mut children = self.children(name, next);
            children.retain(|child| manifests.contains_key(child));
            after.extend(children.iter().copied().map(id));
            open.meet(children);
            self.wait(&id(next), after);
            self.wait_for_room(&id(next), &next);
        }
        manifests.contains_key(&digest).then(|| id(digest))
    }

    /// Enter the step that restores this one manifest; whether it is new.
    fn restored_itself(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        (digest, manifest): (Digest, &Manifest),
        replaces: bool,
    ) -> bool {
        let replaces = replaces && self.replacement(&digest).is_none();
        let preconditions = if replaces { Self::bad(finding, digest) } else { Vec::new() };
        let stage = if manifest.kind == Kind::Index { Stage::Indexes } else { Stage::Manifests };
        let action = StepAction::RestoreManifest { repository: name.clone(), digest, replaces };
        let is_new = !self.steps.contains_key(&action.id());
        self.step(finding, stage, action, preconditions);
        is_new
    }

    /// Let a step wait for these, and for nothing else.
    pub(super) fn wait(&mut self, id: &str, after: Vec<String>) {
        if let Some(step) = self.steps.get_mut(id) {
            step.after = after;
        }
    }

    /// Whether the repository has the manifest and its data.
    pub(super) fn is_held(&self, name: &RepositoryName, digest: &Digest) -> bool {
        self.situation.storage.is_some_and(|view| {
            let repository = view.repository(name);
            view.blob(digest).is_some()
                && repository.is_some_and(|repository| repository.revisions.find(digest).is_some())
        })
    }

    /// The upload of a blob that a restored manifest needs, unless storage has it, linked.
    pub(super) fn needed_blob(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
    ) -> Option<String> {
        let view = self.situation.storage;
        let is_linked = view
            .and_then(|view| view.repository(name))
            .is_some_and(|repository| repository.layers.find(&digest).is_some());
        let is_stored = self.stored(name, &digest).is_some_and(|blob| blob.size > 0);
        if is_stored && is_linked || !self.has_bytes(&digest) {
            return None;
        }
        Some(self.upload(finding, name.clone(), digest, false))
    }
}
