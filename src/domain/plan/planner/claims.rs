//! What the daemon believes and should not: claims.

use std::collections::{BTreeSet, HashMap};

use super::Planner;
use crate::domain::action::{Action, Need};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Remembered, Stage, Step, StepAction};
use crate::domain::remedy::{About, Beside, Case, Obstacle, beside, prospects};
use crate::domain::rules::{CacheKind, Condition};
use crate::domain::views::cache::StaleKeys;

/// A step for each service: the next only when the last is back, so that one replica is away at a time.
pub(super) fn restarts(services: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for service in services {
        let step =
            Step::new(StepAction::Restart { service: service.clone(), if_wrong: Vec::new() }, Stage::Restart);
        if steps.iter().all(|known| known.id != step.id) {
            let after = steps.last().map(|last| last.id.clone()).into_iter().collect();
            steps.push(Step { after, ..step });
        }
    }
    steps
}

/// What must be so for members of the cache to be false: it is stored, and they have no link to it.
fn stored_unlinked<'a>(
    members: impl IntoIterator<Item = &'a RepositoryName>,
    digest: Digest,
) -> Vec<Condition> {
    let unlinked = members.into_iter().flat_map(|name| Condition::unlinked(name, digest));
    unlinked.chain([Condition::DataStored(digest)]).collect()
}

impl Step {
    /// Enter a finding that it should resolve, once.
    pub(super) fn helps(&mut self, finding: &Finding) {
        if !self.resolves.contains(&finding.id) {
            self.resolves.push(finding.id.clone());
        }
    }

    /// The same restart, but only if the daemon remembers a wrong size.
    fn under(&self, doubt: &Remembered) -> Self {
        let mut step = self.clone();
        if let StepAction::Restart { if_wrong, .. } = &mut step.action {
            if_wrong.push(doubt.clone());
        }
        step.what = step.action.what();
        step
    }
}

impl Planner<'_> {
    /// Make the daemon forget what it claims, as long as storage lacks the data or the links.
    pub(super) fn delete(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let action = StepAction::DeleteClaim { repository: name.clone(), digest };
        let conditions = if finding.code == Code::PhantomLink {
            Condition::unlinked(name, digest).into()
        } else {
            vec![Condition::DataAbsent(digest)]
        };
        self.step(finding, Stage::Claims, action, conditions);
    }

    /// A belief that nothing settles: helped as one that is known to be false, though nothing is found to be resolved.
    pub(super) fn belief(&mut self, name: &RepositoryName, digest: Digest) {
        // Bytes that come back anyway make it true.
        if self.uploads(&digest) {
            return;
        }
        let case = Case {
            code: Code::PhantomManifest,
            about: About::Manifest,
            is_needed: false,
            has_keys: false,
            has_image: false,
            bytes: Err(Obstacle::Lacks(Need::Bytes)),
            has_manifest: self.has_manifest(&digest),
        };
        let prospects = prospects(&case, self.capabilities());
        match prospects.iter().find(|prospect| prospect.now().is_ok()).map(|prospect| prospect.action) {
            Some(Action::ReturnManifest) => self.returned(name, digest),
            Some(Action::Restart) => {
                for step in restarts(self.means.services) {
                    self.steps.entry(step.id.clone()).or_insert(step);
                }
            }
            _ => {}
        }
    }

    /// Put a manifest's bytes back, in each repository that had it: that also clears what the daemon has of it there.
    pub(super) fn returned(&mut self, name: &RepositoryName, digest: Digest) {
        let action = StepAction::ReturnManifest { repository: name.clone(), digest };
        let from = self.means.materials.sightings.get(&digest).cloned();
        let step = Step::new(action, Stage::Claims);
        self.steps.entry(step.id.clone()).or_insert(Step { from, ..step });
    }

    pub(super) fn purge(&mut self, finding: &Finding, digest: Digest) {
        let known: Vec<_> = self.situation.purges.values().filter(|keys| keys.digest == digest).collect();
        let is_entry = known.is_empty() || known.iter().any(|keys| keys.entry);
        let mut repositories: BTreeSet<_> = finding.subject.repository.iter().cloned().collect();
        if known.is_empty() {
            repositories.extend(finding.affects.iter().map(|image| image.repository.clone()));
        }
        repositories.extend(known.iter().flat_map(|keys| keys.repositories.iter().cloned()));
        let conditions = if self.is_stored(&digest) {
            stored_unlinked(repositories.iter().filter(|_| !is_entry), digest)
        } else {
            vec![Condition::DataAbsent(digest)]
        };
        let repositories = repositories.into_iter().collect();
        let action = StepAction::PurgeCache(StaleKeys { digest, entry: is_entry, repositories });
        self.step(finding, Stage::Claims, action, conditions);
    }

    /// Take away the members of the cache that what is brought would make the daemon serve where nothing links them.
    pub(super) fn let_sleep(&mut self) {
        let brought = self.brought();
        for keys in self.situation.dormant {
            let Some(places) = brought.get(&keys.digest) else { continue };
            let repositories: Vec<_> =
                keys.repositories.iter().filter(|name| !places.contains(name)).cloned().collect();
            if repositories.is_empty() {
                continue;
            }
            let preconditions = stored_unlinked(&repositories, keys.digest);
            let action = StepAction::PurgeCache(StaleKeys { repositories, ..keys.clone() });
            let step = Step { preconditions, ..Step::new(action, Stage::Claims) };
            self.steps.entry(step.id.clone()).or_insert(step);
        }
    }

    /// What the steps bring, and where to.
    fn brought(&self) -> HashMap<Digest, Vec<RepositoryName>> {
        let mut brought: HashMap<Digest, Vec<RepositoryName>> = HashMap::new();
        for action in self.steps.values().map(|step| &step.action) {
            let brings = action.is_upload() || action.kind() == Action::ReturnManifest;
            if let (true, Some(digest), Some(name)) = (brings, action.digest(), action.repository()) {
                brought.entry(*digest).or_default().push(name.clone());
            }
        }
        brought
    }

    /// Restart everything that was given.
    pub(super) fn restart(&mut self, finding: &Finding) {
        for wanted in restarts(self.means.services) {
            let step = self.steps.entry(wanted.id.clone()).or_insert_with(|| wanted.clone());
            // It may be there under a condition, which does not hold for this finding.
            (step.what, step.action) = (wanted.what, wanted.action);
            step.helps(finding);
        }
    }

    /// Whether the steps that are there already settle a finding, which they are entered for then.
    pub(super) fn is_settled(&mut self, finding: &Finding, about: About) -> bool {
        let (Some(beside), Some(digest)) = (beside(finding.code, about), finding.subject.digest) else {
            return false;
        };
        match beside {
            Beside::Upload => self.uploads(&digest) && self.enter(finding, &digest, |_| true),
            Beside::UploadOrPurge => self
                .enter(finding, &digest, |action| action.is_upload() || action.kind() == Action::PurgeCache),
            Beside::Replacement => self.is_replaced(finding, &digest),
            Beside::ReplacementOrPurge => {
                self.is_replaced(finding, &digest)
                    || self.enter(finding, &digest, |action| action.kind() == Action::PurgeCache)
            }
            Beside::Anything => self.enter(finding, &digest, |_| true),
            Beside::Children => self.brings_children(finding, &digest),
        }
    }

    /// Enter a finding for the steps about this content that are such; whether there are any.
    pub(super) fn enter(
        &mut self,
        finding: &Finding,
        digest: &Digest,
        is_such: impl Fn(&StepAction) -> bool,
    ) -> bool {
        let mut is_there = false;
        for step in self.steps.values_mut() {
            if step.action.digest() == Some(digest) && is_such(&step.action) {
                step.helps(finding);
                is_there = true;
            }
        }
        is_there
    }

    /// Once the bytes are right again, what the daemon remembers of them mostly is too.
    fn is_replaced(&mut self, finding: &Finding, digest: &Digest) -> bool {
        let is_there = self.enter(finding, digest, StepAction::replaces);
        if let Some(id) = self.replacement(digest) {
            self.doubt(finding, &id);
        }
        is_there
    }

    /// After a bad file was replaced, a daemon's memory may hold the size of the bad one, over which no upload
    /// writes: a restart, should it turn out so. In Redis an upload puts it right.
    pub(super) fn doubt(&mut self, finding: &Finding, replacement: &str) {
        if !matches!(self.situation.daemon.cache, CacheKind::InMemory | CacheKind::Unknown) {
            return;
        }
        let Some(Step { action: StepAction::UploadBlob { repository, digest, size, .. }, .. }) =
            self.steps.get(replacement)
        else {
            return;
        };
        let doubt = Remembered { repository: repository.clone(), digest: *digest, size: *size };
        for wanted in restarts(self.means.services) {
            let step = self.steps.entry(wanted.id.clone()).or_insert_with(|| wanted.under(&doubt));
            step.helps(finding);
            if let StepAction::Restart { if_wrong, .. } = &mut step.action
                && !if_wrong.is_empty()
                && !if_wrong.contains(&doubt)
            {
                if_wrong.push(doubt.clone());
            }
        }
    }
}
