//! Leftovers: links and data that nothing needs, uploads, stray files.

use std::cell::LazyCell;
use std::sync::atomic::Ordering::Relaxed;

use super::{EMPTY, Judge, Unmet};
use crate::domain::code::Code;
use crate::domain::finding::Subject;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::RepositoryName;
use crate::domain::rules::Condition;
use crate::domain::views::storage::{Link, Repository};

impl Judge<'_> {
    /// A layer link: its data is needed, or it dangles. `wanted` is what manifests of the repository want, as far
    /// as there is no data under its own digest.
    pub(super) fn layer(
        &mut self,
        repository: &Repository,
        link: Link<'_>,
        wanted: &Unmet,
        is_whole: &LazyCell<bool, impl FnOnce() -> bool>,
    ) {
        // A broken link's folder still names content that must not be called an orphan.
        let is_own_stored = self.need(&link.digest).is_some();
        let Some(data) = link.data() else { return };
        let is_other_stored = data != link.digest && self.need(&data).is_some();
        if is_own_stored || is_other_stored || wanted.lost.contains(&link.digest) {
            return;
        }
        let message = || {
            if wanted.elsewhere.contains(&link.digest) {
                return "a layer link without data; images here hold it as a foreign layer, which clients get elsewhere"
                    .to_owned();
            }
            let but = if **is_whole { "" } else { " that can be read" };
            format!("a layer link without data; no manifest here{but} needs it")
        };
        let held =
            Condition::LinkSays(repository.name.clone(), LinkPlace::Layer(link.digest), link.target.clone());
        let subject = Subject::linked(repository.name.clone(), link.digest);
        let walked = self.walk_saw(&data);
        let conditions = [Condition::DataAbsent(data), held];
        let accused = self.accusations.add_leftover(Code::DanglingLayerLink, subject, message, conditions);
        if let Some(accused) = accused {
            accused.prove([walked]);
        }
    }

    /// What belongs to nothing: empty files, orphans, uploads, stray files.
    pub(super) fn leftovers(&mut self) {
        let youngest = self.facts.now.as_second() - self.facts.grace.as_secs();
        for (blob, needed) in self.view.blobs.iter().zip(self.needed) {
            let needed = needed.load(Relaxed);
            let is_in_scope = needed || self.facts.everything;
            if blob.size == 0 && blob.digest != EMPTY && is_in_scope {
                let message = || "the stored file has no bytes; no push repairs it".to_owned();
                let conditions = [Condition::DataSize(blob.digest, 0)];
                self.accusations.add(Code::EmptyBlob, Subject::data(blob.digest), message, conditions);
            }
            // What could not be looked at may need it.
            let is_sure = self.facts.everything && self.view.unknown.is_empty();
            if !needed && is_sure && blob.modified < youngest {
                let message = || format!("{} bytes that no link or manifest needs", { blob.size });
                let conditions = [Condition::DataSize(blob.digest, blob.size)];
                let subject = Subject::data(blob.digest);
                let accused = self.accusations.add_leftover(Code::OrphanBlob, subject, message, conditions);
                if let Some(accused) = accused {
                    accused.finding.bytes = Some(blob.size);
                }
            }
        }
        for upload in self.view.uploads.iter().filter(|upload| upload.modified < youngest) {
            self.upload(&upload.repository, &upload.id, upload.size, upload.has_start);
        }
        // What aborts garbage collection first.
        let (worse, others): (Vec<_>, Vec<_>) =
            self.view.stray.iter().partition(|stray| stray.place.is_nameless_data());
        for stray in worse.into_iter().chain(others) {
            let conditions = [Condition::PathExists(stray.place.clone())];
            let subject = Subject::place(stray.place.clone());
            self.accusations.add_leftover(Code::StrayFile, subject, || stray.why.clone(), conditions);
        }
    }

    fn upload(&mut self, repository: &RepositoryName, id: &str, size: u64, has_start: bool) {
        let message = || {
            let purge = if has_start { "" } else { "; it has no `startedat`, so the daemon never purges it" };
            format!("an upload of {size} bytes that nobody goes on with{purge}")
        };
        let session = Place::Upload(repository.clone(), id.into(), None);
        let subject = Subject { repository: Some(repository.clone()), ..Subject::place(session) };
        let conditions = [Condition::UploadExists(repository.clone(), id.to_owned())];
        if let Some(accused) = self.accusations.add_leftover(Code::StaleUpload, subject, message, conditions)
        {
            accused.finding.bytes = Some(size);
        }
    }
}
