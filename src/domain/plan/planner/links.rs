//! Links, tags and indexes.

use std::collections::BTreeSet;

use super::Planner;
use crate::domain::action::Need;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::images::Frontier;
use crate::domain::layout::LinkPlace;
use crate::domain::manifest::{Kind, Manifest};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::plan::{Stage, StepAction};
use crate::domain::remedy::{About, Obstacle};
use crate::domain::rules::Condition;
use crate::domain::views::storage::{Links, Repository, Target};

impl<'a> Planner<'a> {
    /// A link that says something wrong, as long as it says that.
    pub(super) fn rewrite(&mut self, finding: &Finding, name: &RepositoryName, about: About, digest: Digest) {
        let is_layer = about == About::Layer;
        let place = if is_layer { LinkPlace::Layer(digest) } else { LinkPlace::Revision(digest) };
        let links = |repository| -> &Links {
            let repository: &Repository = repository;
            if is_layer { &repository.layers } else { &repository.revisions }
        };
        let repository = self.situation.storage.and_then(|view| view.repository(name));
        let link = repository.and_then(|repository| links(repository).find(&digest));
        let says = link.map(|link| Condition::LinkSays(name.clone(), place.clone(), link.target.clone()));
        let misled = link.is_some_and(|link| matches!(link.target, Target::Other(_)));
        let action = StepAction::RewriteLink { repository: name.clone(), place, digest };
        let id = self.step(finding, Stage::Links, action, says.into_iter().collect());
        // The daemon may have learnt the other content under this digest: writing it over the API corrects that.
        if !misled || !self.is_writable() || !self.has_bytes(&digest) {
            return;
        }
        let again = if is_layer {
            self.upload(finding, name.clone(), digest, false)
        } else if self.known(&digest).is_some() {
            self.step(finding, Stage::Manifests, put(name, digest), Vec::new())
        } else {
            return;
        };
        if let Some(step) = self.steps.get_mut(&again) {
            step.after.push(id);
        }
    }

    /// A manifest as the registry has it, or else as a source has it.
    fn known(&self, digest: &Digest) -> Option<&'a Manifest> {
        let stored = self.situation.storage.and_then(|view| view.manifests.manifest(digest));
        stored.or_else(|| self.means.materials.manifests.get(digest))
    }

    /// Whether a daemon would take a stored manifest: all that it needs is stored, or at hand.
    pub(super) fn linkable(&mut self, name: &RepositoryName, digest: Digest) -> Result<(), Obstacle> {
        let mut open = Frontier::of([digest]);
        while let Some(manifest) = open.next().map(|digest| self.known(&digest)) {
            let Some(manifest) = manifest else { continue };
            let mut needs = manifest.needs.iter().map(|need| need.digest);
            if let Some(lost) = needs.find(|need| !self.is_stored(need) && !self.has_bytes(need)) {
                return Err(Obstacle::LacksBlob(lost));
            }
            for child in manifest.children.iter().map(|child| child.digest) {
                if self.is_held(name, &child) {
                    continue;
                }
                if self.is_stored(&child) {
                    open.meet([child]);
                } else if let Err(obstacle) = self.restorable(name, child) {
                    let is_itself = obstacle == Obstacle::Lacks(Need::Bytes);
                    return Err(if is_itself { Obstacle::LacksManifest(child) } else { obstacle });
                }
            }
        }
        Ok(())
    }

    /// A manifest that is stored and lacks its revision link: PUT it, after what it needs.
    pub(super) fn linked_manifests(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let mut open = Frontier::of([digest]);
        while let Some(digest) = open.next() {
            let manifest = self.known(&digest);
            let is_new = self.linked_manifest(finding, name, digest, manifest);
            let Some(manifest) = manifest.filter(|_| is_new) else { continue };
            let needs = manifest.needs.iter();
            let mut after: Vec<_> =
                needs.filter_map(|need| self.needed_blob(finding, name, need.digest)).collect();
            for child in manifest.children.iter().map(|child| child.digest) {
                if self.is_held(name, &child) {
                    continue;
                }
                if self.is_stored(&child) {
                    after.push(put(name, child).id());
                    open.meet([child]);
                } else {
                    after.extend(self.restore(finding, name, child, false));
                }
            }
            self.wait(&put(name, digest).id(), after);
        }
    }

    /// Enter the step that links this one manifest; whether it is new.
    fn linked_manifest(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        manifest: Option<&Manifest>,
    ) -> bool {
        let is_index = manifest.is_some_and(|manifest| manifest.kind == Kind::Index);
        let stage = if is_index { Stage::Indexes } else { Stage::Manifests };
        let condition = Condition::NoLink(name.clone(), LinkPlace::Revision(digest));
        let action = put(name, digest);
        let is_new = !self.steps.contains_key(&action.id());
        self.step(finding, stage, action, vec![condition, Condition::DataStored(digest)]);
        is_new
    }

    /// What the tag should name, where a source tells.
    fn named(&self, name: &RepositoryName, tag: &Tag) -> Option<Digest> {
        self.means.materials.tags.get(&(name.clone(), tag.clone())).copied()
    }

    pub(super) fn tag_bytes(&mut self, finding: &Finding, name: &RepositoryName) -> Result<(), Obstacle> {
        let named = finding.subject.tag.as_ref().and_then(|tag| self.named(name, tag));
        let digest = named.ok_or(Obstacle::TagIsLost)?;
        if self.is_held(name, &digest) { Ok(()) } else { self.restorable(name, digest) }
    }

    pub(super) fn tag(&mut self, finding: &Finding, name: &RepositoryName) {
        let Some(tag) = &finding.subject.tag else { return };
        let Some(digest) = self.named(name, tag) else { return };
        let after =
            if self.is_held(name, &digest) { None } else { self.restore(finding, name, digest, false) };
        let action = StepAction::PutManifest { repository: name.clone(), digest, tag: Some(tag.clone()) };
        let id = self.step(finding, Stage::Tags, action, Vec::new());
        if let Some(step) = self.steps.get_mut(&id) {
            step.after.extend(after);
        }
    }

    /// An index is whole when its children are, and those have findings of their own: whether any is brought.
    pub(super) fn brings_children(&mut self, finding: &Finding, digest: &Digest) -> bool {
        let listed = self.known(digest).into_iter().flat_map(|manifest| &manifest.children);
        let children: BTreeSet<Digest> = listed.map(|child| child.digest).collect();
        let mut is_brought = false;
        for step in self.steps.values_mut() {
            let is_child = step.action.digest().is_some_and(|digest| children.contains(digest));
            if is_child && step.action.repository() == finding.subject.repository.as_ref() {
                step.helps(finding);
                is_brought = true;
            }
        }
        is_brought
    }
}

/// The step that links a stored manifest.
fn put(name: &RepositoryName, digest: Digest) -> StepAction {
    StepAction::PutManifest { repository: name.clone(), digest, tag: None }
}
