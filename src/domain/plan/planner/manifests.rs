//! Manifests that are missing or bad: restored with all that they need, or not at all.

use super::{NO_BYTES, Planner};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::manifest::Kind;
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Stage, StepAction};

/// Indexes may hold indexes; deeper than this no client follows them.
const MAX_DEPTH: u8 = 8;

impl Planner<'_> {
    /// A manifest that one repository needs: with everything that it needs there.
    pub(super) fn manifest(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
    ) {
        if !self.may_upload(finding) {
            return;
        }
        if let Err(why) = self.restore(finding, name, digest, replaces) {
            self.lack(finding, &why);
        }
    }

    /// The step that restores a manifest, after those that restore what it needs.
    ///
    /// # Errors
    /// What it needs and nothing has: a daemon refuses such a manifest, or takes it and serves half an image.
    pub(super) fn restore(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
    ) -> Result<String, String> {
        match self.shortage(name, &digest, 0) {
            Some(why) => Err(why),
            None => self.restored(finding, name, digest, replaces, 0).ok_or_else(|| NO_BYTES.to_owned()),
        }
    }

    /// What is nowhere of all that a manifest needs, itself included.
    fn shortage(&self, name: &RepositoryName, digest: &Digest, depth: u8) -> Option<String> {
        let Some(manifest) = self.means.materials.manifests.get(digest) else {
            let whose = if depth == 0 { String::new() } else { format!(" (manifest {})", digest.short()) };
            return Some(format!("{NO_BYTES}{whose}"));
        };
        // Without a look at storage the daemon has to tell what it lacks.
        let view = self.situation.storage?;
        let lost = manifest
            .needs
            .iter()
            .find(|need| view.blob(&need.digest).is_none() && !self.has_bytes(&need.digest));
        if let Some(lost) = lost {
            return Some(format!(
                "no source has blob {}, which it needs; give one with --source",
                lost.digest.short()
            ));
        }
        let children = manifest.children.iter().filter(|child| !self.is_held(name, &child.digest));
        let mut short = children.filter(|_| depth < MAX_DEPTH);
        short.find_map(|child| self.shortage(name, &child.digest, depth + 1))
    }

    fn restored(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
        depth: u8,
    ) -> Option<String> {
        let manifest = self.means.materials.manifests.get(&digest)?;
        let replaces = replaces && self.replacement(&digest).is_none();
        let preconditions = if replaces { Self::bad(finding, digest) } else { Vec::new() };
        let stage = if manifest.kind == Kind::Index { Stage::Indexes } else { Stage::Manifests };
        let action = StepAction::RestoreManifest { repository: name.clone(), digest, replaces };
        let is_new = !self.steps.contains_key(&action.id());
        let id = self.step(finding, stage, action, preconditions);
        if is_new && depth < MAX_DEPTH {
            let mut after: Vec<String> = Vec::new();
            for need in &manifest.needs {
                after.extend(self.needed_blob(finding, name, need.digest));
            }
            for child in &manifest.children {
                if !self.is_held(name, &child.digest) {
                    after.extend(self.restored(finding, name, child.digest, false, depth + 1));
                }
            }
            if let Some(step) = self.steps.get_mut(&id) {
                step.after = after;
            }
            self.wait_for_room(&id, &digest);
        }
        Some(id)
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
        let is_stored = view.is_some_and(|view| view.blob(&digest).is_some_and(|blob| blob.size > 0));
        if is_stored && is_linked || !self.has_bytes(&digest) {
            return None;
        }
        Some(self.upload(finding, name.clone(), digest, false))
    }
}
