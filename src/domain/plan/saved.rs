//! A plan that was saved is input: whoever could write to its file could say one thing and have another done.
//!
//! What a step is called, its words, its risk and its turn are made anew from what it does, which is all that is carried
//! out; conditions are only ever added.

use std::collections::BTreeSet;

use super::{Plan, Stage, Step, StepAction};
use crate::domain::layout::LinkPlace;
use crate::domain::rules::Condition;

impl Plan {
    /// The plan as its actions make it.
    ///
    /// # Errors
    /// When a step is not what it is called, or would make a link say another digest than its folder's.
    pub fn renewed(self) -> Result<Self, String> {
        let mut seen = BTreeSet::new();
        let mut steps = Vec::new();
        for (at, step) in self.steps.into_iter().enumerate() {
            let refuse = |why: &str| Err(format!("step {} {why}", at + 1));
            if step.id != step.action.id() {
                return refuse("is called something else than what it does");
            }
            if !seen.insert(step.id.clone()) {
                return refuse("is there twice");
            }
            if !is_of_its_folder(&step.action) {
                return refuse("would make a link say another digest than its folder does");
            }
            steps.push(renewed(step));
        }
        steps.sort_by_key(|step| step.stage);
        Ok(Self { steps, ..self })
    }
}

/// Whether a link is to name what its folder does; a tag's folder names nothing.
fn is_of_its_folder(action: &StepAction) -> bool {
    match action {
        StepAction::RewriteLink {
            place: LinkPlace::Layer(own) | LinkPlace::Revision(own), digest, ..
        } => own == digest,
        StepAction::RewriteLink { place: LinkPlace::Tag(_), .. }
        | StepAction::SetAside { .. }
        | StepAction::UploadBlob { .. }
        | StepAction::RestoreManifest { .. }
        | StepAction::ReturnManifest { .. }
        | StepAction::PutManifest { .. }
        | StepAction::DeleteClaim { .. }
        | StepAction::PurgeCache(_)
        | StepAction::Restart { .. }
        | StepAction::PushImage { .. } => true,
    }
}

fn renewed(step: Step) -> Step {
    let fresh = Step::new(step.action, step.stage);
    let mut preconditions = step.preconditions;
    preconditions.extend(needed(&fresh.action, &preconditions));
    let Step { from, sought, after, resolves, .. } =
        Step { action: fresh.action.clone(), preconditions: Vec::new(), ..step };
    Step { stage: turn(&fresh.action, fresh.stage), from, sought, after, resolves, preconditions, ..fresh }
}

/// When an action's turn is, whatever the file says: claims are cleared last, and what takes a claim for false is true then.
const fn turn(action: &StepAction, said: Stage) -> Stage {
    match action {
        StepAction::RewriteLink { .. } => Stage::Links,
        StepAction::SetAside { .. } | StepAction::UploadBlob { .. } => Stage::Blobs,
        StepAction::RestoreManifest { .. } | StepAction::PutManifest { .. } => match said {
            Stage::Indexes | Stage::Tags => said,
            Stage::Links | Stage::Blobs | Stage::Manifests | Stage::Claims | Stage::Restart | Stage::Push => {
                Stage::Manifests
            }
        },
        StepAction::ReturnManifest { .. } | StepAction::DeleteClaim { .. } | StepAction::PurgeCache(_) => {
            Stage::Claims
        }
        StepAction::Restart { .. } => Stage::Restart,
        StepAction::PushImage { .. } => Stage::Push,
    }
}

/// What must be so at least for the action to help, where the file does not ask for it.
fn needed(action: &StepAction, said: &[Condition]) -> Option<Condition> {
    match action {
        StepAction::DeleteClaim { repository, digest } => {
            let unlinked = Condition::unlinked(repository, *digest);
            let is_unlinked = unlinked.iter().all(|condition| said.contains(condition));
            let is_gone = said.contains(&Condition::DataAbsent(*digest));
            (!is_unlinked && !is_gone).then_some(Condition::DataAbsent(*digest))
        }
        StepAction::PurgeCache(keys) => {
            let known = [Condition::DataAbsent(keys.digest), Condition::DataStored(keys.digest)];
            let is_said = known.iter().any(|condition| said.contains(condition));
            (!is_said).then_some(Condition::DataAbsent(keys.digest))
        }
        StepAction::RewriteLink { place: LinkPlace::Tag(_), digest, .. } => {
            Some(Condition::DataStored(*digest))
        }
        // Whatever else is thought of it: only what is bad is moved away.
        StepAction::SetAside { digest } => {
            let known = [Condition::NoManifest(*digest), Condition::WrongContent(*digest)];
            let is_said = known.iter().any(|condition| said.contains(condition));
            (!is_said).then_some(Condition::WrongContent(*digest))
        }
        StepAction::RewriteLink { .. }
        | StepAction::UploadBlob { .. }
        | StepAction::RestoreManifest { .. }
        | StepAction::ReturnManifest { .. }
        | StepAction::PutManifest { .. }
        | StepAction::Restart { .. }
        | StepAction::PushImage { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Risk;
    use crate::domain::digest::Digest;

    const DIGEST: Digest = Digest::sha256([7; 32]);

    fn plan(steps: Vec<Step>) -> Plan {
        Plan {
            flags: Vec::new(),
            version: super::super::VERSION,
            created: jiff::Timestamp::UNIX_EPOCH,
            target: crate::domain::target::Target::default(),
            steps,
            unresolved: std::collections::BTreeMap::default(),
            notes: BTreeSet::new(),
        }
    }

    fn claim() -> StepAction {
        StepAction::DeleteClaim { repository: "a".parse().unwrap(), digest: DIGEST }
    }

    #[test]
    fn words_risk_turn_and_conditions_are_those_of_the_action() {
        let right =
            Step { preconditions: vec![Condition::DataAbsent(DIGEST)], ..Step::new(claim(), Stage::Claims) };
        let edited = Step {
            what: "look at it".into(),
            risk: Risk::None,
            stage: Stage::Links,
            preconditions: Vec::new(),
            ..right.clone()
        };
        assert_eq!(plan(vec![edited]).renewed().unwrap().steps, [right]);
    }

    #[test]
    fn what_is_not_what_it_is_called_is_refused() {
        let step = Step::new(claim(), Stage::Claims);
        let other = Step { id: "upload-blob:a:x".into(), ..step.clone() };
        let why = "step 2 is called something else than what it does";
        assert_eq!(plan(vec![step.clone(), other]).renewed(), Err(why.into()));
        assert_eq!(plan(vec![step.clone(), step]).renewed(), Err("step 2 is there twice".into()));
        let misled = StepAction::RewriteLink {
            repository: "a".parse().unwrap(),
            place: LinkPlace::Layer(DIGEST),
            digest: Digest::sha256([8; 32]),
        };
        let why = "step 1 would make a link say another digest than its folder does";
        assert_eq!(plan(vec![Step::new(misled, Stage::Links)]).renewed(), Err(why.into()));
    }
}
