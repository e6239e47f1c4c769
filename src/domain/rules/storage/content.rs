//! What manifests need that is no manifest: configs and layers, those included that need not be stored.

use super::{Judge, Unmet, linked, meant};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::manifest::{Descriptor, ForeignLayer};
use crate::domain::rules::Condition;
use crate::domain::views::storage::{Repository, StoredBlob};

impl Judge<'_> {
    /// A layer that need not be stored: what is stored is right, and a plain one that is linked was stored.
    pub(super) fn foreign(
        &mut self,
        repository: &Repository,
        (manifest, layer): (Digest, &ForeignLayer),
        held: &Condition,
        wanted: &mut Unmet,
    ) {
        let (need, link) = (&layer.descriptor, linked(&repository.layers, &layer.descriptor.digest));
        if layer.is_plain && link.is_some() {
            if !self.blob(repository, (manifest, need), held) {
                wanted.lost.insert(need.digest);
            }
            return;
        }
        match self.need(&link.map_or(need.digest, meant)) {
            // What another repository stores under its digest is not served here.
            Some(stored) if link.is_some() => self.size((manifest, need), &stored, held),
            Some(_) => {}
            None => {
                wanted.elsewhere.insert(need.digest);
            }
        }
    }

    /// Whether there is data under the very digest of a config or layer that a manifest of this repository needs.
    pub(super) fn blob(
        &mut self,
        repository: &Repository,
        (manifest, need): (Digest, &Descriptor),
        held: &Condition,
    ) -> bool {
        // An index lists what may have been pushed as a manifest.
        let links = [&repository.layers, &repository.revisions];
        let link = links.into_iter().find_map(|links| linked(links, &need.digest));
        let data = link.map_or(need.digest, meant);
        let Some(stored) = self.need(&data) else {
            if self.facts.daemon.fetches() {
                return false;
            }
            let walked = self.walk_saw(&need.digest);
            let message =
                || "a manifest needs it, its data is not stored; images that hold it do not pull".to_owned();
            let subject = Subject::data(need.digest);
            let conditions = [Condition::DataAbsent(data), Condition::AnyOf(vec![held.clone()])];
            let accusation = self.accusations.add(Code::MissingBlob, subject, message, conditions);
            if accusation.finding.evidence.is_empty() {
                accusation.prove([walked]);
            }
            return false;
        };
        self.size((manifest, need), &stored, held);
        if link.is_none() {
            self.missing_link(repository, LinkPlace::Layer(need.digest), need.digest, "a manifest", held);
        }
        data == need.digest
    }

    /// Whether a stored file has the size that its descriptor gives. Where it has not, one of the two is wrong: its
    /// bytes tell which, and right ones must not be moved out of the way.
    pub(super) fn size(
        &mut self,
        (manifest, need): (Digest, &Descriptor),
        stored: &StoredBlob,
        held: &Condition,
    ) {
        let Some(size) = need.size().filter(|size| *size != stored.size && stored.size != 0) else { return };
        let StoredBlob { digest, size: has, .. } = *stored;
        let cut = || format!("{has} bytes are stored, {size} are described; no push repairs it");
        let conditions = [Condition::DataSize(digest, has), Condition::WrongContent(digest)];
        self.accusations.add(Code::TruncatedBlob, Subject::data(digest), cut, conditions);
        let described = Subject { place: Some(Place::Data(digest).into()), ..Subject::data(manifest) };
        let says = || format!("it gives {size} bytes for {}, whose right content has {has}", digest.short());
        let held = Condition::AnyOf(vec![held.clone()]);
        let conditions = [Condition::DataSize(digest, has), Condition::RightContent(digest), held];
        self.accusations.add(Code::WrongDescriptor, described, says, conditions);
    }

    pub(super) fn missing_link(
        &mut self,
        repository: &Repository,
        place: LinkPlace,
        digest: Digest,
        who: &str,
        held: &Condition,
    ) {
        if self.facts.daemon.fetches() {
            return;
        }
        let kind = match place {
            LinkPlace::Layer(_) => "layer link",
            LinkPlace::Revision(_) => "revision link",
            LinkPlace::Tag(_) => "tag link",
        };
        let message =
            || format!("{who} needs it and its data is stored, but the repository has no {kind} to it");
        let subject = Subject::link(repository.name.clone(), place.clone());
        let unlinked = Condition::NoLink(repository.name.clone(), place);
        let conditions = [unlinked, Condition::DataStored(digest), Condition::AnyOf(vec![held.clone()])];
        self.accusations.add(Code::MissingLink, subject, message, conditions);
    }
}
