//! The proof: everything is collected anew, and every repaired image is pulled in full over the API.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::Repair;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, State, Subject as About};
use crate::domain::images::{Frontier, Holders};
use crate::domain::manifest::{self, Manifest};
use crate::domain::name::{Image, Reference};
use crate::domain::observed::{Evidence, PullOf, Reason, Side, Thing, Unlooked};
use crate::domain::plan::{Outcome, Plan, Proof, Step, StepAction, StepResult};
use crate::domain::remedy::{Capabilities, Case, offered};
use crate::domain::report::Coverage;
use crate::domain::rules::{Accusations, affected};
use crate::domain::suspects::SuspectKind;
use crate::domain::views::served::Subject;
use crate::engine::check::{Examination, Options, Suspect, check};
use crate::engine::ports::{Daemon, Event, Events, RegistryReader, StorageError, fetch_images};
use crate::engine::sides::Sides;

/// What the proof shows.
pub struct Proven {
    /// Resolved, remaining, introduced, unknown.
    pub proof: Proof,
    /// All findings of before with what became of them, and what was introduced; sorted.
    pub findings: Vec<Finding>,
    /// The second examination, whose coverage counts now.
    pub after: Examination,
}

/// Check again, and pull what was repaired.
///
/// # Errors
/// When storage cannot be read at all any more.
pub async fn prove(
    repair: &Repair,
    options: &Options,
    before: &[Finding],
    plan: &Plan,
    outcomes: &[Outcome],
) -> Result<Proven, StorageError> {
    let sides = &repair.sides;
    let mut options = options.clone();
    let came = repair.read_back.came();
    // What came whole needs no HEAD.
    let is_open = |suspect: &Suspect| {
        let subject = suspect.repository.clone().map(|name| (name, suspect.digest));
        subject.is_none_or(|subject| !came.contains_key(&subject))
    };
    options.leads.written.extend(touched(plan, outcomes).into_iter().filter(is_open));
    options.leads.returned.extend(returned(plan, outcomes));
    let mut after = check(sides, &options, Arc::clone(&repair.events)).await?;
    let ids = |findings: &[Finding]| -> BTreeSet<String> {
        findings.iter().map(|finding| finding.id.clone()).collect()
    };
    let images = repaired_images(before, plan, outcomes, &after.findings);
    let (pulled, broken) = pull_everywhere(repair, images, came).await;
    let is_wrong = |unlooked: &Unlooked| matches!(unlooked.why, Reason::WrongBytes(_));
    let (wrong, unseen): (Vec<_>, Vec<_>) = broken.into_iter().partition(is_wrong);
    after.coverage.unknown.extend(unseen);
    came_wrong(&mut after, &options, wrong);
    let (had, found) = (ids(before), ids(&after.findings));
    let not_found = || before.iter().filter(|finding| !found.contains(&finding.id));
    let (others, rest): (Vec<_>, Vec<_>) =
        not_found().partition(|finding| is_bad_still(finding, &after.findings));
    let unknown: BTreeSet<_> = rest
        .into_iter()
        .filter(|finding| is_unseen(finding, sides, &after.coverage))
        .map(|finding| finding.id.clone())
        .collect();
    let has: BTreeSet<_> = found.iter().chain(others.iter().map(|finding| &finding.id)).cloned().collect();
    after.coverage.unknown.extend(unsettled(plan, outcomes));
    let proof = Proof {
        resolved: had.difference(&has).filter(|id| !unknown.contains(*id)).cloned().collect(),
        remaining: had.intersection(&has).cloned().collect(),
        introduced: has.difference(&had).cloned().collect(),
        unknown: unknown.into_iter().collect(),
        pulled: pulled.iter().map(ToString::to_string).collect(),
    };
    let standing = after.findings.iter().chain(others);
    let findings = judge(before, standing, plan, &proof);
    Ok(Proven { proof, findings, after })
}

/// A pull that came with wrong bytes was looked at, and tells what is wrong.
fn came_wrong(after: &mut Examination, options: &Options, wrong: Vec<Unlooked>) {
    let accused: BTreeSet<Digest> = wrong.iter().filter_map(|unlooked| unlooked.what.content()).collect();
    let affected = after.storage.as_ref().map(|view| affected::find(view, &accused));
    let known =
        |digest: &Digest| after.storage.as_ref().is_some_and(|view| view.manifests.contains_key(digest));
    let mut findings = Accusations::default();
    for Unlooked { what, why } in wrong {
        let Some(digest) = what.content() else { continue };
        let evidence =
            Evidence { view: Side::Served, asked: what, said: why.to_string(), at: Timestamp::now() };
        let message = || "the daemon serves bytes that do not hash to its digest".to_owned();
        findings.add(Code::CorruptBlob, About::data(digest), message, []).prove([evidence]);
    }
    let capabilities = Capabilities::found(&options.daemon, after.storage.is_some(), after.redis);
    for accusation in findings.into_vec() {
        let mut finding = accusation.finding;
        if after.findings.iter().any(|other| other.id == finding.id) {
            continue;
        }
        finding.affects = affected.iter().flat_map(|affected| affected.by(&finding)).collect();
        finding.remedies = offered(&Case::found(&finding, known, false), capabilities);
        after.findings.push(finding);
    }
}

/// The steps that were done.
fn done<'a>(plan: &'a Plan, outcomes: &'a [Outcome]) -> impl Iterator<Item = &'a Step> {
    let both = plan.steps.iter().zip(outcomes);
    let done = both.filter(|(step, outcome)| step.id == outcome.step && outcome.result.is_done());
    done.map(|(step, _)| step)
}

/// The manifests that were put back after garbage collection.
fn returned<'a>(plan: &'a Plan, outcomes: &'a [Outcome]) -> impl Iterator<Item = Digest> + 'a {
    let returned =
        done(plan, outcomes).filter(|step| matches!(step.action, StepAction::ReturnManifest { .. }));
    returned.filter_map(|step| step.action.digest().copied())
}

/// The blobs that were uploaded, wherever they are needed: the daemon may remember something else of them. And those
/// that it was made to forget: a DELETE takes their links, by which they would be asked about.
fn touched(plan: &Plan, outcomes: &[Outcome]) -> Vec<Suspect> {
    let asked_again = |action: &StepAction| {
        matches!(action, StepAction::UploadBlob { .. } | StepAction::DeleteClaim { .. })
    };
    let touched = done(plan, outcomes).filter(|step| asked_again(&step.action));
    let suspects = |step: &Step| {
        let digest = step.action.digest().copied();
        let places: Vec<_> = step.action.repository().into_iter().chain(&step.sought).cloned().collect();
        places.into_iter().filter_map(move |name| {
            Some(Suspect { repository: Some(name), digest: digest?, kind: SuspectKind::Layer })
        })
    };
    touched.flat_map(suspects).collect()
}

/// Whether what proved the finding could not be looked at again: that it is not found any more says nothing then.
fn is_unseen(finding: &Finding, sides: &Sides, coverage: &Coverage) -> bool {
    let digest = finding.subject.digest;
    let is_about = |unlooked: &Unlooked, asked: &Thing| {
        let is_all = unlooked.what == Thing::Rest;
        is_all || asked.is_within(&unlooked.what) || digest.is_some() && unlooked.what.content() == digest
    };
    finding.evidence.iter().any(|evidence| match evidence.view {
        Side::Served if coverage.served.is_none() || is_some_silent(sides, coverage) => true,
        Side::Cache if coverage.cache.is_none() => true,
        Side::Served | Side::Cache | Side::Storage => {
            coverage.unknown.iter().any(|unlooked| is_about(unlooked, &evidence.asked))
        }
    })
}

/// Whether the same data is bad in another way now: what is known of it by the manifests that are back tells more.
fn is_bad_still(finding: &Finding, after: &[Finding]) -> bool {
    const BAD: [Code; 4] = [Code::MissingBlob, Code::EmptyBlob, Code::TruncatedBlob, Code::CorruptBlob];
    let is_of = |other: &Finding| BAD.contains(&other.code) && other.subject.digest == finding.subject.digest;
    BAD.contains(&finding.code) && finding.subject.digest.is_some() && after.iter().any(is_of)
}

/// Whether some replica does not answer any more.
fn is_some_silent(sides: &Sides, coverage: &Coverage) -> bool {
    let is_silent = |replica: &Daemon| {
        let location = Thing::side(replica.location());
        coverage.unknown.iter().any(|unlooked| unlooked.what == location)
    };
    sides.replicas().iter().any(is_silent)
}

/// What became of each finding.
fn judge<'a>(
    before: &[Finding],
    standing: impl Iterator<Item = &'a Finding>,
    plan: &Plan,
    proof: &Proof,
) -> Vec<Finding> {
    let tried: BTreeSet<&String> = plan.steps.iter().flat_map(|step| &step.resolves).collect();
    let came = proof.resolved.iter().map(|id| (id, State::Repaired));
    let came: HashMap<_, _> = came.chain(proof.unknown.iter().map(|id| (id, State::Unknown))).collect();
    let ended = before.iter().filter_map(|finding| {
        let state = *came.get(&finding.id)?;
        Some(Finding { state, ..finding.clone() })
    });
    let standing = standing.cloned().map(|finding| {
        let state = if tried.contains(&finding.id) { State::Failed } else { State::Open };
        Finding { state, ..finding }
    });
    let mut findings: Vec<_> = ended.chain(standing).collect();
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    findings
}

/// The images that resolved findings broke, and that nothing breaks any more.
fn repaired_images(
    before: &[Finding],
    plan: &Plan,
    outcomes: &[Outcome],
    after: &[Finding],
) -> BTreeSet<Image> {
    let done: BTreeSet<&String> =
        outcomes.iter().filter(|outcome| outcome.result.is_done()).map(|outcome| &outcome.step).collect();
    let steps = plan.steps.iter().filter(|step| done.contains(&step.id));
    let touched: BTreeSet<&String> = steps.flat_map(|step| &step.resolves).collect();
    let broken: BTreeSet<&Image> = after.iter().flat_map(|finding| &finding.affects).collect();
    let findings = before.iter().filter(|finding| touched.contains(&finding.id));
    findings.flat_map(|finding| &finding.affects).filter(|image| !broken.contains(image)).cloned().collect()
}

/// Steps that failed and were to resolve nothing in particular: no finding tells of them.
fn unsettled(plan: &Plan, outcomes: &[Outcome]) -> Vec<Unlooked> {
    let settled: BTreeSet<&String> =
        plan.steps.iter().filter(|step| !step.resolves.is_empty()).map(|step| &step.id).collect();
    let open = outcomes.iter().filter(|outcome| !settled.contains(&outcome.step));
    let failed = open.filter_map(|outcome| match &outcome.result {
        StepResult::Failed(why) => {
            Some(Unlooked::new(Thing::Step(outcome.what.as_str().into()), why.as_str()))
        }
        StepResult::Done(_) | StepResult::Skipped(_) => None,
    });
    failed.collect()
}

/// Pull each image in full from every replica; the ones that came whole from all, and what did not come. Of the first one
/// some came already.
async fn pull_everywhere(
    repair: &Repair,
    images: BTreeSet<Image>,
    mut came: BTreeMap<Subject, u64>,
) -> (Vec<Image>, Vec<Unlooked>) {
    let daemons = &repair.sides.daemons;
    if daemons.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let (mut whole, mut broken) = (images.clone(), Vec::new());
    for daemon in daemons {
        let known = std::mem::take(&mut came);
        let jobs = repair.resources.jobs.max(1);
        let (pulled, failed) =
            pull_all(&*daemon.reader, images.clone(), &known, (jobs, &*repair.events)).await;
        whole.retain(|image| pulled.contains(image));
        broken.extend(failed.into_iter().map(|unlooked| match daemons.as_slice() {
            [_] => unlooked,
            _ => Unlooked { what: unlooked.what.at(&daemon.location()), ..unlooked },
        }));
    }
    (whole.into_iter().collect(), broken)
}

/// Pull each image in full; the ones that came whole, and what did not come.
async fn pull_all(
    reader: &dyn RegistryReader,
    images: BTreeSet<Image>,
    known: &BTreeMap<Subject, u64>,
    (jobs, events): (usize, &dyn Events),
) -> (Vec<Image>, Vec<Unlooked>) {
    let manifests = pull_manifests(reader, &images, jobs, events).await;
    let mut blobs = needed(&manifests);
    // One that came with another size than is described is fetched again, and told of.
    blobs
        .retain(|subject, size| known.get(subject).is_none_or(|came| size.is_some_and(|size| size != *came)));
    let blobs = pull_blobs(reader, blobs, jobs, events).await;
    let broken = Broken::of(&manifests, &blobs);
    let whole = images.iter().filter(|image| !broken.is(image)).cloned().collect();
    let unlooked = images.iter().filter_map(|image| broken.unlooked(image));
    let unlooked = unlooked.chain(
        blobs
            .iter()
            .map(|((name, digest), why)| Unlooked::new(PullOf::Blob(name.clone(), *digest), why.clone())),
    );
    (whole, unlooked.collect())
}

/// Manifests by what was asked for, or why they did not come.
type Pulled = BTreeMap<Image, Result<Manifest, String>>;

/// Fetch the manifests of all images.
async fn pull_manifests(
    reader: &dyn RegistryReader,
    images: &BTreeSet<Image>,
    jobs: usize,
    events: &dyn Events,
) -> Pulled {
    events.emit(Event::Stage("pulling", None));
    let mut pulled = Pulled::new();
    let fetch = async |image: Image| {
        let manifest = pull_manifest(reader, &image).await;
        events.emit(Event::Advanced(1));
        manifest
    };
    let take = |image: Image, manifest: Result<Manifest, String>| {
        let below = manifest.iter().flat_map(|manifest| children(&image, manifest)).collect();
        pulled.insert(image, manifest);
        below
    };
    fetch_images(Frontier::of(images.iter().cloned()), jobs, fetch, take).await;
    events.emit(Event::Finished);
    pulled
}

async fn pull_manifest(reader: &dyn RegistryReader, image: &Image) -> Result<Manifest, String> {
    let Image { repository, reference } = image;
    let fetched = reader.fetch_manifest(repository, reference).await.map_err(|error| error.to_string())?;
    if let Reference::Digest(digest) = reference
        && fetched.digest != *digest
    {
        return Err(format!("{digest} came as {}", fetched.digest));
    }
    manifest::parse(&fetched.bytes).map_err(|error| error.to_string())
}

fn children(image: &Image, manifest: &Manifest) -> Vec<Image> {
    let children = manifest.children.iter();
    children.map(|child| Image::untagged(image.repository.clone(), child.digest)).collect()
}

/// Each blob once, with its size where a descriptor gives one.
fn needed(manifests: &Pulled) -> BTreeMap<Subject, Option<u64>> {
    let came = manifests.iter().filter_map(|(image, manifest)| Some((image, manifest.as_ref().ok()?)));
    let needs = came.flat_map(|(image, manifest)| {
        manifest.needs.iter().map(|need| ((image.repository.clone(), need.digest), need.size()))
    });
    needs.collect()
}

/// Download every blob, hashing it; what did not come right, and why.
async fn pull_blobs(
    reader: &dyn RegistryReader,
    blobs: BTreeMap<Subject, Option<u64>>,
    jobs: usize,
    events: &dyn Events,
) -> BTreeMap<Subject, Reason> {
    events.emit(Event::Stage("pulling blobs", Some(blobs.len() as u64)));
    let fetched = stream::iter(blobs).map(|((name, digest), size)| async move {
        let fetched = reader.fetch_blob(&name, &digest, &mut tokio::io::sink()).await;
        events.emit(Event::Advanced(1));
        let why = match fetched {
            Ok(came) if came.digest != digest => Reason::WrongBytes(Box::new(came.digest)),
            Ok(came) if size.is_some_and(|size| size != came.size) => {
                format!("{} bytes came, {} are described", came.size, size.unwrap_or_default()).into()
            }
            Ok(_) => return None,
            Err(error) => error.to_string().into(),
        };
        Some(((name, digest), why))
    });
    let failed = fetched.buffer_unordered(jobs).filter_map(std::future::ready).collect().await;
    events.emit(Event::Finished);
    failed
}

/// The images that did not come whole.
struct Broken<'a> {
    /// Those that lack a manifest, and why.
    manifests: HashMap<&'a Image, &'a str>,
    /// Those that lack a blob.
    blobs: HashSet<&'a Image>,
}

impl<'a> Broken<'a> {
    fn of(pulled: &'a Pulled, failed: &BTreeMap<Subject, Reason>) -> Self {
        let listed = pulled.iter().flat_map(|(image, manifest)| {
            let below = manifest.iter().flat_map(|manifest| children(image, manifest));
            below.filter_map(move |child| Some((image, pulled.get_key_value(&child)?.0)))
        });
        let holders = Holders::new(listed);
        let lost = pulled.iter().filter_map(|(image, read)| Some((image, read.as_ref().err()?.as_str())));
        let lacks = |(image, manifest): (&'a Image, &'a Result<Manifest, String>)| {
            let mut needs = manifest.iter().flat_map(|manifest| &manifest.needs);
            let is_short = needs.any(|need| failed.contains_key(&(image.repository.clone(), need.digest)));
            is_short.then_some((image, ()))
        };
        let blobs = holders.above(pulled.iter().filter_map(lacks));
        Self { manifests: holders.above(lost).collect(), blobs: blobs.map(|(image, ())| image).collect() }
    }

    fn is(&self, image: &Image) -> bool {
        self.manifests.contains_key(image) || self.blobs.contains(image)
    }

    fn unlooked(&self, image: &Image) -> Option<Unlooked> {
        let why = (*self.manifests.get(image)?).to_owned();
        Some(Unlooked::new(PullOf::Image(image.clone()), why))
    }
}
