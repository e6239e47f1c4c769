//! Carrying out: stages in order, the steps of a stage side by side, each written down before it is taken.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::journaled::Trouble;
use super::{Repair, sessions, step};
use crate::domain::journal::{Purpose, Record};
use crate::domain::plan::{Approved, Outcome, Plan, Step, StepResult};
use crate::engine::blocking::blocking;
use crate::engine::ports::{Event, JournalError, Notice};

/// Why a step was never begun.
const INTERRUPTED: &str = "interrupted before it was begun";

/// Carry out a plan that somebody agreed to. A step that fails stops only those that need it.
///
/// # Errors
/// When the journal cannot be begun; nothing was changed then.
pub async fn execute(repair: &Repair, approved: &Approved) -> Result<Vec<Outcome>, JournalError> {
    let plan = approved.plan();
    let records = opening(plan);
    let journal = repair.journal.clone();
    blocking(move || journal.append_all(records)).await?;
    repair.events.emit(Event::Stage("repairing", Some(plan.steps.len() as u64)));
    let mut run = Run { repair, results: BTreeMap::new() };
    let mut pending: Vec<&Step> = plan.steps.iter().collect();
    while let Some(stage) = pending.iter().map(|step| step.stage).min() {
        let wave: Vec<&Step> =
            pending.iter().copied().filter(|step| step.stage == stage && run.is_ready(step)).collect();
        if wave.is_empty() {
            // Steps that wait for each other: none can begin.
            for step in pending.iter().filter(|step| step.stage == stage) {
                run.results.insert(step.id.clone(), StepResult::Skipped("it waits for itself".into()));
            }
        }
        run.wave(wave).await;
        pending.retain(|step| !run.results.contains_key(&step.id));
    }
    sessions::clear(repair).await;
    repair.events.emit(Event::Finished);
    let journal = repair.journal.clone();
    // The repair is over; that its end is not on record costs a notice in the next run.
    if let Err(error) = blocking(move || journal.append(Record::RunFinished)).await {
        repair.events.emit(Event::Notice(Notice::EndUnrecorded(error.to_string())));
    }
    Ok(outcomes(plan, run.results))
}

fn opening(plan: &Plan) -> Vec<Record> {
    let started = Record::RunStarted {
        purpose: Purpose::Repair,
        target: plan.target.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    };
    let planned =
        plan.steps.iter().map(|step| Record::StepPlanned { step: step.id.clone(), what: step.what.clone() });
    std::iter::once(started).chain(planned).collect()
}

fn outcomes(plan: &Plan, mut results: BTreeMap<String, StepResult>) -> Vec<Outcome> {
    let outcome = |step: &Step| {
        let result = results.remove(&step.id).unwrap_or_else(|| StepResult::Skipped("never begun".into()));
        Outcome { step: step.id.clone(), what: step.what.clone(), result }
    };
    plan.steps.iter().map(outcome).collect()
}

struct Run<'a> {
    repair: &'a Repair,
    results: BTreeMap<String, StepResult>,
}

impl Run<'_> {
    /// Whether all that the step needs has been tried.
    fn is_ready(&self, step: &Step) -> bool {
        step.after.iter().all(|before| self.results.contains_key(before))
    }

    async fn wave(&mut self, wave: Vec<&Step>) {
        let failed: BTreeSet<String> =
            self.results.iter().filter(|(_, result)| !result.is_done()).map(|(id, _)| id.clone()).collect();
        let (repair, failed) = (self.repair, &failed);
        let jobs = repair.resources.jobs.max(1);
        let results = stream::iter(wave).map(|step| async move {
            let result = match step.after.iter().find(|before| failed.contains(*before)) {
                Some(before) => {
                    StepResult::Skipped(format!("it needs `{before}`, which was not carried out"))
                }
                None if repair.events.stop_requested() => StepResult::Skipped(INTERRUPTED.into()),
                None => one(repair, step).await,
            };
            repair.events.emit(Event::Advanced(1));
            (step.id.clone(), result)
        });
        self.results.extend(results.buffer_unordered(jobs).collect::<Vec<_>>().await);
    }
}

/// One step, with its end on record.
async fn one(repair: &Repair, step: &Step) -> StepResult {
    let result = match step::take(repair, step).await {
        Ok(said) => StepResult::Done(said),
        Err(Trouble::Skip(why)) => StepResult::Skipped(why),
        Err(Trouble::Fail(why)) => StepResult::Failed(why),
    };
    let name = step.id.clone();
    let record = match &result {
        StepResult::Done(_) => Record::StepDone { step: name },
        StepResult::Failed(why) | StepResult::Skipped(why) => {
            Record::StepFailed { step: name, why: why.clone() }
        }
    };
    let journal = repair.journal.clone();
    match blocking(move || journal.append(record)).await {
        Ok(_) => result,
        Err(error) => {
            StepResult::Failed(format!("{}; and its end could not be recorded: {error}", said(&result)))
        }
    }
}

fn said(result: &StepResult) -> &str {
    match result {
        StepResult::Done(said) | StepResult::Failed(said) | StepResult::Skipped(said) => said,
    }
}
