//! The proof: everything is collected anew, and every repaired image is pulled in full over the API.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::Tools;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, State};
use crate::domain::manifest;
use crate::domain::name::{Image, Reference, RepositoryName};
use crate::domain::observed::Unlooked;
use crate::domain::plan::{Outcome, Plan, Proof};
use crate::engine::check::{Examination, Options, Sides, check};
use crate::engine::ports::{Event, Events, RegistryWriter, StorageError};

/// What the proof shows.
pub struct Proven {
    /// Resolved, remaining, introduced.
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
    tools: &Tools,
    sides: &Sides,
    options: &Options,
    before: &[Finding],
    plan: &Plan,
    outcomes: &[Outcome],
) -> Result<Proven, StorageError> {
    let mut after = check(sides, options, Arc::clone(&tools.events)).await?;
    let images = repaired_images(before, plan, outcomes, &after.findings);
    let (pulled, broken) = match &tools.writer {
        Some(writer) => pull_all(&**writer, images, tools.jobs.max(1), &*tools.events).await,
        None => (Vec::new(), Vec::new()),
    };
    after.coverage.unknown.extend(broken);
    let ids = |findings: &[Finding]| -> BTreeSet<String> {
        findings.iter().map(|finding| finding.id.clone()).collect()
    };
    let (had, has) = (ids(before), ids(&after.findings));
    let proof = Proof {
        resolved: had.difference(&has).cloned().collect(),
        remaining: had.intersection(&has).cloned().collect(),
        introduced: has.difference(&had).cloned().collect(),
        pulled: pulled.iter().map(ToString::to_string).collect(),
    };
    let findings = judge(before, &after.findings, plan, &proof);
    Ok(Proven { proof, findings, after })
}

/// What became of each finding.
fn judge(before: &[Finding], after: &[Finding], plan: &Plan, proof: &Proof) -> Vec<Finding> {
    let tried: BTreeSet<&String> = plan.steps.iter().flat_map(|step| &step.resolves).collect();
    let gone = before.iter().filter(|finding| proof.resolved.contains(&finding.id)).cloned();
    let repaired = gone.map(|finding| Finding { state: State::Repaired, ..finding });
    let standing = after.iter().cloned().map(|finding| {
        let state = if tried.contains(&finding.id) { State::Failed } else { State::Open };
        Finding { state, ..finding }
    });
    let mut findings: Vec<_> = repaired.chain(standing).collect();
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

/// Pull each image in full; the ones that came, and what did not.
async fn pull_all(
    writer: &dyn RegistryWriter,
    images: BTreeSet<Image>,
    jobs: usize,
    events: &dyn Events,
) -> (Vec<Image>, Vec<Unlooked>) {
    events.emit(Event::Stage("pulling", Some(images.len() as u64)));
    let mut puller = Puller { writer, blobs: BTreeSet::new(), manifests: BTreeSet::new() };
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    for image in images {
        match puller.manifests_of(&image).await {
            Ok(()) => whole.push(image),
            Err(why) => broken.push(Unlooked { what: format!("pull of {image}"), why }),
        }
        events.emit(Event::Advanced(1));
    }
    events.emit(Event::Finished);
    broken.extend(puller.fetch(jobs).await);
    (whole, broken)
}

struct Puller<'a> {
    writer: &'a dyn RegistryWriter,
    manifests: BTreeSet<(RepositoryName, Digest)>,
    blobs: BTreeSet<(RepositoryName, Digest)>,
}

impl Puller<'_> {
    /// Fetch the manifests of an image, and note the blobs that they need.
    async fn manifests_of(&mut self, image: &Image) -> Result<(), String> {
        let name = &image.repository;
        let mut queue = vec![image.reference.clone()];
        while let Some(reference) = queue.pop() {
            if let Reference::Digest(digest) = &reference
                && !self.manifests.insert((name.clone(), *digest))
            {
                continue;
            }
            let fetched =
                self.writer.fetch_manifest(name, &reference).await.map_err(|error| error.to_string())?;
            if let Reference::Digest(digest) = &reference
                && fetched.digest != *digest
            {
                return Err(format!("{digest} came as {}", fetched.digest));
            }
            let read = manifest::parse(&fetched.bytes).map_err(|error| error.to_string())?;
            self.blobs.extend(read.needs.iter().map(|need| (name.clone(), need.digest)));
            queue.extend(read.children.iter().map(|child| Reference::Digest(child.digest)));
        }
        Ok(())
    }

    /// Download every blob, hashing it; what did not come right.
    async fn fetch(self, jobs: usize) -> Vec<Unlooked> {
        let writer = self.writer;
        let fetched = stream::iter(self.blobs).map(|(name, digest)| async move {
            let fetched = writer.fetch_blob(&name, &digest, &mut tokio::io::sink()).await;
            let why = match fetched {
                Ok(downloaded) if downloaded.digest == digest => return None,
                Ok(downloaded) => format!("it came as {}", downloaded.digest),
                Err(error) => error.to_string(),
            };
            Some(Unlooked { what: format!("pull of blob {digest} from {name}"), why })
        });
        fetched.buffer_unordered(jobs).filter_map(std::future::ready).collect().await
    }
}
