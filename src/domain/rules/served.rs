//! The rules that compare what the daemon serves with what storage holds.
//!
//! | daemon says | storage holds | verdict |
//! |---|---|---|
//! | there (200, 307), and delivers nothing | no data | phantom-blob |
//! | there (200, 307) | data, but no link in that repository | phantom-link; nothing, if a manifest needs it: that is a missing-link |
//! | there, of another size | data | size-mismatch; nothing, if a wrong link explains it |
//! | a manifest of other bytes | data that a right link leads to | corrupt-blob |
//! | not there (404) | data and a link | hidden-blob |
//! | 500 | anything | server-error |
//! | believes to have a manifest | no data | phantom-manifest |
//! | a tag is another digest | a tag link | tag-mismatch |

use super::storage::walk_saw;
use super::{Accusation, Accusations, Condition, closed};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject as About;
use crate::domain::layout::LinkPlace;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Unlooked;
use crate::domain::views::served::{
    Answer, Asked, Belief, Claim, Delivery, Denial, ServedBlob, ServedManifest, ServedView, Subject,
};
use crate::domain::views::storage::{
    Link, ReadManifest, Repository, StorageView, StoredBlob, TagTarget, Target,
};

/// Accuse what the two views disagree about; add to `unknown` what the daemon would not say.
pub fn accuse(
    storage: &StorageView,
    served: &ServedView,
    accusations: &mut Accusations,
    unknown: &mut Vec<Unlooked>,
) {
    let mut judge = Judge { storage, accusations, unknown };
    for (subject, blob) in &served.blobs {
        judge.blob(subject, blob);
    }
    for (subject, manifest) in &served.manifests {
        judge.manifest(subject, manifest);
    }
    for (subject, belief) in &served.beliefs {
        judge.belief(subject, belief);
    }
    for (repository, tag, resolved) in &served.resolved {
        judge.tag(repository, tag, resolved);
    }
    closed::settle(storage, served, accusations);
}

/// Note of lost manifests that the daemon knows that they are.
pub fn note_known_losses(served: &ServedView, accusations: &mut Accusations) {
    for ((name, digest), belief) in &served.beliefs {
        let Belief::Unclaimed(exchange) = belief else { continue };
        let about = About::linked(name.clone(), *digest);
        if let Some(accusation) = accusations.get_mut(Code::MissingManifest, &about) {
            "its data is not stored, and the daemon knows it: a plain push works"
                .clone_into(&mut accusation.finding.message);
            accusation.prove([exchange.evidence()]);
        }
    }
}

struct Judge<'a> {
    storage: &'a StorageView,
    accusations: &'a mut Accusations,
    unknown: &'a mut Vec<Unlooked>,
}

impl Judge<'_> {
    fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        self.storage.repository(name)
    }

    /// The repository's layer link, and the digest of the data that it, or failing it the digest itself, leads to.
    fn linked(&self, (name, digest): &Subject) -> (Option<Link<'_>>, Digest) {
        let link = self.repository(name).and_then(|repository| repository.layers.find(digest));
        (link, link.and_then(Link::data).unwrap_or(*digest))
    }

    /// The link and the data itself.
    fn stored(&self, subject: &Subject) -> (Option<Link<'_>>, Option<StoredBlob>) {
        let (link, data) = self.linked(subject);
        (link, self.storage.blob(&data).copied())
    }

    fn blob(&mut self, subject: &Subject, blob: &ServedBlob) {
        match &blob.claim.answer {
            Answer::Yes(claim) => self.claimed(subject, blob, claim),
            Answer::No(denial) => self.denied(subject, blob, *denial),
            Answer::Broken(why) => self.broken(subject, blob, why),
            Answer::Unknown(why) => self.unknown(&blob.claim, why),
        }
    }

    fn claimed(&mut self, subject: &Subject, blob: &ServedBlob, claim: &Claim) {
        let (_, stored) = self.stored(subject);
        match (stored, &blob.delivery) {
            (None, Some(delivery)) => self.undelivered(subject, blob, delivery),
            (Some(_), _) if self.storage.is_unlinked_layer(&subject.0, &subject.1) => {
                self.unlinked(subject, blob);
            }
            (Some(stored), _) => self.sized(subject, blob, claim, &stored),
            (None, None) => {}
        }
    }

    /// Claimed, while storage lacks it: what the second question brought decides.
    fn undelivered(&mut self, subject: &Subject, blob: &ServedBlob, delivery: &Asked<Answer<Delivery>>) {
        match &delivery.answer {
            Answer::Yes(Delivery::Nothing) => {
                let message =
                    || "the daemon claims it, storage lacks it: a push skips it, a pull fails".to_owned();
                let (_, data) = self.linked(subject);
                let evidence = [
                    walk_saw(self.storage, &data),
                    blob.claim.exchange.evidence(),
                    delivery.exchange.evidence(),
                ];
                self.accuse(Code::PhantomBlob, subject, message, [Condition::DataAbsent(data)])
                    .prove(evidence);
            }
            Answer::Broken(why) => self.broken_by(subject, blob, delivery, why),
            Answer::Unknown(why) => self.unknown(delivery, why),
            // It arrived in the meantime, or is gone for the daemon too.
            Answer::Yes(Delivery::Byte(_) | Delivery::Short(_)) | Answer::No(_) => {}
        }
    }

    /// Claimed where nothing links it. What a manifest there needs is accused of that, and must not be taken away.
    fn unlinked(&mut self, subject: &Subject, blob: &ServedBlob) {
        let (name, digest) = subject;
        let wanted = About::link(name.clone(), LinkPlace::Layer(*digest));
        if self.accusations.has(Code::MissingLink, &wanted) {
            return;
        }
        let message = || {
            "the daemon claims it, the repository has no link to it: a push skips it, and the image breaks when the \
             daemon forgets"
                .to_owned()
        };
        let conditions =
            Condition::unlinked(name, *digest).into_iter().chain([Condition::DataStored(*digest)]);
        self.accuse(Code::PhantomLink, subject, message, conditions).prove([blob.claim.exchange.evidence()]);
    }

    fn sized(&mut self, subject: &Subject, blob: &ServedBlob, claim: &Claim, stored: &StoredBlob) {
        let Some(size) = claim.size.filter(|size| *size != stored.size && !claim.redirected) else { return };
        // The link is wrong, and the daemon remembers what it said before: that is right.
        if self.storage.blob(&subject.1).is_some_and(|own| own.size == size) {
            return;
        }
        let message = || format!("the daemon says {size} bytes, storage holds {}", { stored.size });
        let conditions = [Condition::DataSize(stored.digest, stored.size)];
        self.accuse(Code::SizeMismatch, subject, message, conditions).prove([blob.claim.exchange.evidence()]);
    }

    fn denied(&mut self, subject: &Subject, blob: &ServedBlob, _denial: Denial) {
        let (link, stored) = self.stored(subject);
        let (Some(Target::Same), Some(_)) = (link.map(|link| link.target), stored) else { return };
        let place = LinkPlace::Layer(subject.1);
        if self.is_unreadable(subject, &place) {
            return;
        }
        let message = || "it is stored and linked, but the daemon answers 404".to_owned();
        let conditions =
            [Condition::DataStored(subject.1), Condition::LinkSays(subject.0.clone(), place, Target::Same)];
        self.accuse(Code::HiddenBlob, subject, message, conditions).prove([blob.claim.exchange.evidence()]);
    }

    /// Whether it is said already that the daemon's user may read neither the data nor the link.
    fn is_unreadable(&self, (name, digest): &Subject, link: &LinkPlace) -> bool {
        let all = [About::data(*digest), About::link(name.clone(), link.clone())];
        all.iter().any(|about| self.accusations.has(Code::UnreadableFile, about))
    }

    fn broken(&mut self, subject: &Subject, blob: &ServedBlob, why: &str) {
        self.broken_by(subject, blob, &blob.claim, why);
    }

    fn broken_by<T>(&mut self, subject: &Subject, blob: &ServedBlob, asked: &Asked<T>, why: &str) {
        let message = || format!("the daemon answers 500 about this blob: {why}");
        let evidence = [asked.exchange.evidence()];
        let mut all = vec![blob.claim.exchange.evidence()];
        all.extend(evidence.into_iter().filter(|last| *last != blob.claim.exchange.evidence()));
        self.accuse(Code::ServerError, subject, message, []).prove(all);
    }

    fn unknown<T>(&mut self, asked: &Asked<T>, why: &str) {
        self.unknown.push(Unlooked::new(asked.exchange.asked.clone(), why));
    }

    fn manifest(&mut self, subject: &Subject, asked: &Asked<Answer<ServedManifest>>) {
        match &asked.answer {
            Answer::Yes(served) if served.digest != subject.1 => self.manifest_other(subject, served, asked),
            Answer::Yes(_) => self.manifest_served(&subject.1),
            Answer::No(_) => self.manifest_denied(subject, asked),
            Answer::Broken(why) => {
                let message = || format!("the daemon answers 500 about this manifest: {why}");
                self.accuse(Code::ServerError, subject, message, []).prove([asked.exchange.evidence()]);
            }
            Answer::Unknown(why) => self.unknown(asked, why),
        }
    }

    /// The daemon reads what we do not take for a manifest: only bytes that are wrong are still none.
    fn manifest_served(&mut self, digest: &Digest) {
        let read = self.storage.manifests.get(digest);
        if matches!(read, Some(ReadManifest::Unreadable(_)))
            && let Some(accusation) =
                self.accusations.get_mut(Code::UnreadableManifest, &About::data(*digest))
        {
            accusation.conditions.push(Condition::WrongContent(*digest));
        }
    }

    /// Where storage's own link leads, from a digest that a tag or a client names.
    fn resolved(&self, name: &RepositoryName, digest: &Digest) -> Digest {
        let link = self.repository(name).and_then(|repository| repository.revisions.find(digest));
        link.and_then(Link::data).unwrap_or(*digest)
    }

    /// Other bytes were served than were asked for: the file is corrupt, unless its link leads elsewhere.
    fn manifest_other<T>(&mut self, subject: &Subject, served: &ServedManifest, asked: &Asked<T>) {
        let (name, digest) = subject;
        if self.resolved(name, digest) != *digest {
            return;
        }
        let message = || format!("the daemon serves bytes that hash to {}", served.digest.short());
        self.accusations
            .add(Code::CorruptBlob, About::data(*digest), message, [Condition::WrongContent(*digest)])
            .prove([asked.exchange.evidence()]);
    }

    fn manifest_denied(&mut self, subject: &Subject, asked: &Asked<Answer<ServedManifest>>) {
        let (name, digest) = subject;
        let link = self.repository(name).and_then(|repository| repository.revisions.find(digest));
        let is_held = link.is_some_and(|link| *link.target == Target::Same);
        if !is_held || self.storage.blob(digest).is_none() {
            return;
        }
        if self.is_unreadable(subject, &LinkPlace::Revision(*digest)) {
            return;
        }
        let message = || "the manifest is stored and linked, but the daemon answers 404".to_owned();
        let held = Condition::LinkSays(name.clone(), LinkPlace::Revision(*digest), Target::Same);
        let conditions = [Condition::DataStored(*digest), held];
        self.accuse(Code::HiddenBlob, subject, message, conditions).prove([asked.exchange.evidence()]);
    }

    fn belief(&mut self, subject: &Subject, belief: &Belief) {
        let exchange = match belief {
            Belief::Claimed(exchange) => exchange,
            Belief::Unclaimed(_) | Belief::Unknown(_) => return,
        };
        let message = || {
            "the daemon believes to have it, storage lacks it: pushing it answers 201 and writes nothing"
                .to_owned()
        };
        let conditions = [Condition::DataAbsent(subject.1)];
        self.accuse(Code::PhantomManifest, subject, message, conditions).prove([exchange.evidence()]);
    }

    fn tag(&mut self, name: &RepositoryName, tag: &Tag, resolved: &Asked<Answer<ServedManifest>>) {
        let stored = self.repository(name).and_then(|repository| {
            let at = repository.tags.binary_search_by(|stored| stored.tag.cmp(tag)).ok()?;
            repository.tags.get(at)
        });
        if let Answer::Broken(why) = &resolved.answer {
            let message = || format!("the daemon answers 500 about this tag: {why}");
            let about = About::tag(name.clone(), tag.clone());
            let accusation = self.accusations.add(Code::ServerError, about, message, []);
            accusation.prove([resolved.exchange.evidence()]);
            return;
        }
        let Some(TagTarget::Digest(wanted)) = stored.map(|stored| stored.current.clone()) else { return };
        let says = Condition::TagSays(name.clone(), tag.clone(), TagTarget::Digest(wanted));
        // Were the bytes corrupt, their digest would be another, and the tag right.
        let right = Condition::RightContent(wanted);
        let message = match &resolved.answer {
            Answer::Yes(served) if [wanted, self.resolved(name, &wanted)].contains(&served.digest) => return,
            Answer::Yes(served) => self.explained(name, &wanted, &served.digest),
            Answer::No(Denial::Tag) => "storage holds the tag, the daemon says there is none".to_owned(),
            Answer::No(_) => return self.manifest_denied(&(name.clone(), wanted), resolved),
            Answer::Broken(_) => return,
            Answer::Unknown(why) => return self.unknown(resolved, why),
        };
        let conditions: Vec<_> = [says].into_iter().chain(resolved.answer.yes().map(|_| right)).collect();
        let about = About::link(name.clone(), LinkPlace::Tag(tag.clone()));
        self.accusations
            .add(Code::TagMismatch, about, || message, conditions)
            .prove([resolved.exchange.evidence()]);
    }

    fn explained(&self, _name: &RepositoryName, wanted: &Digest, served: &Digest) -> String {
        let hint = if self.storage.blob(served).is_some() { "" } else { ", which storage does not hold" };
        format!("storage says {}, the daemon serves {}{hint}", wanted.short(), served.short())
    }

    fn accuse(
        &mut self,
        code: Code,
        (name, digest): &Subject,
        message: impl FnOnce() -> String,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> &mut Accusation {
        self.accusations.add(code, About::linked(name.clone(), *digest), message, conditions)
    }
}
