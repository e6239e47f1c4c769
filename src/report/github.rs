//! Workflow commands of GitHub Actions: what shows as annotations of a run.
//!
//! ```text
//! ::error title=phantom-blob (2 errors)::the daemon claims it, storage lacks it%0Ateam/app@sha256:05cc…, breaks team/app:1.0
//! ```
//!
//! One command a code, because GitHub shows ten of a step.

use std::io::{self, Write};

use super::groups::{Group, group};
use super::headline::Headline;
use super::places::Digits;
use super::words::{counted, grouped, plain};
use crate::domain::code::Severity;
use crate::domain::finding::{Finding, State};
use crate::domain::report::Report;

/// How many findings a command names before it counts the rest.
const SHOWN: usize = 10;
/// How many images a finding names.
const IMAGES: usize = 3;

/// Write them, the verdict first.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let level = if report.exit_status == 0 { "notice" } else { "error" };
    command(out, level, "regfsck", &[Headline::of(report).to_string()])?;
    let unknown = &report.coverage.unknown;
    if !unknown.is_empty() {
        let title = format!("{} could not be looked at", counted(unknown.len() as u64, "thing"));
        let lines = unknown.iter().take(SHOWN).map(|unlooked| format!("{}: {}", unlooked.what, unlooked.why));
        command(out, "error", &title, &with_rest(lines.collect(), unknown.len()))?;
    }
    for group in group(&report.findings) {
        let title = format!("{} ({})", group.code, group.count());
        command(out, level_of(&group), &title, &lines(&group))?;
    }
    Ok(())
}

fn level_of(group: &Group<'_>) -> &'static str {
    match (group.state, group.severity) {
        (State::Repaired, _) | (_, Severity::Note) => "notice",
        (State::Open | State::Failed | State::Unknown, Severity::Error) => "error",
        (State::Open | State::Failed | State::Unknown, Severity::Warning) => "warning",
    }
}

fn lines(group: &Group<'_>) -> Vec<String> {
    let shared = group.message();
    let mut lines = vec![shared.unwrap_or(group.code.meaning()).to_owned()];
    lines.extend(group.findings.iter().take(SHOWN).map(|finding| line(finding, shared.is_none())));
    with_rest(lines, group.findings.len())
}

/// `team/app@sha256:05cc…: why, breaks team/app:1.0`
fn line(finding: &Finding, with_message: bool) -> String {
    let mut line = Digits::All.subject(&finding.subject);
    if with_message {
        line = format!("{line}: {}", finding.message);
    }
    let mut broken: Vec<_> = finding.affects.iter().take(IMAGES).map(ToString::to_string).collect();
    if finding.affects.len() > IMAGES {
        broken.push(format!("{} more", grouped((finding.affects.len() - IMAGES) as u64)));
    }
    if broken.is_empty() { line } else { format!("{line}, breaks {}", broken.join(", ")) }
}

fn with_rest(mut lines: Vec<String>, all: usize) -> Vec<String> {
    if all > SHOWN {
        lines.push(format!("and {} more; -o json has them all", grouped((all - SHOWN) as u64)));
    }
    lines
}

fn command(out: &mut dyn Write, level: &str, title: &str, lines: &[String]) -> io::Result<()> {
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    let lines: Vec<_> = lines.iter().map(|line| data(line)).collect();
    writeln!(out, "::{level} title={title}::{}", lines.join("%0A"))
}

/// One line as it stands in a command, whatever is in it.
fn data(text: &str) -> String {
    plain(text).replace('%', "%25").replace('\r', "%0D")
}
