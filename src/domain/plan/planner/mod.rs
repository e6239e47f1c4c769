//! From findings to a plan: for each finding the first remedy of [the table](crate::domain::remedy) that can be
//! carried out with what is at hand, as steps.
//!
//! A finding that another one's steps settle takes none of its own. A manifest takes with it all that it needs, a bad
//! file makes room first, and what a local engine has under the registry's own name is pushed again by it, after the
//! claims are cleared.

mod claims;
mod content;
mod links;
mod manifests;
mod needs;

use claims::restarts;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::domain::action::{Action, Need};
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::domain::plan::{Goal, Materials, Plan, Stage, Step, StepAction, VERSION};
use crate::domain::remedy::{About, Capabilities, Case, Helpless, Obstacle, Redis, prospects};
use crate::domain::rules::{Condition, DaemonSettings};
use crate::domain::target::Target;
use crate::domain::views::cache::StaleKeys;
use crate::domain::views::storage::StorageView;

/// What is wrong, and what is known of the registry.
pub struct Situation<'a> {
    /// What is wrong.
    pub findings: &'a [Finding],
    /// Storage, where it can be looked at.
    pub storage: Option<&'a StorageView>,
    /// What is known of the daemon's configuration.
    pub daemon: &'a DaemonSettings,
    /// Its cache in Redis.
    pub redis: Redis,
    /// The stale keys of the cache, by finding.
    pub purges: &'a BTreeMap<String, StaleKeys>,
    /// Members of the cache that lack both link and data.
    pub dormant: &'a [StaleKeys],
    /// Manifests that storage lacks and the daemon may believe in.
    pub unsettled: &'a [(RepositoryName, Digest)],
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
    let mut planner = Planner::new(goal, situation, means);
    let mut findings: Vec<_> = situation.findings.iter().collect();
    findings.sort_by_key(|finding| turn(finding.code));
    for finding in findings {
        planner.finding(finding);
    }
    for (name, digest) in situation.unsettled {
        planner.belief(name, *digest);
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
        Code::PhantomBlob | Code::PhantomLink | Code::PhantomManifest | Code::StaleCacheEntry => 3,
        Code::ReplicaDisagreement => 4,
        Code::MissingBlob
        | Code::MissingManifest
        | Code::MissingLink
        | Code::InvalidLink
        | Code::UnreadableFile
        | Code::WrongDescriptor
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
    /// What Redis has wrong keys of.
    keyed: BTreeSet<Digest>,
    steps: BTreeMap<String, Step>,
    unresolved: BTreeMap<String, Helpless>,
    /// The findings that are only notes.
    notes: BTreeSet<String>,
    /// The steps that move bad files away.
    replacements: HashMap<Digest, String>,
    /// Of the manifests that were looked into, what keeps each from being restored in a repository.
    shortages: HashMap<(RepositoryName, Digest), Option<Obstacle>>,
}

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

impl<'a> Planner<'a> {
    fn new(goal: Goal, situation: &'a Situation<'a>, means: Means<'a>) -> Self {
        Self {
            goal,
            situation,
            means,
            keyed: situation.purges.values().map(|keys| keys.digest).collect(),
            steps: BTreeMap::new(),
            unresolved: BTreeMap::new(),
            notes: BTreeSet::new(),
            replacements: HashMap::new(),
            shortages: HashMap::new(),
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let about = self.about(finding);
        if self.is_settled(finding, about) {
            return;
        }
        let case = self.case(finding, about);
        let prospects = prospects(&case, self.capabilities());
        if let Some(first) = prospects.iter().find(|prospect| prospect.now().is_ok()) {
            return self.expand(finding, about, first.action);
        }
        let obstacles = prospects.iter().filter_map(|it| Some((it.action, it.now().err()?))).collect();
        self.unresolved.insert(finding.id.clone(), Helpless::Hindered(obstacles));
        if finding.code.severity() == Severity::Note {
            self.notes.insert(finding.id.clone());
        }
    }

    fn about(&self, finding: &Finding) -> About {
        let storage = self.situation.storage;
        About::of(finding, |digest| storage.is_some_and(|view| view.manifests.contains_key(digest)))
    }

    const fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            goal: self.goal,
            daemon: self.situation.daemon,
            has_storage: self.situation.storage.is_some(),
            has_service: !self.means.services.is_empty(),
            redis: self.situation.redis,
        }
    }

    fn case(&mut self, finding: &Finding, about: About) -> Case {
        let (digest, bytes) = (finding.subject.digest, self.bytes(finding, about));
        Case {
            code: finding.code,
            about,
            is_needed: !finding.affects.is_empty(),
            has_keys: digest.is_some_and(|digest| self.keyed.contains(&digest)),
            has_image: self.pushed(finding).next().is_some(),
            bytes,
            has_manifest: digest.is_some_and(|digest| self.has_manifest(&digest)),
        }
    }

    /// Whether the bytes are at hand that a finding's remedies take, and what is lacking otherwise.
    fn bytes(&mut self, finding: &Finding, about: About) -> Result<(), Obstacle> {
        let lacking = Err(Obstacle::Lacks(Need::Bytes));
        let subject = &finding.subject;
        match (finding.code, about, subject.repository.as_ref(), subject.digest) {
            (_, About::Tag, Some(name), _) => self.tag_bytes(finding, name),
            (Code::MissingLink, About::Revision, Some(name), Some(digest)) if self.is_stored(&digest) => {
                self.linkable(name, digest)
            }
            (Code::MissingLink, About::Revision, ..) | (Code::HollowIndex | Code::PartialIndex, ..) => {
                lacking
            }
            (_, About::Manifest, _, Some(digest)) => self.manifest_bytes(finding, digest),
            (_, _, _, Some(digest)) if !self.has_bytes(&digest) => lacking,
            (_, _, _, Some(digest)) if self.blob_places(finding, &digest).is_empty() => {
                Err(Obstacle::HasNoPlace)
            }
            (_, _, _, Some(_)) => Ok(()),
            (_, _, _, None) => lacking,
        }
    }

    /// Enter the steps of a remedy that can be carried out.
    fn expand(&mut self, finding: &Finding, about: About, action: Action) {
        let subject = &finding.subject;
        let replaces = action == Action::Quarantine;
        match (action, &subject.repository, subject.digest) {
            (Action::UploadManifest | Action::PutManifest, Some(name), None) => self.tag(finding, name),
            (Action::Quarantine, _, Some(digest)) if self.situation.daemon.fetches() => {
                self.set_aside(finding, digest);
            }
            (Action::Quarantine | Action::UploadManifest, _, Some(digest)) if about == About::Manifest => {
                self.manifests(finding, digest, replaces);
            }
            (Action::Quarantine | Action::UploadBlob, _, Some(digest)) => {
                self.blobs(finding, digest, replaces);
            }
            (Action::PutManifest, Some(name), Some(digest)) => {
                self.linked_manifests(finding, name, digest);
            }
            (Action::RewriteLink, Some(name), Some(digest)) => self.rewrite(finding, name, about, digest),
            (Action::ReturnManifest, Some(name), Some(digest)) => {
                self.returned(name, digest);
                self.enter(finding, &digest, |action| action.kind() == Action::ReturnManifest);
            }
            (Action::DeleteClaim, Some(name), Some(digest)) => self.delete(finding, name, digest),
            (Action::PurgeCache, _, Some(digest)) => self.purge(finding, digest),
            (Action::Restart, _, _) => self.restart(finding),
            (Action::PushImage, _, _) => self.push(finding),
            (_, _, _) => {}
        }
    }

    /// What a local engine has of the images that the finding breaks.
    fn pushed<'f>(&self, finding: &'f Finding) -> impl Iterator<Item = (&'f RepositoryName, &'f Tag)> {
        let pushes = &self.means.materials.pushes;
        let images = finding.affects.iter().filter(|image| pushes.contains(image));
        images.filter_map(|image| match &image.reference {
            Reference::Tag(tag) => Some((&image.repository, tag)),
            Reference::Digest(_) => None,
        })
    }

    /// Let a local engine push the images.
    fn push(&mut self, finding: &Finding) {
        let images: Vec<_> = self.pushed(finding).collect();
        for (repository, tag) in images {
            let action = StepAction::PushImage { repository: repository.clone(), tag: tag.clone() };
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

    fn has_manifest(&self, digest: &Digest) -> bool {
        self.means.materials.manifests.contains_key(digest)
    }

    fn has_bytes(&self, digest: &Digest) -> bool {
        self.means.materials.sightings.contains_key(digest)
    }

    fn is_stored(&self, digest: &Digest) -> bool {
        self.situation.storage.is_some_and(|view| view.blob(digest).is_some())
    }

    /// Whether the daemon takes what a remedy writes along the way.
    fn is_writable(&self) -> bool {
        self.situation.daemon.read_only != Some(true) && !self.situation.daemon.fetches()
    }

    fn finish(mut self, target: Target, now: Timestamp) -> Plan {
        if self.goal == Goal::Restart {
            // It was asked for, whatever it helps.
            for step in restarts(self.means.services) {
                self.steps.entry(step.id.clone()).or_insert(step);
            }
        }
        self.let_sleep();
        if let Some(view) = self.situation.storage {
            needs::bind(&mut self.steps, view, self.situation.findings);
        }
        let mut steps: Vec<_> = self.steps.into_values().collect();
        // Services are restarted in the order in which they were given.
        let order = |step: &Step| self.means.services.iter().position(|spec| step.action.restarts(spec));
        steps.sort_by(|a, b| (a.stage, order(a), &a.id).cmp(&(b.stage, order(b), &b.id)));
        let mut unresolved = self.unresolved;
        unresolved.retain(|id, _| !steps.iter().any(|step| step.resolves.contains(id)));
        let mut notes = self.notes;
        notes.retain(|id| unresolved.contains_key(id));
        Plan { version: VERSION, created: now, target, flags: Vec::new(), steps, unresolved, notes }
    }
}

#[cfg(test)]
mod tests;
