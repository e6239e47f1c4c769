//! What the answers say about each image.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Inquiry, Named, Read, VerifiedImages};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, Subject as About};
use crate::domain::images::Frontier;
use crate::domain::name::{Image, Reference, RepositoryName, Tag};
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::remedy::{Capabilities, Case, Redis, offered};
use crate::domain::report::{ServedCoverage, Verdict, VerifiedImage};
use crate::domain::rules::{Accusations, DaemonSettings, api};
use crate::domain::views::served::{Answer, Asked, Delivered, Denial, Subject};
use crate::engine::ports::{RegistryReader, RequestError};

/// Nothing could be asked.
pub(super) fn unreachable(
    registry: &dyn RegistryReader,
    images: &[Named],
    error: &RequestError,
) -> VerifiedImages {
    let why = format!("{}: {}", error.asked(), error.reason_and_hint());
    let unlooked = Unlooked::new(Thing::side(registry.location()), why);
    let image = |named: &Named| VerifiedImage {
        verdict: Verdict::Incomplete,
        unknown: vec![unlooked.clone()],
        ..VerifiedImage::new(named.name.clone())
    };
    VerifiedImages {
        images: images.iter().map(image).collect(),
        unknown: vec![unlooked.clone()],
        ..VerifiedImages::default()
    }
}

impl VerifiedImages {
    /// Keep what is right, and for the rest the last look at it; the images that are not right.
    pub(super) fn settle(&mut self, seen: Self, open: &[Named]) -> Vec<Named> {
        let again: HashSet<&str> = open.iter().map(|named| &*named.name).collect();
        self.images.retain(|image| !again.contains(&*image.name));
        self.images.extend(seen.images);
        (self.findings, self.unknown) = (seen.findings, seen.unknown);
        self.served.tags += seen.served.tags;
        self.served.manifests += seen.served.manifests;
        self.served.blobs += seen.served.blobs;
        self.served.hashed_blobs += seen.served.hashed_blobs;
        self.served.hashed_bytes += seen.served.hashed_bytes;
        let right = self.images.iter().filter(|image| image.verdict == Verdict::Coherent);
        let right: HashSet<&str> = right.map(|image| &*image.name).collect();
        open.iter().filter(|named| !right.contains(&*named.name)).cloned().collect()
    }

    /// Put the images in the order in which they were given.
    pub(super) fn put_in_order(&mut self, images: &[Named]) {
        let places = images.iter().enumerate().map(|(at, named)| (&*named.name, at));
        let places: HashMap<&str, usize> = places.collect();
        self.images.sort_by_key(|image| places.get(&*image.name).copied());
    }
}

/// What belongs to one image.
#[derive(Default)]
struct Reach {
    /// All of its repository.
    manifests: BTreeSet<Digest>,
    blobs: BTreeMap<Digest, u64>,
    asked: BTreeSet<Thing>,
    unknown: Vec<Unlooked>,
}

/// What was concluded, by what it is about: there may be as much of it as there are images.
struct Told<'a> {
    contents: HashMap<Digest, Vec<usize>>,
    tags: BTreeMap<Image, usize>,
    unknown: BTreeMap<&'a Thing, Vec<usize>>,
}

impl<'a> Told<'a> {
    fn of(findings: &[Finding], unknown: &'a [Unlooked]) -> Self {
        let mut told = Self { contents: HashMap::new(), tags: BTreeMap::new(), unknown: BTreeMap::new() };
        for (at, Finding { subject: About { repository, digest, tag, .. }, .. }) in
            findings.iter().enumerate()
        {
            match (digest, repository, tag) {
                (Some(digest), ..) => told.contents.entry(*digest).or_default().push(at),
                (None, Some(name), Some(tag)) => {
                    told.tags.insert(Image::tagged(name.clone(), tag.clone()), at);
                }
                (None, ..) => {}
            }
        }
        for (at, unlooked) in unknown.iter().enumerate() {
            told.unknown.entry(&unlooked.what).or_default().push(at);
        }
        told
    }

    /// The findings that may be about something that the image needs, in their order.
    fn near(&self, reach: &Reach, image: &Image) -> BTreeSet<usize> {
        let contents = reach.manifests.iter().chain(reach.blobs.keys());
        let near = contents.filter_map(|digest| self.contents.get(digest)).flatten();
        near.chain(self.tags.get(image)).copied().collect()
    }

    /// Which of what is unknown the image would have needed, in their order.
    fn unseen(&self, reach: &Reach) -> BTreeSet<usize> {
        reach.asked.iter().filter_map(|asked| self.unknown.get(asked)).flatten().copied().collect()
    }
}

/// The answers, by what they are about.
struct Index<'a> {
    manifests: BTreeMap<&'a Subject, &'a Read>,
    blobs: BTreeMap<&'a Subject, &'a Delivered>,
    hashed: BTreeMap<&'a Digest, &'a Thing>,
    tags: BTreeMap<(&'a RepositoryName, &'a Tag), &'a Read>,
}

impl Index<'_> {
    /// The manifest that an image stands for.
    fn digest(&self, image: &Image) -> Option<Digest> {
        match &image.reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => {
                let asked = self.tags.get(&(&image.repository, tag));
                asked.and_then(|asked| asked.answer.yes()).map(|manifest| manifest.digest)
            }
        }
    }
}

impl Inquiry<'_> {
    /// Turn the answers into a verdict on each image.
    pub(super) fn judge(mut self, images: &[Named]) -> VerifiedImages {
        let mut accusations = Accusations::default();
        let mut unknown: Vec<Unlooked> = self.loose.values().flatten().cloned().collect();
        self.accuse_roots(images, &mut accusations);
        self.accuse_platforms(&mut accusations);
        let mut told = self.explorer.served.clone();
        // What is not there at all is accused above, in the words that fit.
        told.resolved.retain(|(.., asked)| !matches!(asked.answer, Answer::No(_)));
        let roots: BTreeSet<Subject> = images.iter().filter_map(|named| super::root(&named.image)).collect();
        told.manifests
            .retain(|(subject, asked)| !(roots.contains(subject) && matches!(asked.answer, Answer::No(_))));
        if !self.options.platforms.is_empty() {
            self.drop_other_platforms(&mut told.manifests);
        }
        api::accuse(&told, &self.options.daemon, &mut accusations, &mut unknown);
        Unlooked::sort(&mut unknown);
        let mut findings: Vec<Finding> =
            accusations.into_vec().into_iter().map(|accusation| accusation.finding).collect();
        let index = self.index();
        let told = Told::of(&findings, &unknown);
        let sum_up = |named| self.sum_up(named, &index, (&told, &mut findings, &unknown));
        let images = images.iter().map(sum_up).collect();
        let daemon = DaemonSettings { proxy: self.options.daemon.proxy, ..DaemonSettings::default() };
        let capabilities = Capabilities::found(&daemon, false, Redis::NotGiven);
        for finding in &mut findings {
            finding.remedies = offered(&Case::found(finding, |_| false, false), capabilities);
        }
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        VerifiedImages { images, findings, unknown, served: self.coverage() }
    }

    /// Children that are not wanted were not asked for, and are not gone.
    fn drop_other_platforms(&self, manifests: &mut [(Subject, Read)]) {
        for (_, asked) in manifests {
            let Answer::Yes(served) = &mut asked.answer else { continue };
            let crate::domain::views::storage::ReadManifest::Manifest(manifest) = &mut served.read else {
                continue;
            };
            let wanted: BTreeSet<Digest> = self.wanted(manifest).collect();
            manifest.children =
                manifest.children.iter().filter(|child| wanted.contains(&child.digest)).copied().collect();
        }
    }

    /// Accuse images that are not there at all.
    fn accuse_roots(&mut self, images: &[Named], accusations: &mut Accusations) {
        for (name, tag, asked) in &self.explorer.served.resolved {
            let Answer::No(denial) = &asked.answer else { continue };
            let message = match denial {
                Denial::Manifest => "the tag is there, its manifest is not",
                Denial::Repository => "there is no such repository",
                Denial::Tag | Denial::Blob | Denial::Unspecified => "there is no such tag",
            };
            let about = About::tag(name.clone(), tag.clone());
            let accusation = accusations.add(Code::MissingManifest, about, || message.to_owned(), []);
            accusation.prove([asked.exchange.evidence()]);
        }
        let roots: BTreeSet<Subject> = images.iter().filter_map(|named| super::root(&named.image)).collect();
        for (subject, asked) in &self.explorer.served.manifests {
            if roots.contains(subject) && matches!(asked.answer, Answer::No(_)) {
                let about = About::linked(subject.0.clone(), subject.1);
                let message = || "the daemon says there is no such manifest".to_owned();
                accusations.add(Code::MissingManifest, about, message, []).prove([asked.exchange.evidence()]);
            }
        }
    }

    /// Accuse indexes that have nothing for the platforms asked for.
    fn accuse_platforms(&self, accusations: &mut Accusations) {
        let attached: BTreeSet<&Subject> = self.attached.values().flatten().collect();
        for (subject, asked) in &self.explorer.served.manifests {
            let Some(manifest) = asked.manifest().filter(|manifest| !manifest.children.is_empty()) else {
                continue;
            };
            if attached.contains(subject) || self.wanted(manifest).next().is_some() {
                continue;
            }
            let about = About::linked(subject.0.clone(), subject.1);
            let message = || format!("the index has no manifest for {}", self.options.platforms.join(", "));
            accusations.add(Code::MissingManifest, about, message, []).prove([asked.exchange.evidence()]);
        }
    }

    fn index(&self) -> Index<'_> {
        let served = &self.explorer.served;
        Index {
            manifests: served.manifests.iter().map(|(subject, asked)| (subject, asked)).collect(),
            blobs: served.delivered.iter().map(|(subject, delivered)| (subject, delivered)).collect(),
            hashed: served
                .hashed
                .iter()
                .map(|(subject, asked)| (&subject.1, &asked.exchange.asked))
                .collect(),
            tags: served.resolved.iter().map(|(name, tag, asked)| ((name, tag), asked)).collect(),
        }
    }

    /// Everything that belongs to an image.
    fn reach(&self, image: &Image, index: &Index<'_>) -> Reach {
        let mut reach = Reach::default();
        if let Reference::Tag(tag) = &image.reference {
            reach.note(index.tags.get(&(&image.repository, tag)).copied());
        }
        let root = index.digest(image).map(|digest| (image.repository.clone(), digest));
        let mut open = Frontier::of(root);
        while let Some(subject) = open.next() {
            reach.unknown.extend(self.loose.get(&subject).into_iter().flatten().cloned());
            open.meet(self.attached.get(&subject).into_iter().flatten().cloned());
            if let Some(asked) = index.manifests.get(&subject).copied() {
                reach.note(Some(asked));
                open.meet(self.children((&subject, asked)));
                for need in asked.manifest().into_iter().flat_map(|manifest| &manifest.needs) {
                    reach.blob(&(subject.0.clone(), need.digest), need.size(), index);
                }
            }
            reach.manifests.insert(subject.1);
        }
        reach
    }

    fn sum_up(
        &self,
        named: &Named,
        index: &Index<'_>,
        (told, findings, unknown): (&Told<'_>, &mut [Finding], &[Unlooked]),
    ) -> VerifiedImage {
        let Named { name, image } = named;
        let reach = self.reach(image, index);
        let mut ids = Vec::new();
        for at in told.near(&reach, image) {
            if let Some(finding) = findings.get_mut(at).filter(|finding| reach.holds(finding, image)) {
                finding.affects.push(image.clone());
                ids.push(finding.id.clone());
            }
        }
        let mut unlooked = reach.unknown.clone();
        unlooked.extend(told.unseen(&reach).into_iter().filter_map(|at| unknown.get(at)).cloned());
        let verdict = match (unlooked.is_empty(), ids.is_empty()) {
            (false, _) => Verdict::Incomplete,
            (true, false) => Verdict::Incoherent,
            (true, true) => Verdict::Coherent,
        };
        VerifiedImage {
            name: name.clone(),
            verdict,
            digest: index.digest(image),
            findings: ids,
            unknown: unlooked,
            manifests: reach.manifests.len() as u64,
            blobs: reach.blobs.len() as u64,
            bytes: reach.blobs.values().sum(),
        }
    }

    fn coverage(&self) -> ServedCoverage {
        let served = &self.explorer.served;
        let hashed = served.hashed.iter().filter_map(|(_, asked)| asked.answer.yes());
        let (hashed_blobs, hashed_bytes) =
            hashed.fold((0, 0), |(blobs, bytes), blob| (blobs + 1, bytes + blob.size));
        ServedCoverage {
            requests: 0,
            tags: served.resolved.len() as u64,
            manifests: served.manifests.len() as u64,
            blobs: served.delivered.len() as u64,
            hashed_blobs,
            hashed_bytes,
        }
    }
}

impl Reach {
    fn note<T>(&mut self, asked: Option<&Asked<T>>) {
        self.asked.extend(asked.map(|asked| asked.exchange.asked.clone()));
    }

    fn blob(&mut self, subject: &Subject, size: Option<u64>, index: &Index<'_>) {
        if let Some(delivered) = index.blobs.get(subject) {
            self.note(Some(&delivered.last));
            self.note(delivered.first.as_ref());
        }
        self.asked.extend(index.hashed.get(&subject.1).copied().cloned());
        self.blobs.insert(subject.1, size.unwrap_or_default());
    }

    /// Whether the finding is about something that the image needs.
    fn holds(&self, finding: &Finding, image: &Image) -> bool {
        let About { repository, digest, tag, .. } = &finding.subject;
        if repository.as_ref().is_some_and(|name| *name != image.repository) {
            return false;
        }
        match (digest, tag) {
            (Some(digest), _) => self.manifests.contains(digest) || self.blobs.contains_key(digest),
            (None, Some(tag)) => image.reference == Reference::Tag(tag.clone()),
            (None, None) => false,
        }
    }
}
