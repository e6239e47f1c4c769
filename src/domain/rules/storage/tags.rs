//! Tags: what their links say, and whether the repository has what they name.

use super::{Judge, Unmet, linked};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject;
use crate::domain::layout::LinkPlace;
use crate::domain::rules::Condition;
use crate::domain::views::storage::{ReadManifest, Repository, StoredTag, TagTarget};

impl<'a> Judge<'a> {
    /// A tag: its link, and what that names.
    pub(super) fn tag(&mut self, repository: &'a Repository, tag: &StoredTag, wanted: &mut Unmet) {
        let subject = || Subject::tag(repository.name.clone(), tag.tag.clone());
        let says = || Condition::TagSays(repository.name.clone(), tag.tag.clone(), tag.current.clone());
        match &tag.current {
            TagTarget::Digest(digest) => self.tagged(repository, tag, *digest, wanted),
            TagTarget::Invalid(text) => {
                let message = || {
                    let what = if text.is_empty() {
                        "is empty".into()
                    } else {
                        format!("holds no digest but `{text}`")
                    };
                    format!(
                        "the tag's link {what}; the daemon answers 500, and garbage collection with -m aborts"
                    )
                };
                self.accusations.add(Code::InvalidLink, subject(), message, [says()]);
            }
            TagTarget::Missing => {
                let message =
                    || "the tag is listed but has no `current/link`; the daemon answers 404".to_owned();
                self.accusations.add(Code::MissingLink, subject(), message, [says()]);
            }
            TagTarget::Unknown => {}
        }
    }

    /// A tag that names a digest: the manifest has to be there, and linked.
    fn tagged(&mut self, repository: &'a Repository, tag: &StoredTag, digest: Digest, wanted: &mut Unmet) {
        if linked(&repository.revisions, &digest).is_some() {
            return;
        }
        let says = Condition::TagSays(repository.name.clone(), tag.tag.clone(), tag.current.clone());
        if self.need(&digest).is_none() {
            self.missing_manifest(repository, digest, "a tag", says);
            return;
        }
        match self.view.manifests.get(&digest) {
            Some(ReadManifest::Manifest(manifest)) => {
                self.missing_link(repository, LinkPlace::Revision(digest), digest, "a tag", &says);
                self.manifest(repository, digest, manifest, &says, wanted);
            }
            Some(ReadManifest::Unreadable(_)) => {
                let message =
                    || format!("the tag names {}, which is stored but is no manifest", digest.short());
                let subject = Subject::tag(repository.name.clone(), tag.tag.clone());
                self.accusations.add(Code::InvalidLink, subject, message, [says]);
            }
            None => {}
        }
    }
}
