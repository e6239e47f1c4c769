//! The rules for a registry that can only be asked over its API.
//!
//! One byte a blob is asked for, the last by the size that its manifest gives:
//!
//! | answer | verdict |
//! |---|---|
//! | the byte, and the same size | right |
//! | the byte, or 416, and another size | truncated-blob, empty-blob |
//! | success, not one byte; nor the first byte | phantom-blob |
//! | success, not one byte; but the first byte | truncated-blob: the daemon remembers the whole size |
//! | 404 | missing-blob |
//! | 500 | server-error |
//! | all bytes, of another digest (content check) | corrupt-blob |
//! | all bytes, and right, of another size than a manifest gives | wrong-descriptor |
//!
//! Verdicts that need storage (orphans, links, hidden content) are not made.

use std::collections::{BTreeMap, BTreeSet};

use super::{Accusations, DaemonSettings};
use crate::domain::code::{Code, Severity};
use crate::domain::counted::counted;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject as About;
use crate::domain::layout::Place;
use crate::domain::manifest::Manifest;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Unlooked;
use crate::domain::views::served::{
    Answer, Asked, Delivered, Delivery, Denial, ServedManifest, ServedView, Subject,
};
use crate::domain::views::storage::{HashedBlob, ReadManifest};

/// Accuse what the API alone shows to be wrong; add to `unknown` what it would not say.
pub fn accuse(
    served: &ServedView,
    daemon: &DaemonSettings,
    accusations: &mut Accusations,
    unknown: &mut Vec<Unlooked>,
) {
    let hashed = served.hashed.iter().filter_map(|(_, asked)| asked.answer.yes());
    let right =
        hashed.filter(|blob| blob.actual == blob.digest).map(|blob| (blob.digest, blob.size)).collect();
    let unwanted = unwanted(served, daemon);
    let mut judge = Judge { unwanted, right, cut: BTreeSet::new(), accusations, unknown };
    for (name, tag, resolved) in &served.resolved {
        judge.tag(name, tag, resolved);
    }
    let known: BTreeMap<_, _> = served.manifests.iter().map(|(subject, asked)| (subject, asked)).collect();
    for (subject, asked) in &served.manifests {
        judge.manifest(subject, asked, &known);
    }
    for (subject, delivered) in &served.delivered {
        judge.blob(subject, delivered);
    }
    for (subject, hashed) in &served.hashed {
        judge.content(subject, hashed);
    }
}

/// The manifests that only such indexes list as need not have them.
fn unwanted(served: &ServedView, daemon: &DaemonSettings) -> BTreeSet<Subject> {
    let (mut unwanted, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    for ((name, _), asked) in &served.manifests {
        let Some(ReadManifest::Manifest(manifest)) = asked.answer.yes().map(|it| &it.read) else { continue };
        for (at, child) in manifest.children.iter().enumerate() {
            let is_wanted = daemon.wants(manifest.platforms.get(at).map_or("", |it| it));
            let list = if is_wanted { &mut wanted } else { &mut unwanted };
            list.insert((name.clone(), child.digest));
        }
    }
    unwanted.retain(|child| !wanted.contains(child));
    unwanted
}

struct Judge<'a> {
    unwanted: BTreeSet<Subject>,
    /// Content that came whole and is right, with its size.
    right: BTreeMap<Digest, u64>,
    /// Content of a wrong size: its bytes are wrong, too, which is no second fault.
    cut: BTreeSet<Digest>,
    accusations: &'a mut Accusations,
    unknown: &'a mut Vec<Unlooked>,
}

type Known<'a> = BTreeMap<&'a Subject, &'a Asked<Answer<ServedManifest>>>;

impl Judge<'_> {
    fn accuse<T>(&mut self, code: Code, about: About, message: String, asked: &Asked<T>) {
        self.accusations.add(code, about, || message, []).prove([asked.exchange.evidence()]);
    }

    fn unknown<T>(&mut self, asked: &Asked<T>, why: &str) {
        self.unknown.push(Unlooked::new(asked.exchange.asked.clone(), why));
    }

    fn tag(&mut self, name: &RepositoryName, tag: &Tag, resolved: &Asked<Answer<ServedManifest>>) {
        let about = About::tag(name.clone(), tag.clone());
        match &resolved.answer {
            Answer::Yes(manifest) => self.read(about, manifest, resolved),
            Answer::No(Denial::Tag) => {
                let message = "the tag is listed, but the daemon says there is none".to_owned();
                self.accuse(Code::MissingLink, about, message, resolved);
            }
            Answer::No(_) => {
                let message = "the tag is there, its manifest is not".to_owned();
                self.accuse(Code::MissingManifest, about, message, resolved);
            }
            Answer::Broken(why) => {
                let message = format!("the daemon answers 500 about this tag: {why}");
                self.accuse(Code::ServerError, about, message, resolved);
            }
            Answer::Unknown(why) => self.unknown(resolved, why),
        }
    }

    /// A manifest that came: whether it is one.
    fn read(&mut self, about: About, manifest: &ServedManifest, asked: &Asked<Answer<ServedManifest>>) {
        if let ReadManifest::Unreadable(why) = &manifest.read {
            self.accuse(Code::UnreadableManifest, about, why.clone(), asked);
        }
    }

    fn manifest(&mut self, subject: &Subject, asked: &Asked<Answer<ServedManifest>>, known: &Known<'_>) {
        let (name, digest) = subject;
        let about = About::linked(name.clone(), *digest);
        match &asked.answer {
            Answer::Yes(manifest) if manifest.digest != *digest => {
                let message = format!("the daemon serves {} instead", manifest.digest.short());
                self.accuse(Code::CorruptBlob, About::data(*digest), message, asked);
            }
            Answer::Yes(manifest) => {
                self.read(About::data(*digest), manifest, asked);
                if let ReadManifest::Manifest(read) = &manifest.read {
                    self.descriptors(*digest, read, asked);
                    self.index(subject, read, asked, known);
                }
            }
            Answer::No(_) if self.unwanted.contains(subject) => {}
            Answer::No(_) => {
                let message = "an index needs it, the daemon says it is not there".to_owned();
                self.accuse(Code::MissingManifest, about, message, asked);
            }
            Answer::Broken(why) => {
                let message = format!("the daemon answers 500 about this manifest: {why}");
                self.accuse(Code::ServerError, about, message, asked);
            }
            Answer::Unknown(why) => self.unknown(asked, why),
        }
    }

    /// What a manifest says of content that is right.
    fn descriptors(&mut self, digest: Digest, manifest: &Manifest, asked: &Asked<Answer<ServedManifest>>) {
        for need in &manifest.needs {
            let Some((has, size)) = self.right.get(&need.digest).copied().zip(need.size()) else { continue };
            if has != size {
                let message = format!(
                    "it gives {size} bytes for {}, whose right content has {has}",
                    need.digest.short()
                );
                let about = About { place: Some(Place::Data(need.digest).into()), ..About::data(digest) };
                self.accuse(Code::WrongDescriptor, about, message, asked);
            }
        }
    }

    fn index(
        &mut self,
        (name, digest): &Subject,
        manifest: &Manifest,
        asked: &Asked<Answer<ServedManifest>>,
        known: &Known<'_>,
    ) {
        let is_gone = |child: &Digest| {
            known.get(&(name.clone(), *child)).is_some_and(|asked| matches!(asked.answer, Answer::No(_)))
        };
        let gone: Vec<_> = manifest.children.iter().filter(|child| is_gone(&child.digest)).collect();
        let is_note = gone.iter().all(|child| self.unwanted.contains(&(name.clone(), child.digest)));
        let gone = gone.len();
        if gone == 0 {
            return;
        }
        let code = if gone == manifest.children.len() { Code::HollowIndex } else { Code::PartialIndex };
        let about = About::linked(name.clone(), *digest);
        let message = format!("gone: {gone} of its {}", counted(manifest.children.len() as u64, "manifest"));
        let accusation = self.accusations.add(code, about, || message, []);
        accusation.prove([asked.exchange.evidence()]);
        if is_note {
            accusation.finding.severity = Severity::Note;
        }
    }

    fn blob(&mut self, subject: &Subject, blob: &Delivered) {
        if blob.is_cut() {
            self.cut.insert(subject.1);
        }
        let data = About::data(subject.1);
        let described = blob.described;
        match &blob.last.answer {
            // Whose bytes are right it is not that has a wrong size.
            Answer::Yes(Delivery::Byte(_) | Delivery::Short(_)) if self.right.contains_key(&subject.1) => {}
            Answer::Yes(Delivery::Byte(size)) => {
                if let (Some(size), Some(described)) =
                    (size, described.filter(|described| Some(*described) != *size))
                {
                    let message = format!("the daemon has {size} bytes, {described} are described");
                    self.accuse(Code::TruncatedBlob, data, message, &blob.last);
                }
            }
            // The blob that should be empty is.
            Answer::Yes(Delivery::Short(_)) if described == Some(0) => {}
            Answer::Yes(Delivery::Short(Some(0))) => {
                self.accuse(Code::EmptyBlob, data, "the daemon has no bytes of it".into(), &blob.last);
            }
            Answer::Yes(Delivery::Short(size)) => {
                let has = size.map_or("fewer".into(), |size| size.to_string());
                let message =
                    format!("the daemon has {has} bytes, {} are described", described.unwrap_or_default());
                self.accuse(Code::TruncatedBlob, data, message, &blob.last);
            }
            Answer::Yes(Delivery::Nothing) => self.nothing(subject, blob),
            Answer::No(_) => {
                let message = "a manifest needs it, the daemon says it is not there".to_owned();
                self.accuse(Code::MissingBlob, data, message, &blob.last);
            }
            Answer::Broken(why) => {
                let message = format!("the daemon answers 500 about this blob: {why}");
                self.accuse(
                    Code::ServerError,
                    About::linked(subject.0.clone(), subject.1),
                    message,
                    &blob.last,
                );
            }
            Answer::Unknown(why) => self.unknown(&blob.last, why),
        }
    }

    /// All bytes that came: whether they are what the digest says.
    fn content(&mut self, subject: &Subject, hashed: &Asked<Answer<HashedBlob>>) {
        match &hashed.answer {
            Answer::Yes(blob) if blob.actual == subject.1 || self.cut.contains(&subject.1) => {}
            Answer::Yes(blob) => {
                let message = format!("the daemon serves {} bytes that hash to {}", blob.size, blob.actual);
                self.accuse(Code::CorruptBlob, About::data(subject.1), message, hashed);
            }
            Answer::No(_) => {
                let message = "a manifest needs it, the daemon says it is not there".to_owned();
                self.accuse(Code::MissingBlob, About::data(subject.1), message, hashed);
            }
            Answer::Broken(why) => {
                let message = format!("the daemon answers 500 about this blob: {why}");
                self.accuse(Code::ServerError, About::linked(subject.0.clone(), subject.1), message, hashed);
            }
            Answer::Unknown(why) => self.unknown(hashed, why),
        }
    }

    /// The last byte was promised and did not come: what the first one did decides.
    fn nothing(&mut self, (name, digest): &Subject, blob: &Delivered) {
        let first = blob.first.as_ref();
        if let Some(Asked { answer: Answer::Unknown(why), .. }) = first {
            return self.unknown(&blob.last, why);
        }
        let has_first = first.is_some_and(|first| matches!(first.answer, Answer::Yes(Delivery::Byte(_))));
        let accusation = if has_first {
            let message = || "the daemon promises its whole size and delivers less".to_owned();
            self.accusations.add(Code::TruncatedBlob, About::data(*digest), message, [])
        } else {
            let message =
                || "the daemon claims it and delivers nothing: a push skips it, a pull fails".to_owned();
            self.accusations.add(Code::PhantomBlob, About::linked(name.clone(), *digest), message, [])
        };
        let asked = [Some(&blob.last), first].into_iter().flatten();
        accusation.prove(asked.map(|asked| asked.exchange.evidence()));
    }
}
