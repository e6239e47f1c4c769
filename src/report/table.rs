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
pub(super) mod steps;
#[cfg(test)]
mod tests;

use anstyle::Style;

use super::coverage::{Seen, seen};
pub use super::drawing::Drawing;
use super::drawing::{Tone, colour, hang, line};
use super::headline::Headline;
use super::{images, repair};
use crate::domain::limit::Limit;
use crate::domain::report::{Report, Verdict};

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
    let style = match report.verdict {
        Verdict::Coherent => colour(Tone::Good),
        Verdict::Incoherent | Verdict::Refused => colour(Tone::Bad),
        Verdict::Incomplete => colour(Tone::Doubtful),
    };
    let Headline { word, said } = Headline::of(report);
    let mark = if said.is_empty() { "" } else { ": " };
    let lead = format!("{}{mark}", drawing.paint(&word, style.bold()));
    hang(text, &lead, word.len() + mark.len(), &said.join("; "), drawing);
}

fn sides(text: &mut String, report: &Report, drawing: Drawing) {
    line(text, "");
    for Seen { side, place, saw } in seen(report) {
        line(text, &format!("{side:8} {place}"));
        if let Some(saw) = saw {
            hang(text, &" ".repeat(9), 9, &saw, drawing);
        }
    }
}

/// What could not be looked at, and what this kind of run does not see.
fn blind_spots(text: &mut String, report: &Report, drawing: Drawing) {
    let most = if drawing.no_trunc { usize::MAX } else { groups::SHOWN };
    let unknown = &report.coverage.unknown;
    if !unknown.is_empty() {
        line(text, "");
        line(text, &drawing.paint("could not be looked at", colour(Tone::Doubtful).bold()));
        for unlooked in unknown.iter().take(most) {
            hang(text, "  ", 4, &format!("{}: {}", unlooked.what, unlooked.why), drawing);
        }
        groups::more(text, unknown.len(), most, drawing);
    }
    limits(text, report, drawing);
}

/// What this kind of run does not see: where all is well in a line, for whoever reads it every day.
fn limits(text: &mut String, report: &Report, drawing: Drawing) {
    let limits = &report.coverage.limits.0;
    let lead = drawing.paint("not seen: ", Style::new().dimmed());
    if report.verdict == Verdict::Coherent && !drawing.evidence && !drawing.no_trunc {
        let brief: Vec<_> = limits.iter().filter_map(Limit::brief).collect();
        if !brief.is_empty() {
            line(text, "");
            hang(text, &lead, 10, &brief.join(", "), drawing);
        }
        return;
    }
    if !limits.is_empty() {
        line(text, "");
    }
    for limit in limits {
        hang(text, &lead, 10, &limit.to_string(), drawing);
    }
}
