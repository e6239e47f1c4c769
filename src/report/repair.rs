//! Repairs for people: the plan that is agreed to, what came of its steps, what the proof shows.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

use super::drawing::{Drawing, hang, line};
use super::places::Digits;
use super::words::{counted, plain};
use crate::domain::action::{Action, Risk};
use crate::domain::finding::Finding;
use crate::domain::plan::{Outcome, Plan, Proof, Step, StepResult};
use crate::domain::report::Report;

/// How many steps a plan, and how many troubles a report, shows before it counts the rest.
const SHOWN: usize = 50;
/// How many findings without help are named by one reason before they are counted.
const NAMED: usize = 3;

fn table(drawing: Drawing, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(drawing.width).force_no_tty();
    table.set_header(header);
    table
}

const fn limit(drawing: Drawing) -> usize {
    if drawing.no_trunc { usize::MAX } else { SHOWN }
}

/// Draw a plan for these findings: what will be done, in order, and what nothing in it helps.
#[must_use]
pub fn plan(plan: &Plan, findings: &[Finding], drawing: Drawing) -> String {
    let mut text = format!("plan: {}\n\n", counted(plan.steps.len() as u64, "step"));
    let shown = plan.steps.get(..limit(drawing)).unwrap_or(&plan.steps);
    if drawing.is_narrow() {
        listed(&mut text, shown, drawing);
    } else {
        tabled(&mut text, shown, drawing);
    }
    let rest = plan.steps.get(limit(drawing)..).unwrap_or_default();
    if !rest.is_empty() {
        let more = counted(rest.len() as u64, "more step");
        hang(&mut text, "and ", 4, &format!("{more} (--no-trunc shows all): {}", by_action(rest)), drawing);
    }
    helpless(&mut text, (plan, findings), &[], drawing);
    text
}

const fn risk(step: &Step) -> &'static str {
    match step.risk {
        Risk::None => "none",
        Risk::Low => "low",
        Risk::Downtime => "downtime",
        Risk::Deletes => "deletes",
    }
}

fn tabled(text: &mut String, steps: &[Step], drawing: Drawing) {
    let mut table = table(drawing, &["", "step", "from", "risk"]);
    for (number, step) in steps.iter().enumerate() {
        let from = plain(step.from.as_deref().unwrap_or_default());
        table.add_row([(number + 1).to_string(), plain(&step.what), from, risk(step).to_owned()]);
    }
    for row in table.lines() {
        line(text, &row);
    }
}

/// The same where a table would have no room.
fn listed(text: &mut String, steps: &[Step], drawing: Drawing) {
    for (number, step) in steps.iter().enumerate() {
        let lead = format!("{:>3}  ", number + 1);
        hang(text, &lead, 5, &plain(&step.what), drawing);
        let from = step.from.as_deref().map(|from| format!("from {}; ", plain(from))).unwrap_or_default();
        hang(text, "     ", 5, &format!("{from}risk: {}", risk(step)), drawing);
    }
}

/// How many of the steps do what, at what risk.
fn by_action(steps: &[Step]) -> String {
    let mut counts: BTreeMap<(Action, Risk), usize> = BTreeMap::new();
    for step in steps {
        *counts.entry((step.action.kind(), step.risk)).or_default() += 1;
    }
    let named = counts.iter().map(|((action, risk), count)| match risk {
        Risk::None | Risk::Low => format!("{count} {}", action.as_str()),
        Risk::Downtime => format!("{count} {} (downtime)", action.as_str()),
        Risk::Deletes => format!("{count} {} (deletes)", action.as_str()),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// The findings that nothing in the plan helps, by the reason, but for those that are gone all the same; notes are only
/// counted.
fn helpless(text: &mut String, (plan, findings): (&Plan, &[Finding]), gone: &[String], drawing: Drawing) {
    let known: HashMap<&str, &Finding> = findings.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut notes: u64 = 0;
    for (id, why) in plan.unresolved.iter().filter(|(id, _)| !gone.contains(*id)) {
        if plan.notes.contains(id) && !drawing.no_trunc {
            notes += 1;
        } else {
            reasons.entry(why.to_string()).or_default().push(id);
        }
    }
    for (why, ids) in reasons {
        let most = if drawing.no_trunc { usize::MAX } else { NAMED };
        let named: Vec<_> = ids.iter().take(most).map(|id| named(id, known.get(id).copied())).collect();
        let rest = ids.len().saturating_sub(most);
        let more = if rest == 0 { String::new() } else { format!(", and {rest} more") };
        hang(text, "no help for: ", 13, &format!("{}{more}: {why}", named.join(", ")), drawing);
    }
    if notes > 0 {
        line(
            text,
            &format!("left alone: {}, normal leftovers (--no-trunc shows them)", counted(notes, "note")),
        );
    }
}

/// A finding in words: the code, then where it is, written as an image is. A saved plan may know one that is no longer
/// found.
fn named(id: &str, finding: Option<&Finding>) -> String {
    finding.map_or_else(
        || shorten(id),
        |finding| format!("{} {}", finding.code, shorten(&Digits::Few.subject(&finding.subject))),
    )
}

/// A text with its digests cut.
fn shorten(id: &str) -> String {
    let mut short = String::new();
    for part in id.split(':') {
        let is_hex = part.len() >= 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = if is_hex { part.get(..12).unwrap_or(part) } else { part };
        let _ = write!(short, "{}{part}", if short.is_empty() { "" } else { ":" });
    }
    short
}

/// What came of a repair; nothing where none was made.
pub(super) fn draw(text: &mut String, report: &Report, drawing: Drawing) {
    let mut drawn = String::new();
    if let Some(outcomes) = &report.outcomes {
        steps(&mut drawn, outcomes, report.proof.is_some(), drawing);
    }
    if let Some(proof) = &report.proof {
        proved(&mut drawn, proof, drawing);
    }
    match report.plan.as_ref().filter(|_| report.refusal.is_none()) {
        Some(proposed) if report.outcomes.is_none() && !proposed.is_empty() => {
            drawn.push_str(&plan(proposed, &report.findings, drawing));
        }
        Some(plan) => {
            let gone = report.proof.as_ref().map_or(&[][..], |proof| &proof.resolved);
            helpless(&mut drawn, (plan, &report.findings), gone, drawing);
        }
        None => {}
    }
    if !drawn.is_empty() {
        line(text, "");
        text.push_str(&drawn);
    }
}

/// How many steps were carried out, and which were not and why; each of them where no proof tells what they brought.
fn steps(text: &mut String, outcomes: &[Outcome], is_proven: bool, drawing: Drawing) {
    let done = outcomes.iter().filter(|outcome| outcome.result.is_done()).count();
    let troubles: Vec<_> = outcomes.iter().filter(|outcome| !outcome.result.is_done()).collect();
    let all = counted(outcomes.len() as u64, "step");
    let all = if troubles.is_empty() { all } else { format!("{done} of {all}") };
    let before = if is_proven { "" } else { "; what is found above is from before that" };
    hang(text, "repair: ", 8, &format!("{all} carried out{before}"), drawing);
    if troubles.is_empty() {
        return;
    }
    let shown: Vec<_> = outcomes.iter().filter(|it| !is_proven || !it.result.is_done()).collect();
    for outcome in shown.iter().take(limit(drawing)) {
        let (result, why) = match &outcome.result {
            StepResult::Done(said) => ("done", said),
            StepResult::Failed(why) => ("failed", why),
            StepResult::Skipped(why) => ("skipped", why),
        };
        hang(text, &format!("  {result:8} "), 11, &plain(&outcome.what), drawing);
        hang(text, "           ", 11, &shorten(&plain(why)), drawing);
    }
    let rest = shown.len().saturating_sub(limit(drawing));
    if rest > 0 {
        line(text, &format!("and {rest} more (--no-trunc or -o json shows all)"));
    }
}

/// What the second collection showed.
fn proved(text: &mut String, proof: &Proof, drawing: Drawing) {
    let Proof { resolved, remaining, introduced, unknown, pulled } = proof;
    let mut said = format!(
        "{} resolved, {} remaining, {} introduced",
        resolved.len(),
        remaining.len(),
        introduced.len()
    );
    if !unknown.is_empty() {
        let _ = write!(said, ", {} unknown", unknown.len());
    }
    if !pulled.is_empty() {
        let most = if drawing.no_trunc { usize::MAX } else { NAMED };
        let named: Vec<_> = pulled.iter().take(most).map(|image| shorten(image)).collect();
        let rest = pulled.len().saturating_sub(most);
        let more = if rest == 0 { String::new() } else { format!(", and {rest} more") };
        let _ = write!(said, "; pulled in full: {}{more}", named.join(", "));
    }
    hang(text, "proof: ", 7, &said, drawing);
}
