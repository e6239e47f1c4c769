//! From findings to a plan: for each finding the least disruptive remedy that can work with what is at hand.
//!
//! | finding | with bytes at hand | without |
//! |---|---|---|
//! | missing or claimed data that a manifest needs | upload | clear the claim, if there is one |
//! | claimed data that nothing needs | clear the claim; where that is not allowed, upload | clear the claim |
//! | missing or claimed manifest | upload it and what it needs | Redis: purge; else restart |
//! | bad file | quarantine and upload | nothing: bad bytes are better than none |
//! | bad file of a wrong size, cache in memory | the same, and a restart if the daemon remembers that size | nothing |
//! | wrong size remembered of a good file | restart; Redis: purge | the same |
//! | broken or missing link | write it again | |
//!
//! What a local engine has under the registry's own name is pushed again by it, after the claims are cleared.

mod claims;
mod content;
mod links;
mod manifests;

use claims::restarts;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, Subject};
use crate::domain::name::{Reference, RepositoryName};
use crate::domain::plan::{Goal, Materials, Plan, Stage, Step, StepAction, VERSION};
use crate::domain::report::Target;
use crate::domain::rules::{Condition, Daemon};
use crate::domain::views::cache::StaleKeys;
use crate::domain::views::storage::StorageView;

/// What is wrong, and what is known of the registry.
pub struct Situation<'a> {
    /// What is wrong.
    pub findings: &'a [Finding],
    /// Storage, where it can be looked at.
    pub storage: Option<&'a StorageView>,
    /// What is known of the daemon's configuration.
    pub daemon: &'a Daemon,
    /// The stale keys of the cache, by finding; `None` where nothing may be purged.
    pub purges: Option<&'a BTreeMap<String, StaleKeys>>,
}

/// What can be used.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// What sources and a local engine have.
    pub materials: &'a Materials,
    /// The services to restart, in the order in which they go.
    pub services: &'a [String],
}

/// Make a plan.
#[must_use]
pub fn plan(goal: Goal, situation: &Situation<'_>, means: Means<'_>, target: Target, now: Timestamp) -> Plan {
    let means = if goal == Goal::Purge { Means { services: &[], ..means } } else { means };
    let mut planner = Planner {
        goal,
        situation,
        means,
        steps: BTreeMap::new(),
        unresolved: BTreeMap::new(),
        replacements: HashMap::new(),
        shortages: HashMap::new(),
    };
    let mut findings: Vec<_> = situation.findings.iter().collect();
    findings.sort_by_key(|finding| turn(finding.code));
    for finding in findings {
        planner.finding(finding);
    }
    planner.finish(target, now)
}

/// When a finding's turn is: bad files first, for they have to make room; then what has to come; then what is
/// whole when that has come; then claims, which an upload may have made true; then what replicas say differently,
/// which ends with what made them wrong.
const fn turn(code: Code) -> u8 {
    match code {
        Code::EmptyBlob | Code::TruncatedBlob | Code::CorruptBlob | Code::UnreadableManifest => 0,
        Code::HollowIndex
        | Code::PartialIndex
        | Code::SizeMismatch
        | Code::ServerError
        | Code::HiddenBlob => 2,
        Code::PhantomBlob | Code::PhantomManifest | Code::StaleCacheEntry => 3,
        Code::ReplicaDisagreement => 4,
        Code::MissingBlob
        | Code::MissingManifest
        | Code::MissingLink
        | Code::InvalidLink
        | Code::TagMismatch
        | Code::DanglingLayerLink
        | Code::OrphanBlob
        | Code::StaleUpload
        | Code::StrayFile => 1,
    }
}

struct Planner<'a> {
    goal: Goal,
    situation: &'a Situation<'a>,
    means: Means<'a>,
    steps: BTreeMap<String, Step>,
    unresolved: BTreeMap<String, String>,
    /// The steps that move bad files away.
    replacements: HashMap<Digest, String>,
    /// Of the manifests that were looked into, what keeps each from being restored in a repository.
    shortages: HashMap<(RepositoryName, Digest), Option<manifests::Shortage>>,
}

const NO_BYTES: &str = "no source has its bytes; give one with --source";

/// How many repositories a source is asked about one blob at most.
const SOUGHT: usize = 64;

/// A source may have the bytes in any repository that needs them, not only in the one that is written to.
fn seek(step: &mut Step, finding: &Finding) {
    let places =
        finding.subject.repository.iter().chain(finding.affects.iter().map(|image| &image.repository));
    for place in places {
        let known = step.action.repository() == Some(place) || step.sought.contains(place);
        if !known && step.sought.len() < SOUGHT {
            step.sought.push(place.clone());
        }
    }
}

impl Planner<'_> {
    fn finding(&mut self, finding: &Finding) {
        let Subject { repository, digest, tag, place: _ } = &finding.subject;
        match (finding.code, repository, digest) {
            (Code::MissingBlob, _, Some(digest)) => self.content(finding, *digest, false),
            (
                Code::EmptyBlob | Code::TruncatedBlob | Code::CorruptBlob | Code::UnreadableManifest,
                _,
                Some(digest),
            ) => {
                self.content(finding, *digest, true);
            }
            (Code::MissingManifest, Some(name), Some(digest)) => self.manifest(finding, name, *digest, false),
            (Code::PhantomBlob, Some(name), Some(digest)) => self.phantom_blob(finding, name, *digest),
            (Code::PhantomManifest, Some(name), Some(digest)) => {
                self.phantom_manifest(finding, name, *digest);
            }
            (Code::MissingLink | Code::InvalidLink, Some(name), Some(digest)) => {
                self.link(finding, name, *digest);
            }
            (Code::MissingLink | Code::InvalidLink | Code::MissingManifest, Some(name), None) => {
                if let Some(tag) = tag {
                    self.tag(finding, name, tag);
                }
            }
            (Code::StaleCacheEntry, _, Some(digest)) => self.purge(finding, *digest),
            (Code::HollowIndex | Code::PartialIndex, Some(name), Some(digest)) => {
                self.index(finding, name, *digest);
            }
            (Code::SizeMismatch | Code::HiddenBlob | Code::ServerError, _, _) => {
                self.claim_of_presence(finding);
            }
            (Code::ReplicaDisagreement, _, Some(digest)) => self.disagreement(finding, *digest),
            (Code::TagMismatch | Code::ReplicaDisagreement | Code::StrayFile, _, _) => {
                self.give_up(finding, "only a person can tell what is right");
            }
            (Code::DanglingLayerLink | Code::OrphanBlob, _, _) => {
                self.give_up(finding, "a normal leftover; garbage collection removes what can be removed");
            }
            (Code::StaleUpload, _, _) => self.give_up(finding, "the daemon's upload purging removes it"),
            (_, _, _) => self.give_up(finding, "nothing to do follows from it"),
        }
    }

    fn give_up(&mut self, finding: &Finding, why: &str) {
        self.unresolved.insert(finding.id.clone(), why.to_owned());
    }

    /// Nothing gives what the finding lacks: where a local engine has the image, it can be pushed again.
    fn lack(&mut self, finding: &Finding, why: &str) {
        let pushes = &self.means.materials.pushes;
        let images: Vec<_> = finding.affects.iter().filter(|image| pushes.contains(image)).cloned().collect();
        if images.is_empty() || !self.is_writable() {
            return self.give_up(finding, why);
        }
        for image in images {
            let Reference::Tag(tag) = image.reference else { continue };
            let action = StepAction::PushImage { repository: image.repository, tag };
            self.step(finding, Stage::Push, action, Vec::new());
        }
    }

    /// Enter a step, or add the finding to the same step that is there already; its name.
    fn step(
        &mut self,
        finding: &Finding,
        stage: Stage,
        action: StepAction,
        preconditions: Vec<Condition>,
    ) -> String {
        let id = action.id();
        let from = action.digest().and_then(|digest| self.means.materials.sightings.get(digest)).cloned();
        let needs_bytes = matches!(
            action,
            StepAction::UploadBlob { .. }
                | StepAction::RestoreManifest { .. }
                | StepAction::PutManifest { .. }
        );
        let step = self.steps.entry(id.clone()).or_insert_with(|| Step {
            from: from.filter(|_| needs_bytes),
            preconditions,
            ..Step::new(action, stage)
        });
        step.helps(finding);
        if let Some(digest) = step.action.digest().filter(|_| step.action.replaces()) {
            self.replacements.insert(*digest, id.clone());
        }
        if needs_bytes {
            seek(step, finding);
        }
        id
    }

    fn has_bytes(&self, digest: &Digest) -> bool {
        self.means.materials.sightings.contains_key(digest)
    }

    fn is_writable(&self) -> bool {
        self.situation.daemon.read_only != Some(true) && self.situation.daemon.proxy != Some(true)
    }

    fn may_upload(&mut self, finding: &Finding) -> bool {
        if self.is_writable() {
            return true;
        }
        let why = if self.situation.daemon.proxy == Some(true) {
            "a pull-through cache takes no uploads; restart it, and the next pull fetches the content again"
        } else {
            "the registry is in read-only mode; switch that off for the repair"
        };
        self.give_up(finding, why);
        false
    }

    fn finish(self, target: Target, now: Timestamp) -> Plan {
        let mut steps: Vec<_> = self.steps.into_values().collect();
        steps.retain(|step| match self.goal {
            Goal::Fix => true,
            Goal::Purge => step.stage == Stage::Claims,
            Goal::Restart => step.stage == Stage::Restart,
        });
        if self.goal == Goal::Restart && steps.is_empty() {
            steps = restarts(self.means.services);
        }
        // Services are restarted in the order in which they were given.
        let order = |step: &Step| self.means.services.iter().position(|spec| step.action.restarts(spec));
        steps.sort_by(|a, b| (a.stage, order(a), &a.id).cmp(&(b.stage, order(b), &b.id)));
        let mut unresolved = self.unresolved;
        unresolved.retain(|id, _| !steps.iter().any(|step| step.resolves.contains(id)));
        Plan { version: VERSION, created: now, target, steps, unresolved }
    }
}

#[cfg(test)]
mod tests;
