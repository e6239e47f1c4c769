//! The first line of every form for people: how much is wrong, and how many images that breaks.

use std::collections::BTreeMap;
use std::fmt;

use super::words::{counted, grouped};
use crate::domain::code::Severity;
use crate::domain::finding::State;
use crate::domain::report::{ImageCount, Images, Report, Verdict};

/// `2 errors, 3 notes: 1 of 300 images is broken`
pub(super) struct Headline {
    /// The verdict; where something is wrong, how much.
    pub(super) word: String,
    /// What comes of it, and what is not known.
    pub(super) said: Vec<String>,
}

impl Headline {
    pub(super) fn of(report: &Report) -> Self {
        let counts = tally(report);
        let word = match report.verdict {
            Verdict::Incoherent => counts.clone(),
            verdict @ (Verdict::Coherent | Verdict::Incomplete | Verdict::Refused) => {
                verdict.as_str().to_owned()
            }
        };
        let told = (report.verdict != Verdict::Incoherent).then(|| report.refusal.clone().unwrap_or(counts));
        let said = told.into_iter().chain(broken(report)).chain(unseen(report)).collect();
        Self { word, said }
    }
}

impl fmt::Display for Headline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.said.is_empty() { "" } else { ": " };
        write!(f, "{}{mark}{}", self.word, self.said.join("; "))
    }
}

/// How many of what remain, in words.
fn tally(report: &Report) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    let repaired = report.findings.iter().filter(|finding| finding.state == State::Repaired).count();
    for finding in report.findings.iter().filter(|finding| finding.state != State::Repaired) {
        *counts.entry(finding.severity).or_default() += 1;
    }
    let mut parts: Vec<_> =
        counts.iter().map(|(severity, count)| counted(*count as u64, severity.as_str())).collect();
    if repaired > 0 {
        parts.push(format!("{} repaired", grouped(repaired as u64)));
    }
    match (parts.is_empty(), report.coverage.unknown.is_empty()) {
        (true, true) => "nothing found".into(),
        (true, false) => "nothing wrong in what was looked at".into(),
        (false, _) => parts.join(", "),
    }
}

/// How many could not be looked at.
fn unseen(report: &Report) -> Option<String> {
    let unseen = report.coverage.unknown.len() as u64;
    (unseen > 0).then(|| format!("{} could not be looked at", counted(unseen, "thing")))
}

/// How many images that is.
fn broken(report: &Report) -> Option<String> {
    let Images::Counted(ImageCount { checked, broken }) = report.images else { return None };
    report.standing(Severity::Error).next().filter(|_| checked > 0)?;
    let all = counted(checked, "image");
    Some(match broken {
        0 => format!("none of {all} is broken yet"),
        1 => format!("1 of {all} is broken"),
        broken => format!("{} of {all} are broken", grouped(broken)),
    })
}
