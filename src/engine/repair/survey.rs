//! The survey: which bytes are at hand for what is wrong.
//!
//! Manifests are fetched, hashed and read, because what a lost manifest needs is known only from its bytes.
//! Blobs are only looked for.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::images::Frontier;
use crate::domain::layout::LinkPlace;
use crate::domain::manifest::{self, Descriptor, Manifest};
use crate::domain::name::{Image, RepositoryName, Tag};
use crate::domain::plan::Materials;
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{Event, Events, Naming, Supply, Wanted, fetch_images};

/// Look for what the findings need, and for the manifests in which a daemon may believe. What broken tags named is told as far as
/// it is known.
pub async fn survey(
    findings: &[Finding],
    unsettled: &[(RepositoryName, Digest)],
    (storage, tags): (Option<&StorageView>, BTreeMap<(RepositoryName, Tag), Digest>),
    supply: &dyn Supply,
    jobs: usize,
    events: &dyn Events,
) -> Materials {
    let materials = Materials { tags, ..Materials::default() };
    let accused = findings.iter().filter_map(|finding| finding.subject.digest).collect();
    let mut survey = Survey { supply, storage, accused, materials, blobs: BTreeMap::new() };
    events.emit(Event::Stage("looking for bytes", None));
    survey.tags(findings).await;
    survey.manifests(findings, jobs).await;
    for finding in findings {
        survey.want_blob(finding);
    }
    survey.find_blobs(jobs.max(1)).await;
    survey.beliefs(unsettled).await;
    events.emit(Event::Finished);
    survey.materials
}

struct Survey<'a> {
    supply: &'a dyn Supply,
    storage: Option<&'a StorageView>,
    /// All content that findings are about.
    accused: BTreeSet<Digest>,
    materials: Materials,
    blobs: BTreeMap<Digest, Wanted>,
}

impl Survey<'_> {
    /// Ask what broken tags should name.
    async fn tags(&mut self, findings: &[Finding]) {
        for finding in findings {
            let (Some(name), Some(tag)) = (&finding.subject.repository, &finding.subject.tag) else {
                continue;
            };
            let image = Image::tagged(name.clone(), tag.clone());
            for (_, content) in self.supply.contents(&image).await {
                match content {
                    Ok(content) if content.naming == Naming::Exact => {
                        self.materials.tags.entry((name.clone(), tag.clone())).or_insert(content.root);
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }

    /// Read the manifests that findings are about, and the children of the indexes among them.
    async fn manifests(&mut self, findings: &[Finding], jobs: usize) {
        let found = findings.iter().filter_map(|finding| self.wanted_manifest(finding));
        let tags = self.materials.tags.iter();
        let tagged =
            tags.map(|((name, _), digest)| Wanted::manifest(*digest, None).in_repository(name.clone()));
        let open = Frontier::by(|wanted: &Wanted| wanted.digest, found.chain(tagged));
        let supply = self.supply;
        let fetch = |wanted: Wanted| read_manifest(supply, wanted);
        fetch_images(open, jobs, fetch, |wanted, read| self.take_manifest(&wanted, read)).await;
    }

    /// Note what a manifest needs; its children.
    fn take_manifest(&mut self, wanted: &Wanted, read: Option<Sighted>) -> Vec<Wanted> {
        let Some((manifest, from)) = read else { return Vec::new() };
        for need in &manifest.needs {
            let is_stored = self.storage.is_some_and(|view| view.blob(&need.digest).is_some());
            // Nothing else may tell any more who needs it, and so where a source has it.
            let is_bad = self.accused.contains(&need.digest);
            if !is_stored || is_bad || !self.is_linked(&wanted.repositories, &need.digest) {
                let blob = || Wanted { is_manifest: false, ..like(wanted, need) };
                self.blobs.entry(need.digest).or_insert_with(blob);
            }
        }
        let children = manifest.children.iter().map(|child| like(wanted, child)).collect();
        self.materials.sightings.insert(wanted.digest, from);
        self.materials.manifests.insert(wanted.digest, manifest);
        children
    }

    fn is_linked(&self, repositories: &[RepositoryName], digest: &Digest) -> bool {
        repositories.iter().all(|name| {
            let repository = self.storage.and_then(|view| view.repository(name));
            repository.is_some_and(|repository| repository.layers.find(digest).is_some())
        })
    }

    /// The manifest that a finding is about, if it is about one.
    fn wanted_manifest(&self, finding: &Finding) -> Option<Wanted> {
        let digest = finding.subject.digest?;
        let code = finding.code;
        let damaged = [Code::UnreadableManifest, Code::EmptyBlob, Code::TruncatedBlob, Code::CorruptBlob]
            .contains(&code);
        let is_read = || self.storage.is_some_and(|view| view.manifests.contains_key(&digest));
        let is_revision = || matches!(finding.subject.as_link(), Some(LinkPlace::Revision(_)));
        let is_manifest = matches!(code, Code::MissingManifest | Code::PhantomManifest)
            || code == Code::MissingLink && is_revision()
            || damaged && is_read();
        is_manifest.then(|| Wanted { is_manifest: true, ..wanted(finding, digest) })
    }

    /// The blob that a finding is about, if bytes of it could help.
    fn want_blob(&mut self, finding: &Finding) {
        let Some(digest) = finding.subject.digest else { return };
        let helps = matches!(
            finding.code,
            Code::MissingBlob
                | Code::PhantomBlob
                | Code::EmptyBlob
                | Code::TruncatedBlob
                | Code::CorruptBlob
                | Code::MissingLink
                | Code::InvalidLink
        );
        if helps && !self.materials.manifests.contains_key(&digest) {
            let wanted = wanted(finding, digest);
            let known = self.blobs.entry(digest).or_insert_with(|| wanted.clone());
            for name in wanted.repositories {
                if !known.repositories.contains(&name) {
                    known.repositories.push(name);
                }
            }
        }
    }

    /// Read the manifests themselves: nothing that they need is brought with them.
    async fn beliefs(&mut self, unsettled: &[(RepositoryName, Digest)]) {
        for (name, digest) in unsettled {
            if self.materials.manifests.contains_key(digest) {
                continue;
            }
            let wanted = Wanted::manifest(*digest, None).in_repository(name.clone());
            if let Some((manifest, from)) = read_manifest(self.supply, wanted).await {
                self.materials.sightings.insert(*digest, from);
                self.materials.manifests.insert(*digest, manifest);
            }
        }
    }

    async fn find_blobs(&mut self, jobs: usize) {
        let supply = self.supply;
        let wanted: Vec<_> = std::mem::take(&mut self.blobs).into_values().collect();
        let found = stream::iter(wanted).map(|wanted| async move {
            let found = supply.find(&wanted).await;
            (wanted.digest, found)
        });
        let found: Vec<_> = found.buffer_unordered(jobs).collect().await;
        for (digest, found) in found {
            if let Ok(sighting) = found {
                self.materials.sightings.insert(digest, sighting.location);
            }
        }
    }
}

/// A manifest, and the source that has it.
type Sighted = (Manifest, String);

async fn read_manifest(supply: &dyn Supply, wanted: Wanted) -> Option<Sighted> {
    let bytes = supply.manifest(&wanted).await.ok()?;
    let manifest = manifest::parse(&bytes).ok()?;
    let from = supply.find(&wanted).await.map(|sighting| sighting.location).unwrap_or_default();
    Some((manifest, from))
}

/// What a descriptor names, wanted in the same places.
fn like(wanted: &Wanted, named: &Descriptor) -> Wanted {
    Wanted { digest: named.digest, size: named.size(), ..wanted.clone() }
}

/// Content in the repositories and images that a finding names.
fn wanted(finding: &Finding, digest: Digest) -> Wanted {
    let mut wanted = Wanted::blob(digest, None);
    wanted.repositories.extend(finding.subject.repository.clone());
    for image in &finding.affects {
        if !wanted.repositories.contains(&image.repository) {
            wanted.repositories.push(image.repository.clone());
        }
    }
    wanted.images.clone_from(&finding.affects);
    wanted
}
