//! Sessions on scripted ports: what happens in what order, and what keeps it from happening.

use std::sync::Arc;

use super::*;
use crate::domain::plan::{Stage, Step, StepAction};
use crate::domain::report::Verdict;
use crate::engine::scripted::{Fault, Script};

async fn run(script: Script, goal: Goal) -> (Vec<String>, Result<Report, SessionError>) {
    let script = Arc::new(script);
    let ended = script.session().run(goal).await;
    (script.calls(), ended)
}

#[tokio::test]
async fn the_registry_is_locked_after_somebody_agreed_and_looked_at_again_for_the_proof() {
    let (calls, ended) = run(Script::default(), Goal::Restart).await;
    assert_eq!(calls, ["look", "ask", "lock", "restart", "look"]);
    let report = ended.unwrap();
    assert_eq!((report.verdict, report.exit_status), (Verdict::Coherent, 0));
    assert_eq!(report.outcomes.unwrap().len(), 1);
    assert!(report.proof.is_some());
}

#[tokio::test]
async fn nobody_is_asked_about_nothing() {
    let (calls, ended) = run(Script::default(), Goal::Purge).await;
    assert_eq!(calls, ["look"]);
    let report = ended.unwrap();
    assert!(report.plan.unwrap().is_empty());
    assert!(report.outcomes.is_none() && report.proof.is_none());
}

#[tokio::test]
async fn without_consent_nothing_is_locked() {
    let (calls, ended) = run(Script::failing(Fault::Declined), Goal::Restart).await;
    assert_eq!(calls, ["look", "ask"]);
    let report = ended.unwrap();
    assert_eq!((report.verdict, report.exit_status), (Verdict::Refused, 4));
    assert_eq!(report.refusal.as_deref(), Some("nothing was changed, as you said"));
}

#[tokio::test]
async fn what_another_run_holds_is_left_alone() {
    let (calls, ended) = run(Script::failing(Fault::Locked), Goal::Restart).await;
    assert_eq!(calls, ["look", "ask"]);
    let report = ended.unwrap();
    assert_eq!((report.verdict, report.exit_status), (Verdict::Refused, 4));
    assert!(report.plan.is_some() && report.outcomes.is_none());
}

#[tokio::test]
async fn an_obstacle_is_a_refusal() {
    let script = Script::failing(Fault::Obstacle("it is locked for a migration"));
    let (calls, ended) = run(script, Goal::Restart).await;
    assert_eq!(calls, ["look", "ask", "lock"]);
    assert_eq!(ended.unwrap().refusal.as_deref(), Some("it is locked for a migration"));
}

#[tokio::test]
async fn a_restart_that_fails_is_in_the_outcomes_and_no_end_of_the_run() {
    let (calls, ended) = run(Script::failing(Fault::NoRestart), Goal::Restart).await;
    assert_eq!(calls, ["look", "ask", "lock", "restart", "look"]);
    let report = ended.unwrap();
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert!(!report.outcomes.unwrap()[0].result.is_done());
}

#[tokio::test]
async fn a_plan_for_another_registry_is_not_even_looked_at() {
    let script = Arc::new(Script::default());
    let session = script.session();
    let (_, plan) = session.propose(Goal::Restart).await.unwrap();
    let action = StepAction::Restart { service: "exec:it".into(), if_wrong: Vec::new() };
    assert_eq!(plan.steps, [Step::new(action, Stage::Restart)]);
    let other = Target { storage: Some("/elsewhere".into()), ..plan.target.clone() };
    let refused = session.carry_out(Plan { target: other, ..plan.clone() }).await;
    assert!(matches!(refused, Err(SessionError::OtherRegistry { .. })));
    assert_eq!(script.calls(), ["look"]);
    assert_eq!(session.carry_out(plan).await.unwrap().exit_status, 0);
    assert_eq!(script.calls()[1..], ["look", "ask", "lock", "restart", "look"]);
}
