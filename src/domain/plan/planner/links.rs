//! Links, tags and indexes.

use std::collections::BTreeSet;

use super::{NO_BYTES, Planner};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::images::Frontier;
use crate::domain::layout::LinkPlace;
use crate::domain::manifest::{Kind, Manifest};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::plan::{Stage, StepAction};
use crate::domain::rules::Condition;
use crate::domain::views::storage::{Links, Repository, Target};

impl<'a> Planner<'a> {
    pub(super) fn link(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let Some(place) = finding.subject.as_link().cloned() else { return };
        let is_layer = matches!(place, LinkPlace::Layer(_));
        if finding.code == Code::InvalidLink {
            return self.rewrite(finding, name, place, digest);
        }
        let is_stored = self.is_stored(&digest);
        if !self.may_upload(finding) {
            return;
        }
        if is_layer && self.has_bytes(&digest) {
            self.upload(finding, name.clone(), digest, false);
        } else if !is_layer && is_stored {
            self.linked_manifests(finding, name, digest);
        } else {
            self.lack(finding, NO_BYTES);
        }
    }

    /// A link that says something wrong, as long as it says that.
    fn rewrite(&mut self, finding: &Finding, name: &RepositoryName, place: LinkPlace, digest: Digest) {
        let links = |repository| -> &Links {
            let repository: &Repository = repository;
            if matches!(place, LinkPlace::Layer(_)) { &repository.layers } else { &repository.revisions }
        };
        let repository = self.situation.storage.and_then(|view| view.repository(name));
        let link = repository.and_then(|repository| links(repository).find(&digest));
        let says = link.map(|link| Condition::LinkSays(name.clone(), place.clone(), link.target.clone()));
        let is_layer = matches!(place, LinkPlace::Layer(_));
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

    /// A manifest that is stored and lacks its revision link: PUT it, after what it needs.
    fn linked_manifests(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
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
                    after.extend(self.restore(finding, name, child, false).ok());
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

    fn is_stored(&self, digest: &Digest) -> bool {
        self.situation.storage.is_some_and(|view| view.blob(digest).is_some())
    }

    pub(super) fn tag(&mut self, finding: &Finding, name: &RepositoryName, tag: &Tag) {
        let named = self.means.materials.tags.get(&(name.clone(), tag.clone())).copied();
        let Some(digest) = named else {
            let lost = "what the tag should name is lost; push it again, or give a --source that has it";
            return self.lack(finding, lost);
        };
        if !self.may_upload(finding) {
            return;
        }
        let mut after = Vec::new();
        if !self.is_held(name, &digest) {
            match self.restore(finding, name, digest, false) {
                Ok(step) => after.push(step),
                Err(why) => return self.lack(finding, &why),
            }
        }
        // Somebody may have pushed the tag in the meantime: what they mean counts.
        let stored = self.situation.storage.and_then(|view| view.repository(name)).and_then(|repository| {
            let at = repository.tags.binary_search_by(|stored| stored.tag.cmp(tag)).ok()?;
            repository.tags.get(at)
        });
        let says = stored.map(|stored| Condition::TagSays(name.clone(), tag.clone(), stored.current.clone()));
        let action = StepAction::PutManifest { repository: name.clone(), digest, tag: Some(tag.clone()) };
        let id = self.step(finding, Stage::Tags, action, says.into_iter().collect());
        if let Some(step) = self.steps.get_mut(&id) {
            step.after.extend(after);
        }
    }

    /// An index is whole when its children are, and those have findings of their own.
    pub(super) fn index(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let children: BTreeSet<Digest> = self
            .known(&digest)
            .map(|manifest| manifest.children.iter().map(|child| child.digest).collect())
            .unwrap_or_default();
        let mut helped = false;
        for step in self.steps.values_mut() {
            let is_child = step.action.digest().is_some_and(|digest| children.contains(digest));
            if is_child && step.action.repository() == Some(name) {
                step.resolves.push(finding.id.clone());
                helped = true;
            }
        }
        if !helped {
            self.lack(finding, NO_BYTES);
        }
    }
}

/// The step that links a stored manifest.
fn put(name: &RepositoryName, digest: Digest) -> StepAction {
    StepAction::PutManifest { repository: name.clone(), digest, tag: None }
}
