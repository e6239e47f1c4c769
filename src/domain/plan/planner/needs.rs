//! Who needs what steps bring: each looked at once more right before its step, so that nothing comes back that
//! somebody has deleted in the meantime.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::images::Frontier;
use crate::domain::layout::LinkPlace;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::plan::{Step, StepAction};
use crate::domain::rules::{Condition, MOST_HOLDERS};
use crate::domain::views::storage::{Repository, StorageView, StoredTag, TagTarget, Target};

/// Whether a finding stands only as long as somebody needs its content.
const fn is_of_need(code: Code) -> bool {
    matches!(
        code,
        Code::MissingBlob
            | Code::MissingManifest
            | Code::MissingLink
            | Code::HollowIndex
            | Code::PartialIndex
    )
}

/// Bind each step to those who need what it brings, as far as storage knows them.
pub(super) fn bind(steps: &mut BTreeMap<String, Step>, view: &StorageView, findings: &[Finding]) {
    let of_need: HashSet<&str> = findings
        .iter()
        .filter(|finding| is_of_need(finding.code))
        .map(|finding| finding.id.as_str())
        .collect();
    let is_bound = |step: &Step| match step.action {
        StepAction::RestoreManifest { .. } | StepAction::PutManifest { tag: None, .. } => true,
        StepAction::UploadBlob { .. } => step.resolves.iter().all(|id| of_need.contains(id.as_str())),
        StepAction::PutManifest { tag: Some(_), .. }
        | StepAction::RewriteLink { .. }
        | StepAction::SetAside { .. }
        | StepAction::DeleteClaim { .. }
        | StepAction::PurgeCache(_)
        | StepAction::Restart { .. }
        | StepAction::ReturnManifest { .. }
        | StepAction::PushImage { .. } => false,
    };
    let bound: BTreeMap<String, (RepositoryName, Digest)> = steps
        .values()
        .filter(|step| is_bound(step))
        .filter_map(|step| {
            Some((step.id.clone(), (step.action.repository()?.clone(), *step.action.digest()?)))
        })
        .collect();
    let brought = bound.values().map(|(_, digest)| *digest).collect();
    let places = bound.values().map(|(name, _)| name.clone()).collect();
    let needed = Needed::new(view, &brought, &places);
    let mut holders: HashMap<String, Vec<Condition>> =
        bound.iter().map(|(id, (name, digest))| (id.clone(), needed.by(name, digest))).collect();
    for step in steps.values() {
        if let StepAction::PutManifest { repository, tag: Some(tag), .. }
        | StepAction::PushImage { repository, tag } = &step.action
        {
            // Somebody may have pushed the tag in the meantime: what they mean counts.
            holders.entry(step.id.clone()).or_default().extend(needed.tag(repository, tag));
        }
        if let StepAction::PutManifest { repository, tag: Some(tag), digest } = &step.action {
            let push = StepAction::PushImage { repository: repository.clone(), tag: tag.clone() };
            let says = Condition::TagSays(repository.clone(), tag.clone(), TagTarget::Digest(*digest));
            holders.entry(push.id()).or_default().push(says);
        }
    }
    holders.retain(|_, held| !held.is_empty());
    inherit(steps, &bound, &mut holders);
    for (id, held) in holders {
        if let Some(step) = steps.get_mut(&id) {
            step.preconditions.push(Condition::AnyOf(held));
        }
    }
}

/// What nobody in storage is known to need is brought for the steps that wait for it.
fn inherit(
    steps: &BTreeMap<String, Step>,
    bound: &BTreeMap<String, (RepositoryName, Digest)>,
    holders: &mut HashMap<String, Vec<Condition>>,
) {
    let mut open = Frontier::of(holders.keys().cloned().collect::<BTreeSet<_>>());
    while let Some(id) = open.next() {
        let (Some(step), Some(held)) = (steps.get(&id), holders.get(&id).cloned()) else { continue };
        for before in step.after.iter().filter(|before| bound.contains_key(*before)) {
            holders.entry(before.clone()).or_insert_with(|| held.clone());
            open.meet([before.clone()]);
        }
    }
}

/// The manifests that name what steps bring, and who in a repository holds those.
struct Needed<'a> {
    view: &'a StorageView,
    named_by: HashMap<Digest, Vec<&'a Digest>>,
    tags: HashMap<&'a RepositoryName, HashMap<Digest, Vec<&'a Tag>>>,
}

impl<'a> Needed<'a> {
    fn new(view: &'a StorageView, brought: &HashSet<Digest>, places: &HashSet<RepositoryName>) -> Self {
        let mut named_by: HashMap<Digest, Vec<&Digest>> = HashMap::new();
        for (holder, manifest) in view.manifests.readable() {
            let named = manifest.references().map(|named| named.digest);
            for named in named.filter(|named| brought.contains(named)) {
                named_by.entry(named).or_default().push(holder);
            }
        }
        let repositories = places.iter().filter_map(|name| view.repository(name));
        let tags = repositories.map(|repository| (&repository.name, by_digest(repository))).collect();
        Self { view, named_by, tags }
    }

    /// Who in the repository holds the content itself or a manifest that names it.
    fn by(&self, name: &RepositoryName, digest: &Digest) -> Vec<Condition> {
        let Some(repository) = self.view.repository(name) else { return Vec::new() };
        let naming = self.named_by.get(digest).into_iter().flatten().copied();
        let holders = std::iter::once(digest).chain(naming);
        holders.flat_map(|holder| self.holding(repository, holder)).take(MOST_HOLDERS).collect()
    }

    /// The repository's links and tags to a manifest.
    fn holding(&self, repository: &'a Repository, digest: &Digest) -> impl Iterator<Item = Condition> {
        let name = &repository.name;
        let link = repository.revisions.find(digest);
        let link = link.filter(|link| !matches!(link.target, Target::Missing | Target::Unknown));
        let linked = link.map(|link| {
            Condition::LinkSays(name.clone(), LinkPlace::Revision(link.digest), link.target.clone())
        });
        let tags = self.tags.get(name).and_then(|tags| tags.get(digest));
        let named = TagTarget::Digest(*digest);
        let tagged = tags.into_iter().flatten();
        let tagged = tagged.map(move |tag| Condition::TagSays(name.clone(), (*tag).clone(), named.clone()));
        linked.into_iter().chain(tagged)
    }

    /// The tag, as long as it says what it said.
    fn tag(&self, name: &RepositoryName, tag: &Tag) -> Vec<Condition> {
        let tags = self.view.repository(name).map(|repository| &repository.tags);
        let stored = tags.and_then(|tags| {
            let at = tags.binary_search_by(|stored| stored.tag.cmp(tag)).ok()?;
            tags.get(at)
        });
        let says = |stored: &StoredTag| Condition::TagSays(name.clone(), tag.clone(), stored.current.clone());
        stored.map(says).into_iter().collect()
    }
}

fn by_digest(repository: &Repository) -> HashMap<Digest, Vec<&Tag>> {
    let mut tags: HashMap<Digest, Vec<&Tag>> = HashMap::new();
    for stored in &repository.tags {
        if let TagTarget::Digest(digest) = stored.current {
            tags.entry(digest).or_default().push(&stored.tag);
        }
    }
    tags
}
