//! What the daemon believes and should not: claims.

use std::collections::BTreeSet;

use super::Planner;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::layout::LinkPlace;
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Goal, Remembered, Stage, Step, StepAction};
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
    pub(super) fn phantom_blob(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        if self.uploads(&digest) {
            let same = self.steps.values_mut().filter(|step| step.action.digest() == Some(&digest));
            for step in same {
                step.resolves.push(finding.id.clone());
            }
            return;
        }
        let daemon = self.situation.daemon;
        let may_delete =
            self.situation.storage.is_some() && daemon.delete != Some(false) && self.is_writable();
        if self.goal == Goal::Restart {
            self.restart(finding, "only a restart is wanted");
        } else if daemon.cache == CacheKind::Redis {
            self.purge(finding, digest);
        } else if may_delete {
            let action = StepAction::DeleteClaim { repository: name.clone(), digest };
            self.step(finding, Stage::Claims, action, vec![Condition::DataAbsent(digest)]);
        } else if self.is_writable() && self.has_bytes(&digest) {
            self.upload(finding, name.clone(), digest, false);
        } else {
            self.restart(finding, self.no_delete());
        }
    }

    /// Why a claim cannot be cleared by DELETE.
    fn no_delete(&self) -> &'static str {
        let daemon = self.situation.daemon;
        if daemon.proxy == Some(true) {
            "a pull-through cache takes no deletes"
        } else if daemon.read_only == Some(true) {
            "the registry is in read-only mode"
        } else if daemon.delete == Some(false) {
            "the registry allows no deletes, and no source has the bytes"
        } else {
            "nothing is deleted without a look at storage (--storage), and no source has the bytes"
        }
    }

    pub(super) fn phantom_manifest(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        if self.is_writable() && self.restore(finding, name, digest, false).is_ok() {
            return;
        }
        if self.situation.daemon.cache == CacheKind::Redis {
            self.purge(finding, digest);
        } else {
            self.restart(
                finding,
                "no source has its bytes, and nothing else clears a manifest from the daemon's memory",
            );
        }
    }

    pub(super) fn purge(&mut self, finding: &Finding, digest: Digest) {
        let Some(purges) = self.situation.purges else {
            return self.give_up(
                finding,
                "this Redis is not, or not only, this registry's cache: nothing is purged",
            );
        };
        let known: Vec<_> = purges.values().filter(|keys| keys.digest == digest).collect();
        let is_entry = known.is_empty() || known.iter().any(|keys| keys.entry);
        let mut repositories: BTreeSet<_> = finding.subject.repository.iter().cloned().collect();
        if known.is_empty() {
            repositories.extend(finding.affects.iter().map(|image| image.repository.clone()));
        }
        repositories.extend(known.iter().flat_map(|keys| keys.repositories.iter().cloned()));
        let is_stored = self.situation.storage.is_some_and(|view| view.blob(&digest).is_some());
        let conditions = if is_stored {
            let places = [LinkPlace::Layer(digest), LinkPlace::Revision(digest)];
            let unlinked =
                |name: &RepositoryName| places.clone().map(|place| Condition::NoLink(name.clone(), place));
            let members = repositories.iter().filter(|_| !is_entry);
            members.flat_map(unlinked).chain([Condition::DataStored(digest)]).collect()
        } else {
            vec![Condition::DataAbsent(digest)]
        };
        let repositories = repositories.into_iter().collect();
        let action = StepAction::PurgeCache(StaleKeys { digest, entry: is_entry, repositories });
        self.step(finding, Stage::Claims, action, conditions);
    }

    /// The last remedy, where it was offered.
    fn restart(&mut self, finding: &Finding, why: &str) {
        let services = self.means.services;
        let is_in_redis = self.situation.daemon.cache == CacheKind::Redis;
        if services.is_empty() || is_in_redis {
            let instead = if is_in_redis {
                ", and Redis outlives a restart; its keys have to be purged (--redis URL)"
            } else {
                "; a restart of the daemon clears it (--restart SPEC)"
            };
            return self.give_up(finding, &format!("{why}{instead}"));
        }
        for wanted in restarts(services) {
            let step = self.steps.entry(wanted.id.clone()).or_insert_with(|| wanted.clone());
            // It may be there under a condition, which does not hold for this finding.
            (step.what, step.action) = (wanted.what, wanted.action);
            step.helps(finding);
        }
    }

    /// Replicas remember different things of one blob: that ends with what makes it right.
    pub(super) fn disagreement(&mut self, finding: &Finding, digest: Digest) {
        let about = self.steps.values_mut().filter(|step| step.action.digest() == Some(&digest));
        let mut is_settled = false;
        for step in about {
            step.resolves.push(finding.id.clone());
            is_settled = true;
        }
        if !is_settled {
            self.restart(finding, "the memory of some replica is wrong");
        }
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

    /// Content that is stored, and about which the daemon is wrong: its memory is.
    pub(super) fn claim_of_presence(&mut self, finding: &Finding) {
        let is_purged = self.situation.purges.is_some_and(|purges| purges.contains_key(&finding.id));
        if !is_purged && self.situation.daemon.cache == CacheKind::None {
            return self
                .give_up(finding, "the daemon has no cache that could be wrong; its log may tell why");
        }
        // Once the bytes are right again, what the daemon remembers of them mostly is too.
        let replaced = finding.subject.digest.and_then(|digest| self.replacement(&digest));
        if let Some(id) = replaced {
            if let Some(step) = self.steps.get_mut(&id) {
                step.resolves.push(finding.id.clone());
            }
            return self.doubt(finding, &id);
        }
        if let Some(digest) = finding.subject.digest.filter(|_| is_purged) {
            return self.purge(finding, digest);
        }
        self.restart(finding, "the daemon's memory of it is wrong");
    }
}
