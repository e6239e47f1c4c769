//! From findings to a plan: for each finding the least disruptive remedy that can work with what is at hand.
//!
//! | finding | with bytes at hand | without |
//! |---|---|---|
//! | missing or claimed data that a manifest needs | upload | clear the claim, if there is one |
//! | claimed data that nothing needs | clear the claim; where that is not allowed, upload | clear the claim |
//! | missing or claimed manifest | upload it and what it needs | Redis: purge; else restart |
//! | bad file | quarantine and upload | nothing: bad bytes are better than none |
//! | broken or missing link | write it again | |

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::cache::StaleKeys;
use super::code::Code;
use super::digest::Digest;
use super::finding::{Finding, Subject};
use super::manifest::{Kind, Manifest};
use super::name::{RepositoryName, Tag};
use super::plan::{Plan, Stage, Step, StepAction, VERSION};
use super::report::Target;
use super::rules::{CacheKind, Condition, Daemon};
use super::storage::{LinkPlace, StorageView, TagTarget, find_link};

/// Everything that a plan is made of.
pub struct Situation<'a> {
    /// What is wrong.
    pub findings: &'a [Finding],
    /// Storage, where it can be looked at.
    pub storage: Option<&'a StorageView>,
    /// What is known of the daemon's configuration.
    pub daemon: &'a Daemon,
    /// Manifests that some source has, and their bytes are right.
    pub manifests: &'a BTreeMap<Digest, Manifest>,
    /// Where the bytes of content are: a source that says it has them. What no source has is not in here.
    pub sightings: &'a BTreeMap<Digest, String>,
    /// What sources say that broken tags should name.
    pub tags: &'a BTreeMap<(RepositoryName, Tag), Digest>,
    /// The service to restart, where one was given.
    pub restart: Option<&'a str>,
    /// The registry.
    pub target: Target,
    /// The stale keys of the cache, by finding; `None` where nothing may be purged.
    pub purges: Option<&'a BTreeMap<String, StaleKeys>>,
}

/// Make a plan.
#[must_use]
pub fn plan(situation: &Situation<'_>, now: Timestamp) -> Plan {
    let mut planner = Planner { situation, steps: BTreeMap::new(), unresolved: BTreeMap::new() };
    // Content first: what later findings need may be on its way already.
    let claims = [Code::PhantomBlob, Code::PhantomManifest, Code::StaleCacheEntry];
    let sums =
        [Code::HollowIndex, Code::PartialIndex, Code::SizeMismatch, Code::ServerError, Code::HiddenBlob];
    let by_need = |code: Code| (sums.contains(&code), claims.contains(&code));
    let mut findings: Vec<_> = situation.findings.iter().collect();
    findings.sort_by_key(|finding| by_need(finding.code));
    for finding in findings {
        planner.finding(finding);
    }
    planner.finish(now)
}

struct Planner<'a> {
    situation: &'a Situation<'a>,
    steps: BTreeMap<String, Step>,
    unresolved: BTreeMap<String, String>,
}

const NO_BYTES: &str = "no source has its bytes; give one with --source";

impl Planner<'_> {
    fn finding(&mut self, finding: &Finding) {
        let Subject { repository, digest, tag, path } = &finding.subject;
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
                self.link(finding, name, *digest, path.as_deref().unwrap_or_default());
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

    /// Enter a step, or add the finding to the same step that is there already; its name.
    fn step(
        &mut self,
        finding: &Finding,
        stage: Stage,
        action: StepAction,
        preconditions: Vec<Condition>,
    ) -> String {
        let id = action.id();
        let from = action.digest().and_then(|digest| self.situation.sightings.get(digest)).cloned();
        let needs_bytes = matches!(
            action,
            StepAction::UploadBlob { .. }
                | StepAction::RestoreManifest { .. }
                | StepAction::PutManifest { .. }
        );
        let step = self.steps.entry(id.clone()).or_insert_with(|| Step {
            id: id.clone(),
            stage,
            what: action.what(),
            risk: action.risk(),
            from: from.filter(|_| needs_bytes),
            after: Vec::new(),
            resolves: Vec::new(),
            preconditions,
            action,
        });
        if !step.resolves.contains(&finding.id) {
            step.resolves.push(finding.id.clone());
        }
        id
    }

    fn has_bytes(&self, digest: &Digest) -> bool {
        self.situation.sightings.contains_key(digest)
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

    /// Data that is missing, or bad, wherever it is used: a blob or a manifest.
    fn content(&mut self, finding: &Finding, digest: Digest, replaces: bool) {
        if !self.may_upload(finding) {
            return;
        }
        if !self.has_bytes(&digest) {
            return self.give_up(finding, NO_BYTES);
        }
        let manifest_in = self.manifest_places(&digest);
        if !manifest_in.is_empty() {
            for name in manifest_in {
                self.manifest(finding, &name, digest, replaces);
            }
            return;
        }
        let mut places = self.blob_places(finding, &digest);
        places.truncate(if self.situation.storage.is_some() { usize::MAX } else { 64 });
        if places.is_empty() {
            return self.give_up(finding, "no repository is known that holds it");
        }
        for name in places {
            self.upload(finding, name, digest, replaces);
        }
    }

    /// The repositories that hold the digest as a manifest: by a revision link or a tag.
    fn manifest_places(&self, digest: &Digest) -> Vec<RepositoryName> {
        let repositories = self.situation.storage.into_iter().flat_map(|view| &view.repositories);
        let holds = repositories.filter(|repository| {
            find_link(&repository.revisions, digest).is_some()
                || repository.tags.iter().any(|tag| tag.current == TagTarget::Digest(*digest))
        });
        holds.map(|repository| repository.name.clone()).collect()
    }

    /// Where a blob has to be uploaded: into one repository for its data, and into each that needs it and has
    /// no link to it.
    fn blob_places(&self, finding: &Finding, digest: &Digest) -> Vec<RepositoryName> {
        let affected: BTreeSet<_> = finding.affects.iter().map(|image| image.repository.clone()).collect();
        let Some(view) = self.situation.storage else {
            return affected.into_iter().chain(finding.subject.repository.clone()).collect();
        };
        let is_linked = |name: &RepositoryName| {
            view.repository(name).is_some_and(|repository| find_link(&repository.layers, digest).is_some())
        };
        let (linked, unlinked): (Vec<_>, Vec<_>) = affected.into_iter().partition(is_linked);
        let mut places = unlinked;
        if places.is_empty() {
            let anywhere = || {
                let holds = |repository: &&super::storage::Repository| {
                    find_link(&repository.layers, digest).is_some()
                };
                view.repositories.iter().find(holds).map(|repository| repository.name.clone())
            };
            places.extend(linked.into_iter().next().or_else(anywhere));
        }
        places
    }

    fn upload(
        &mut self,
        finding: &Finding,
        repository: RepositoryName,
        digest: Digest,
        replaces: bool,
    ) -> String {
        // One upload moves the bad file away; the others then find the good one.
        let replaces = replaces && !self.uploads(&digest);
        let size = self.situation.storage.and_then(|view| described_size(view, &digest));
        let preconditions = if replaces { Self::bad(finding, digest) } else { Vec::new() };
        let action = StepAction::UploadBlob { repository, digest, size, replaces };
        self.step(finding, Stage::Blobs, action, preconditions)
    }

    /// What must still be so for a bad file to be moved away.
    fn bad(finding: &Finding, digest: Digest) -> Vec<Condition> {
        let condition = if finding.code == Code::UnreadableManifest {
            Condition::NoManifest(digest)
        } else {
            Condition::WrongContent(digest)
        };
        vec![condition]
    }

    /// Whether some step uploads this content already.
    fn uploads(&self, digest: &Digest) -> bool {
        self.steps.values().any(|step| {
            matches!(step.action, StepAction::UploadBlob { .. } | StepAction::RestoreManifest { .. })
                && step.action.digest() == Some(digest)
        })
    }

    /// A manifest that one repository needs: with everything that it needs there.
    fn manifest(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest, replaces: bool) {
        if !self.may_upload(finding) {
            return;
        }
        if self.restore(finding, name, digest, replaces, 0).is_none() {
            self.give_up(finding, NO_BYTES);
        }
    }

    /// The step that restores a manifest, after those that restore what it needs.
    fn restore(
        &mut self,
        finding: &Finding,
        name: &RepositoryName,
        digest: Digest,
        replaces: bool,
        depth: u8,
    ) -> Option<String> {
        let manifest = self.situation.manifests.get(&digest)?;
        let replaces = replaces && !self.uploads(&digest);
        let preconditions = if replaces { Self::bad(finding, digest) } else { Vec::new() };
        let stage = if manifest.kind == Kind::Index { Stage::Indexes } else { Stage::Manifests };
        let action = StepAction::RestoreManifest { repository: name.clone(), digest, replaces };
        let id = action.id();
        let is_new = !self.steps.contains_key(&id);
        self.step(finding, stage, action, preconditions);
        if is_new && depth < 8 {
            let mut after: Vec<String> = Vec::new();
            for need in &manifest.needs {
                after.extend(self.needed_blob(finding, name, need.digest));
            }
            for child in &manifest.children {
                if !self.is_held(name, &child.digest) {
                    after.extend(self.restore(finding, name, child.digest, false, depth + 1));
                }
            }
            if let Some(step) = self.steps.get_mut(&id) {
                step.after = after;
            }
        }
        Some(id)
    }

    /// Whether the repository has the manifest and its data.
    fn is_held(&self, name: &RepositoryName, digest: &Digest) -> bool {
        self.situation.storage.is_some_and(|view| {
            let repository = view.repository(name);
            view.blob(digest).is_some()
                && repository.is_some_and(|repository| find_link(&repository.revisions, digest).is_some())
        })
    }

    /// The upload of a blob that a restored manifest needs, unless storage has it, linked.
    fn needed_blob(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) -> Option<String> {
        let view = self.situation.storage;
        let is_linked = view
            .and_then(|view| view.repository(name))
            .is_some_and(|repository| find_link(&repository.layers, &digest).is_some());
        let is_stored = view.is_some_and(|view| view.blob(&digest).is_some_and(|blob| blob.size > 0));
        if is_stored && is_linked || !self.has_bytes(&digest) {
            return None;
        }
        Some(self.upload(finding, name.clone(), digest, false))
    }

    fn phantom_blob(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
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
        if daemon.cache == CacheKind::Redis {
            self.purge(finding, digest);
        } else if may_delete {
            let action = StepAction::DeleteClaim { repository: name.clone(), digest };
            self.step(finding, Stage::Claims, action, vec![Condition::DataAbsent(digest)]);
        } else if self.is_writable() && self.has_bytes(&digest) {
            self.upload(finding, name.clone(), digest, false);
        } else {
            self.restart(finding, "the registry allows no deletes");
        }
    }

    fn phantom_manifest(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let restored = self.is_writable() && self.restore(finding, name, digest, false, 0).is_some();
        if restored {
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

    fn purge(&mut self, finding: &Finding, digest: Digest) {
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
        let action = StepAction::PurgeCache { digest, entry: is_entry, repositories };
        self.step(finding, Stage::Claims, action, conditions);
    }

    /// The last remedy, where it was offered.
    fn restart(&mut self, finding: &Finding, why: &str) {
        match self.situation.restart {
            Some(service) if self.situation.daemon.cache != CacheKind::Redis => {
                let action = StepAction::Restart { service: service.to_owned() };
                self.step(finding, Stage::Restart, action, Vec::new());
            }
            _ => self.give_up(finding, &format!("{why}; a restart of the daemon clears it (--restart SPEC)")),
        }
    }

    /// Content that is stored, and about which the daemon is wrong: its memory is.
    fn claim_of_presence(&mut self, finding: &Finding) {
        let is_purged = self.situation.purges.is_some_and(|purges| purges.contains_key(&finding.id));
        if let Some(digest) = finding.subject.digest.filter(|_| is_purged) {
            return self.purge(finding, digest);
        }
        if self.situation.daemon.cache == CacheKind::None {
            return self
                .give_up(finding, "the daemon has no cache that could be wrong; its log may tell why");
        }
        self.restart(finding, "the daemon's memory of it is wrong");
    }

    fn link(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest, path: &str) {
        let is_layer = path.contains("/_layers/");
        let is_stored = self.situation.storage.is_some_and(|view| view.blob(&digest).is_some());
        if finding.code == Code::InvalidLink {
            let place = if is_layer { LinkPlace::Layer(digest) } else { LinkPlace::Revision(digest) };
            let action = StepAction::RewriteLink { repository: name.clone(), place, digest };
            self.step(finding, Stage::Links, action, Vec::new());
            return;
        }
        if !self.may_upload(finding) {
            return;
        }
        if is_layer && self.has_bytes(&digest) {
            self.upload(finding, name.clone(), digest, false);
        } else if !is_layer && is_stored {
            self.linked_manifest(finding, name, digest);
        } else {
            self.give_up(finding, NO_BYTES);
        }
    }

    /// A manifest that is stored and lacks its revision link: PUT it, after what it needs.
    fn linked_manifest(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let action = StepAction::PutManifest { repository: name.clone(), digest, tag: None };
        let manifest = self.situation.manifests.get(&digest);
        let is_index = manifest.is_some_and(|manifest| manifest.kind == Kind::Index);
        let stage = if is_index { Stage::Indexes } else { Stage::Manifests };
        let condition = Condition::NoLink(name.clone(), LinkPlace::Revision(digest));
        let id = self.step(finding, stage, action, vec![condition, Condition::DataStored(digest)]);
        let needs: Vec<_> = manifest.into_iter().flat_map(|manifest| manifest.needs.iter()).collect();
        let after: Vec<_> =
            needs.into_iter().filter_map(|need| self.needed_blob(finding, name, need.digest)).collect();
        if let Some(step) = self.steps.get_mut(&id) {
            step.after = after;
        }
    }

    fn tag(&mut self, finding: &Finding, name: &RepositoryName, tag: &Tag) {
        let named = self.situation.tags.get(&(name.clone(), tag.clone())).copied();
        let Some(digest) = named else {
            return self.give_up(
                finding,
                "what the tag should name is lost; push it again, or give a --source that has it",
            );
        };
        if !self.may_upload(finding) {
            return;
        }
        let after =
            if self.is_held(name, &digest) { None } else { self.restore(finding, name, digest, false, 0) };
        let action = StepAction::PutManifest { repository: name.clone(), digest, tag: Some(tag.clone()) };
        let id = self.step(finding, Stage::Tags, action, Vec::new());
        if let Some(step) = self.steps.get_mut(&id) {
            step.after.extend(after);
        }
    }

    /// An index is whole when its children are, and those have findings of their own.
    fn index(&mut self, finding: &Finding, name: &RepositoryName, digest: Digest) {
        let children: BTreeSet<Digest> =
            match self.situation.storage.and_then(|view| view.manifests.get(&digest)) {
                Some(super::storage::ReadManifest::Manifest(manifest)) => {
                    manifest.children.iter().map(|child| child.digest).collect()
                }
                _ => BTreeSet::new(),
            };
        let mut helped = false;
        for step in self.steps.values_mut() {
            let is_child = step.action.digest().is_some_and(|digest| children.contains(digest));
            if is_child && step.action.repository() == Some(name) {
                step.resolves.push(finding.id.clone());
                helped = true;
            }
        }
        if !helped {
            self.give_up(finding, NO_BYTES);
        }
    }

    fn finish(self, now: Timestamp) -> Plan {
        let mut steps: Vec<_> = self.steps.into_values().collect();
        steps.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
        let mut unresolved = self.unresolved;
        unresolved.retain(|id, _| !steps.iter().any(|step| step.resolves.contains(id)));
        Plan { version: VERSION, created: now, target: self.situation.target.clone(), steps, unresolved }
    }
}

/// The size that some manifest gives for the blob.
fn described_size(view: &StorageView, digest: &Digest) -> Option<u64> {
    view.manifests.values().find_map(|read| match read {
        super::storage::ReadManifest::Manifest(manifest) => {
            manifest.needs.iter().find(|need| need.digest == *digest).and_then(|need| need.size)
        }
        super::storage::ReadManifest::Unreadable(_) => None,
    })
}
