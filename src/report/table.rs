//! The report for people: the verdict at once, what was looked at, what is wrong code by code, what to do next.
//!
//! ```text
//! 2 errors, 3 notes: 1 of 300 images is broken
//!
//! storage  /var/lib/registry …
//! served   http://127.0.0.1:5000 …
//!
//! phantom-blob (2 errors)
//!   the daemon claims it, storage lacks it: a push skips it, a pull fails
//!
//!   where                          breaks
//!   team/app@sha256:05cc11693357   team/app:1.0
//!   …
//! ```
//!
//! Notes are normal leftovers and must not drown what is wrong: a line a code, unless everything is asked for.

mod groups;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;

pub use super::drawing::Drawing;
use super::drawing::{colour, hang, line};
use super::words::{counted, grouped};
use super::{images, repair};
use crate::domain::code::Severity;
use crate::domain::finding::State;
use crate::domain::report::{ImageCount, Images, Report, Verdict};

/// Draw the report.
#[must_use]
pub fn draw(report: &Report, drawing: Drawing) -> String {
    if !report.images.verified().is_empty() {
        return images::draw(report, drawing);
    }
    let mut text = String::new();
    headline(&mut text, report, drawing);
    sides(&mut text, report, drawing);
    groups::draw(&mut text, report, drawing);
    repair::draw(&mut text, report, drawing);
    steps::draw(&mut text, report, drawing);
    blind_spots(&mut text, report, drawing);
    text
}

/// The verdict: where something is wrong, how much and what it breaks.
fn headline(text: &mut String, report: &Report, drawing: Drawing) {
    let counts = tally(report);
    let (word, style) = match report.verdict {
        Verdict::Coherent => ("coherent", colour(AnsiColor::Green)),
        Verdict::Incoherent => (counts.as_str(), colour(AnsiColor::Red)),
        Verdict::Incomplete => ("incomplete", colour(AnsiColor::Yellow)),
        Verdict::Refused => ("refused", colour(AnsiColor::Red)),
    };
    let told = (report.verdict != Verdict::Incoherent).then(|| report.refusal.as_ref().unwrap_or(&counts));
    let said: Vec<_> = told.cloned().into_iter().chain(broken(report)).chain(unseen(report)).collect();
    let mark = if said.is_empty() { "" } else { ": " };
    let lead = format!("{}{mark}", drawing.paint(word, style.bold()));
    hang(text, &lead, word.len() + mark.len(), &said.join("; "), drawing);
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

fn sides(text: &mut String, report: &Report, drawing: Drawing) {
    line(text, "");
    let mut side = |name: &str, place: &str, saw: Option<String>| {
        line(text, &format!("{name:8} {place}"));
        if let Some(saw) = saw {
            hang(text, &" ".repeat(9), 9, &saw, drawing);
        }
    };
    let target = &report.target;
    if let Some(root) = &target.storage {
        side("storage", root, stored(report));
    }
    if let Some(url) = &target.registry {
        side("served", url, asked(report));
    }
    for url in &target.replicas {
        side("replica", url, None);
    }
    if let Some(url) = &target.cache {
        let saw =
            report.coverage.cache.as_ref().map(|cache| {
                format!("{} in {}", counted(cache.entries, "entry"), counted(cache.keys, "key"))
            });
        side("cache", url, saw);
    }
}

fn stored(report: &Report) -> Option<String> {
    let storage = report.coverage.storage.as_ref()?;
    let hashed = match storage.hashed_blobs {
        0 => String::new(),
        blobs => format!("; {} hashed ({})", counted(blobs, "blob"), ByteSize(storage.hashed_bytes)),
    };
    Some(format!(
        "{}, {}, {}, {} ({}){hashed}",
        counted(storage.repositories, "repository"),
        counted(storage.tags, "tag"),
        counted(storage.manifests, "manifest"),
        counted(storage.blobs, "blob"),
        ByteSize(storage.bytes),
    ))
}

fn asked(report: &Report) -> Option<String> {
    let served = report.coverage.served.as_ref()?;
    let about = [(served.blobs, "blob"), (served.manifests, "manifest"), (served.tags, "tag")];
    let about: Vec<_> =
        about.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    let about = if about.is_empty() { "nothing".to_owned() } else { about.join(", ") };
    Some(format!("asked about {about} in {}", counted(served.requests, "request")))
}

/// What could not be looked at, and what this kind of run does not see.
fn blind_spots(text: &mut String, report: &Report, drawing: Drawing) {
    let most = if drawing.no_trunc { usize::MAX } else { groups::SHOWN };
    let unknown = &report.coverage.unknown;
    if !unknown.is_empty() {
        line(text, "");
        line(text, &drawing.paint("could not be looked at", colour(AnsiColor::Yellow).bold()));
        for unlooked in unknown.iter().take(most) {
            hang(text, "  ", 4, &format!("{}: {}", unlooked.what, unlooked.why), drawing);
        }
        groups::more(text, unknown.len(), most);
    }
    if !report.coverage.limits.0.is_empty() {
        line(text, "");
        for limit in &report.coverage.limits.0 {
            hang(text, &drawing.paint("not seen: ", Style::new().dimmed()), 10, &limit.to_string(), drawing);
        }
    }
}
