//! The line that a Nagios plugin prints: what is so, then what to draw.
//!
//! ```text
//! REGFSCK CRITICAL - 2 errors: 1 of 300 images is broken (team/app:1.0); phantom-blob 2 | errors=2;;0;0 …
//! ```

use std::collections::BTreeMap;

use super::headline::Headline;
use crate::domain::code::{Code, Severity};
use crate::domain::finding::{Finding, State};
use crate::domain::report::{Images, Report};
use crate::domain::verdict::ServiceState;

/// How many images the line names: it is read on a telephone.
const NAMED: usize = 2;

/// The line of a report, without its end.
#[must_use]
pub fn line(report: &Report) -> String {
    let said = plain(&format!("{}{}", Headline::of(report), names(report)));
    let codes = codes(report);
    let more = if codes.is_empty() { String::new() } else { format!("; {codes}") };
    format!("REGFSCK {} - {said}{more} | {}", ServiceState::of(report).as_str(), figures(report))
}

/// The line where there is no report.
#[must_use]
pub fn unknown(why: &str) -> String {
    format!("REGFSCK {} - {}", ServiceState::Unknown.as_str(), plain(why))
}

/// What neither ends the line nor begins the figures.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").replace('|', "/")
}

/// The first images that are broken.
fn names(report: &Report) -> String {
    let mut images: Vec<String> = Vec::new();
    for image in report.standing(Severity::Error).flat_map(|finding| &finding.affects) {
        let name = image.to_string();
        if !images.contains(&name) {
            images.push(name);
        }
        if images.len() > NAMED {
            break;
        }
    }
    let rest = if images.len() > NAMED { ", …" } else { "" };
    images.truncate(NAMED);
    if images.is_empty() { String::new() } else { format!(" ({}{rest})", images.join(", ")) }
}

/// How many there are of each code that is wrong.
fn codes(report: &Report) -> String {
    let mut counts: BTreeMap<(Severity, Code), usize> = BTreeMap::new();
    for finding in report.standing(Severity::Warning) {
        *counts.entry((finding.severity, finding.code)).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|((_, code), count)| format!("{code} {count}")).collect();
    counts.join(", ")
}

/// `label=value;warn;crit;min;max` of each figure.
fn figures(report: &Report) -> String {
    let count = |severity| {
        let stands = |finding: &&Finding| finding.severity == severity && finding.state != State::Repaired;
        report.findings.iter().filter(stands).count()
    };
    let mut figures = vec![
        format!("errors={};;0;0", count(Severity::Error)),
        format!("warnings={};0;;0", count(Severity::Warning)),
        format!("notes={};;;0", count(Severity::Note)),
        format!("unknown={};;;0", report.coverage.unknown.len()),
    ];
    if let Images::Counted(images) = report.images {
        figures.push(format!("images_broken={};;0;0;{}", images.broken, images.checked));
    }
    let took = report.finished.duration_since(report.started).as_secs_f64();
    figures.push(format!("time={took:.3}s;;;0"));
    figures.join(" ")
}
