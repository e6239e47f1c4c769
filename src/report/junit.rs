//! JUnit, for what shows test results: a case for the verdict, and one for each finding, verified image, and thing that
//! could not be looked at.
//!
//! Something fails or errs exactly where the exit status is not 0. What `--fail-on` lets pass is skipped: it is shown,
//! and turns nothing red.

use std::io::{self, Write};

use super::headline::Headline;
use super::markup::markup;
use super::places::{Digits, side};
use super::words::grouped;
use crate::domain::finding::{Finding, State};
use crate::domain::observed::Unlooked;
use crate::domain::report::{Report, Verdict, VerifiedImage};

/// How many images a finding names before it counts the rest.
const IMAGES: usize = 20;

/// What a case is about.
#[derive(Clone, Copy)]
enum Case<'a> {
    /// The run as a whole.
    Run,
    Finding(&'a Finding),
    Image(&'a VerifiedImage),
    Unlooked(&'a Unlooked),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Passed,
    Skipped,
    Failed,
    Erred,
}

/// Write it.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let count = |ending| cases(report).filter(|case| case.ending(report) == ending).count();
    let (tests, skipped) = (cases(report).count(), count(Ending::Skipped));
    let (failures, errors) = (count(Ending::Failed), count(Ending::Erred));
    let time = report.finished.duration_since(report.started).as_secs_f64().max(0.0);
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\"");
    let target = report.target.registry.as_deref().or(report.target.storage.as_deref()).unwrap_or("registry");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"regfsck\" {counts}>")?;
    write!(out, "  <testsuite name=\"{}\" {counts} skipped=\"{skipped}\"", markup(target))?;
    writeln!(out, " timestamp=\"{:.0}\">", report.started)?;
    properties(report, out)?;
    for case in cases(report) {
        case.write(report, out)?;
    }
    let limits: Vec<_> = report.coverage.limits.0.iter().map(|limit| format!("not seen: {limit}")).collect();
    if !limits.is_empty() {
        writeln!(out, "    <system-out>{}</system-out>", lines(&limits))?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn cases(report: &Report) -> impl Iterator<Item = Case<'_>> {
    let unlooked = report.coverage.unknown.iter().map(Case::Unlooked);
    let images = report.images.verified().iter().map(Case::Image);
    let findings = report.findings.iter().map(Case::Finding);
    [Case::Run].into_iter().chain(unlooked).chain(images).chain(findings)
}

fn properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let target = &report.target;
    let known = [
        ("version", Some(report.tool.version.clone())),
        ("exit_status", Some(report.exit_status.to_string())),
        ("storage", target.storage.clone()),
        ("registry", target.registry.clone()),
        ("cache", target.cache.clone()),
    ];
    writeln!(out, "    <properties>")?;
    for (name, value) in known {
        if let Some(value) = value {
            writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", markup(&value))?;
        }
    }
    writeln!(out, "    </properties>")
}

impl Case<'_> {
    fn ending(self, report: &Report) -> Ending {
        match self {
            Self::Run => ending(report.verdict),
            Self::Image(image) => ending(image.verdict),
            Self::Unlooked(_) => Ending::Erred,
            Self::Finding(finding) if finding.state == State::Repaired => Ending::Passed,
            Self::Finding(finding) if finding.state == State::Unknown => Ending::Erred,
            Self::Finding(finding) if finding.severity <= report.fail_on => Ending::Failed,
            Self::Finding(_) => Ending::Skipped,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Image(_) => "image",
            Self::Unlooked(_) => "unknown",
            Self::Finding(finding) => finding.code.as_str(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Run => "coherent".into(),
            Self::Image(image) => image.name.clone(),
            Self::Unlooked(unlooked) => unlooked.what.to_string(),
            Self::Finding(finding) => Digits::All.subject(&finding.subject),
        }
    }

    /// What is wrong, in a line.
    fn message(self, report: &Report) -> String {
        match self {
            Self::Run => Headline::of(report).to_string(),
            Self::Image(image) if image.verdict == Verdict::Incomplete => "it could not be looked at".into(),
            Self::Image(_) => "it cannot be pulled".into(),
            Self::Unlooked(unlooked) => unlooked.why.to_string(),
            Self::Finding(finding) => finding.message.clone(),
        }
    }

    /// What more there is to say.
    fn details(self) -> Vec<String> {
        match self {
            Self::Run => Vec::new(),
            Self::Unlooked(unlooked) => vec![format!("{}: {}", unlooked.what, unlooked.why)],
            Self::Image(image) => image.findings.clone(),
            Self::Finding(finding) => details(finding),
        }
    }

    fn write(self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let (class, name) = (self.class(), markup(&self.name()));
        write!(out, "    <testcase name=\"{name}\" classname=\"regfsck.{class}\"")?;
        let element = match self.ending(report) {
            Ending::Passed => return writeln!(out, "/>"),
            Ending::Skipped => "skipped",
            Ending::Failed => "failure",
            Ending::Erred => "error",
        };
        let message = self.message(report);
        if element == "skipped" {
            // It has no attributes in the schemas that Jenkins began with.
            return writeln!(out, "><skipped>{}</skipped></testcase>", markup(&message));
        }
        write!(out, "><{element} type=\"{class}\" message=\"{}\">", markup(&message))?;
        writeln!(out, "{}</{element}></testcase>", lines(&self.details()))
    }
}

const fn ending(verdict: Verdict) -> Ending {
    match verdict {
        Verdict::Coherent => Ending::Passed,
        Verdict::Incoherent => Ending::Failed,
        Verdict::Incomplete | Verdict::Refused => Ending::Erred,
    }
}

/// What it breaks, what was asked and said, what helps.
fn details(finding: &Finding) -> Vec<String> {
    let mut lines: Vec<_> =
        finding.affects.iter().take(IMAGES).map(|image| format!("breaks {image}")).collect();
    if finding.affects.len() > IMAGES {
        lines.push(format!("breaks {} more", grouped((finding.affects.len() - IMAGES) as u64)));
    }
    let evidence = finding.evidence.iter();
    lines.extend(evidence.map(|one| format!("{}: {}: {}", side(one.view), one.asked, one.said)));
    for remedy in &finding.remedies {
        let needs = remedy.needs.map(|needs| format!(", which needs {needs}")).unwrap_or_default();
        lines.push(format!("remedy: {}{needs}", remedy.action.as_str()));
    }
    lines.push(format!("regfsck explain {} tells more", finding.code));
    lines
}

fn lines(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| markup(line)).collect();
    lines.join("\n")
}
