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

/// Blobs that the first daemon delivered whole, with their sizes.
#[derive(Debug, Clone, Default)]
pub struct ReadBack(Arc<Mutex<BTreeMap<Subject, u64>>>);

impl ReadBack {
    fn note(&self, subject: Subject, size: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, size);
    }

    /// What still stands when all of the plan has been carried out.
    pub(super) fn after(&self, plan: &Plan) -> BTreeMap<Subject, u64> {
        if !plan.steps.iter().all(|step| keeps_served(&step.action)) {
            return BTreeMap::new();
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    let [daemon] = repair.sides.daemons.as_slice() else { return false };
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
