//! A repair from its check to its report.
//!
//! ```text
//! check ─► plan ─► consent ─► lock ─► preflight ─► execute ─► prove ─► report
//! ```
//!
//! What is wrong is told by a check; nothing is changed before somebody agreed and the registry is locked; and what is
//! reported is what a second check saw.

mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

pub use self::report::{conclude, look};
use super::check::{Examination, Options, check};
use super::ports::{
    Approver, Declined, Event, Events, JournalError, LockError, LockHeld, Notice, RegistryLock, ServiceError,
    StorageError,
};
use super::repair::{
    ReadBack, Refused, Repair, Resources, execute, preflight, prove, still_fits, survey, tag_histories,
};
use super::sides::Sides;
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::history::History;
use crate::domain::plan::planner::{self, Means, Situation};
use crate::domain::plan::{Approved, Consent, Goal, Materials, Outcome, Plan, StepResult};
use crate::domain::remedy::Redis;
use crate::domain::report::{Report, Target, summarise};

/// All that a repair needs of the world.
#[derive(Clone)]
pub struct Session {
    /// The registry.
    pub sides: Sides,
    /// What its checks are asked to do.
    pub options: Options,
    /// What there is to repair it with.
    pub resources: Resources,
    /// What gives the right to change it.
    pub lock: Arc<dyn RegistryLock>,
    /// Who is asked whether a plan may be carried out.
    pub approver: Arc<dyn Approver>,
    /// Who wants to know what happens.
    pub events: Arc<dyn Events>,
    /// What a finding must be at least for the report to be no good one.
    pub fail_on: Severity,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum SessionError {
    /// Storage cannot be read at all.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The registry cannot be locked, for another reason than that another run has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The beginning of the repair could not be recorded; nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The local engine that is to push cannot be asked what it has.
    #[error(transparent)]
    Pusher(ServiceError),
    /// Nobody agreed to the plan.
    #[error(transparent)]
    Declined(#[from] Declined),
    /// The plan was made for another registry.
    #[error("the plan was made for another registry")]
    OtherRegistry {
        /// The one that it was made for.
        planned: Box<Target>,
        /// The one that was given.
        given: Box<Target>,
    },
}

/// A plan that is to be carried out, and where it comes from.
struct Proposal {
    plan: Plan,
    /// Whether it was saved by an earlier run, so that what it was made for may have changed.
    is_saved: bool,
}

impl Session {
    /// Find what is wrong, and repair it to that end.
    ///
    /// # Errors
    /// When there is no report; see [`SessionError`].
    pub async fn run(&self, goal: Goal) -> Result<Report, SessionError> {
        let examination = self.check().await?;
        self.settle(examination, goal, &*self.approver).await
    }

    /// Find what is wrong, and what would be done about it. Nothing is changed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn propose(&self, goal: Goal) -> Result<(Report, Plan), SessionError> {
        let examination = self.check().await?;
        let plan = self.plan(&examination, goal).await?;
        Ok((self.planned(examination, plan.clone()), plan))
    }

    /// Carry out a plan that was saved, if it still fits, and nothing else.
    ///
    /// # Errors
    /// As [`Self::run`], and when it was made for another registry.
    pub async fn carry_out(&self, plan: Plan) -> Result<Report, SessionError> {
        if !self.sides.is_of(&plan.target) {
            let (planned, given) = (Box::new(plan.target), Box::new(self.sides.target()));
            return Err(SessionError::OtherRegistry { planned, given });
        }
        let examination = self.check().await?;
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        self.change(examination, Proposal { plan, is_saved: true }, &*self.approver).await
    }

    /// Check.
    ///
    /// # Errors
    /// When storage cannot be read at all.
    pub async fn check(&self) -> Result<Examination, StorageError> {
        let examination = check(&self.sides, &self.options, Arc::clone(&self.events)).await?;
        self.resources.supply.distrust(bad(&examination.findings));
        Ok(examination)
    }

    /// Repair what was found, if `approver` agrees.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn settle(
        &self,
        examination: Examination,
        goal: Goal,
        approver: &dyn Approver,
    ) -> Result<Report, SessionError> {
        self.settle_some(examination, goal, |_| true, approver).await
    }

    /// The same for findings of some codes.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn settle_some(
        &self,
        examination: Examination,
        goal: Goal,
        is_meant: impl Fn(Code) -> bool,
        approver: &dyn Approver,
    ) -> Result<Report, SessionError> {
        if examination.refusal.is_some() {
            return Ok(self.report(examination));
        }
        let mut meant = examination.clone();
        meant.findings.retain(|finding| is_meant(finding.code));
        meant.unsettled.retain(|_| is_meant(Code::PhantomManifest));
        let plan = self.plan(&meant, goal).await?;
        self.change(examination, Proposal { plan, is_saved: false }, approver).await
    }

    /// The report of what was examined.
    #[must_use]
    pub fn report(&self, examination: Examination) -> Report {
        conclude(examination, self.sides.target(), self.fail_on)
    }

    fn planned(&self, examination: Examination, plan: Plan) -> Report {
        Report { plan: Some(plan), ..self.report(examination) }
    }

    fn refused(&self, examination: Examination, plan: Plan, why: String) -> Report {
        self.planned(Examination { refusal: Some(why), ..examination }, plan)
    }

    async fn plan(&self, examination: &Examination, goal: Goal) -> Result<Plan, SessionError> {
        let materials = match goal {
            Goal::Fix => self.survey(examination).await?,
            Goal::Collection => self.survey_beliefs(examination).await,
            // They bring no bytes.
            Goal::Purge | Goal::Restart => Materials::default(),
        };
        let services: Vec<String> =
            self.resources.services.iter().map(|service| service.spec.clone()).collect();
        let situation = Situation {
            findings: &examination.findings,
            storage: examination.storage.as_deref(),
            daemon: &self.options.daemon,
            redis: examination.redis,
            purges: &examination.purges,
            dormant: &examination.dormant,
            unsettled: &examination.unsettled,
        };
        let means = Means { materials: &materials, services: &services };
        Ok(planner::plan(goal, &situation, means, self.sides.target(), Timestamp::now()))
    }

    /// What there is to repair with.
    async fn survey(&self, examination: &Examination) -> Result<Materials, SessionError> {
        let Examination { findings, unsettled, .. } = examination;
        let view = examination.storage.as_deref();
        let Resources { supply, jobs, .. } = &self.resources;
        let tags = match (self.sides.storage(), view) {
            (Some(storage), Some(view)) => tag_histories(&storage, view, findings).await,
            _ => BTreeMap::new(),
        };
        let mut materials = survey(findings, unsettled, (view, tags), &**supply, *jobs, &*self.events).await;
        if let Some(pusher) = &self.resources.pusher {
            materials.pushes = pusher.images().await.map_err(SessionError::Pusher)?;
        }
        Ok(materials)
    }

    /// What there is to make beliefs true with.
    async fn survey_beliefs(&self, examination: &Examination) -> Materials {
        let phantoms = examination.findings.iter().filter(|finding| finding.code == Code::PhantomManifest);
        let subjects = phantoms
            .filter_map(|finding| Some((finding.subject.repository.clone()?, finding.subject.digest?)));
        let beliefs: Vec<_> = subjects.chain(examination.unsettled.iter().cloned()).collect();
        let Resources { supply, jobs, .. } = &self.resources;
        let known = (examination.storage.as_deref(), BTreeMap::new());
        survey(&[], &beliefs, known, &**supply, *jobs, &*self.events).await
    }

    /// Carry the proposal out, if somebody agrees and it may be.
    async fn change(
        &self,
        examination: Examination,
        Proposal { plan, is_saved }: Proposal,
        approver: &dyn Approver,
    ) -> Result<Report, SessionError> {
        if plan.is_empty() {
            return Ok(self.planned(examination, plan));
        }
        let consent = match approver.ask(&plan, &examination.findings) {
            Ok(consent) => consent,
            Err(no @ Declined::Refused) => return Ok(self.refused(examination, plan, no.to_string())),
            Err(nobody) => return Err(nobody.into()),
        };
        // Held until the proof is made.
        let held = match self.lock.take() {
            Ok(held) => held,
            Err(error) => match error.refusal() {
                Some(why) => return Ok(self.refused(examination, plan, why)),
                None => return Err(error.into()),
            },
        };
        let repair = self.begin(&held, &plan);
        self.announce(&repair);
        if let Err(refused) = ready(&repair, &plan, is_saved).await {
            return Ok(self.refused(examination, plan, refused.to_string()));
        }
        let approved = Approved::new(plan, consent);
        let outcomes = execute(&repair, &approved).await?;
        if self.events.stop_requested() {
            return Ok(self.unproven(examination, approved.plan(), outcomes));
        }
        self.prove(&repair, examination, approved.plan(), outcomes).await
    }

    fn begin(&self, held: &LockHeld, plan: &Plan) -> Repair {
        let mut sides = self.sides.clone();
        if let Some(storage) = &mut sides.storage {
            storage.writer.clone_from(&held.storage);
        }
        let (resources, events) = (self.resources.clone(), Arc::clone(&self.events));
        Repair { sides, resources, journal: Arc::clone(&held.journal), events, read_back: ReadBack::of(plan) }
    }

    /// Say what an earlier run that did not end by itself left behind.
    fn announce(&self, repair: &Repair) {
        let say = |notice| self.events.emit(Event::Notice(notice));
        for damage in repair.journal.damage() {
            say(Notice::JournalDamage(damage.clone()));
        }
        for run in History::of(repair.journal.earlier()).cut_short() {
            say(Notice::CutShort {
                run: run.id.clone(),
                steps: run.steps.len(),
                unfinished: run.unfinished().len(),
                undoable: run.undoable().into_iter().map(|recorded| recorded.change.clone()).collect(),
                target: self.sides.target().into(),
            });
        }
    }

    async fn prove(
        &self,
        repair: &Repair,
        before: Examination,
        plan: &Plan,
        outcomes: Vec<Outcome>,
    ) -> Result<Report, SessionError> {
        let proven = prove(repair, &self.options, &before.findings, plan, &outcomes).await?;
        let (started, findings) = (before.started, proven.findings);
        let report = self.report(Examination { started, findings, ..proven.after });
        Ok(Report {
            summary: summarise(&report.findings),
            plan: Some(plan.clone()),
            outcomes: Some(outcomes),
            proof: Some(proven.proof),
            ..report
        })
    }

    /// What was found before and what was done about it, of a run that was interrupted.
    fn unproven(&self, mut before: Examination, plan: &Plan, outcomes: Vec<Outcome>) -> Report {
        before.coverage.note_interrupt();
        Report { plan: Some(plan.clone()), outcomes: Some(outcomes), ..self.report(before) }
    }

    /// Restart the daemons now, whatever is found; what came of it.
    ///
    /// # Errors
    /// When the registry cannot be locked; the inner one when a service was not restarted.
    pub async fn restart(&self) -> Result<Result<String, String>, LockError> {
        let held = self.lock.take()?;
        let situation = Situation {
            findings: &[],
            storage: None,
            daemon: &self.options.daemon,
            redis: Redis::NotGiven,
            purges: &BTreeMap::new(),
            dormant: &[],
            unsettled: &[],
        };
        let services: Vec<String> =
            self.resources.services.iter().map(|service| service.spec.clone()).collect();
        let means = Means { materials: &Materials::default(), services: &services };
        let plan = planner::plan(Goal::Restart, &situation, means, self.sides.target(), Timestamp::now());
        // Whoever names what restarts it agrees to that.
        let approved = Approved::new(plan, Consent::BeforeHand);
        Ok(match execute(&self.begin(&held, approved.plan()), &approved).await {
            Ok(outcomes) => said(outcomes),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// What came of all steps, or why one was not taken.
fn said(outcomes: Vec<Outcome>) -> Result<String, String> {
    let said = outcomes.into_iter().map(|outcome| match outcome.result {
        StepResult::Done(said) => Ok(said),
        StepResult::Failed(why) | StepResult::Skipped(why) => Err(why),
    });
    said.collect::<Result<Vec<_>, _>>().map(|said| said.join("; "))
}

/// Whether the plan may be carried out, here and now.
async fn ready(repair: &Repair, plan: &Plan, is_saved: bool) -> Result<(), Refused> {
    if is_saved {
        still_fits(repair, plan).await?;
    }
    preflight(repair, plan).await
}

/// The content whose own file is bad: not to be taken for a source of it.
fn bad(findings: &[Finding]) -> BTreeSet<Digest> {
    let codes = [Code::EmptyBlob, Code::TruncatedBlob, Code::CorruptBlob, Code::UnreadableManifest];
    let bad = findings.iter().filter(|finding| codes.contains(&finding.code));
    bad.filter_map(|finding| finding.subject.digest).collect()
}
