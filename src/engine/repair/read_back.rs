//! What came back whole from the daemon right after it was uploaded: the proof need not fetch it a second time.
//!
//! Only what nothing was done to afterwards counts: a restart, a purged key or a deleted claim may change what is served.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Repair;
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::plan::{Plan, StepAction};
use crate::domain::views::served::Subject;
use crate::engine::blocking::blocking;

/// Blobs that the first daemon delivered whole, with their sizes; nothing where none of it would count in the end.
#[derive(Debug, Clone)]
pub struct ReadBack(Option<Arc<Mutex<BTreeMap<Subject, u64>>>>);

impl ReadBack {
    /// Nothing yet, for a repair by that plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let counts = plan.steps.iter().all(|step| keeps_served(&step.action));
        Self(counts.then(Arc::default))
    }

    fn note(&self, subject: Subject, size: u64) {
        if let Some(came) = &self.0 {
            came.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, size);
        }
    }

    /// What came.
    pub(super) fn came(&self) -> BTreeMap<Subject, u64> {
        let came = self.0.as_ref().map(|came| came.lock().unwrap_or_else(PoisonError::into_inner).clone());
        came.unwrap_or_default()
    }
}

/// Whether what was served before it is served after it, too.
const fn keeps_served(action: &StepAction) -> bool {
    matches!(
        action,
        StepAction::UploadBlob { .. } | StepAction::RestoreManifest { .. } | StepAction::PutManifest { .. }
    )
}

/// Whether the daemon delivers all of what was uploaded, hashed on the way, and storage, where it is given, has a file of
/// that size. Anything else is no answer: who asks has to look closer.
pub(super) async fn comes_back(repair: &Repair, name: &RepositoryName, digest: &Digest) -> bool {
    // Of several, each has to be seen to serve it, and all are asked in the end.
    let ([daemon], Some(_)) = (repair.sides.daemons.as_slice(), &repair.read_back.0) else { return false };
    let fetched = daemon.reader.fetch_blob(name, digest, &mut tokio::io::sink()).await;
    let Some(came) = fetched.ok().filter(|came| came.digest == *digest) else { return false };
    if let Some(storage) = repair.sides.storage() {
        let digest = *digest;
        let stored = blocking(move || storage.blob(&digest)).await;
        if stored.present().is_none_or(|file| file.size != came.size) {
            return false;
        }
    }
    repair.read_back.note((name.clone(), *digest), came.size);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_makes_what_came_before_it_worth_nothing() {
        let restart = StepAction::Restart { service: "systemd:registry".into(), if_wrong: Vec::new() };
        let (repository, digest) = ("team/app".parse().unwrap(), Digest::sha256([0; 32]));
        let put = StepAction::PutManifest { repository, digest, tag: None };
        assert_eq!([restart, put].map(|action| keeps_served(&action)), [false, true]);
    }
}
