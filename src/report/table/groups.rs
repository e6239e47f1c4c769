//! The findings, code by code: what it means once, then where it is and which images it breaks.

use anstyle::Style;
use bytesize::ByteSize;
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width};

use crate::domain::code::Severity;
use crate::domain::finding::{Finding, State, Subject};
use crate::domain::name::Image;
use crate::domain::report::Report;
use crate::report::drawing::{Drawing, Tone, colour, hang, line};
use crate::report::groups::{Group, group};
use crate::report::places::{Digits, side};
use crate::report::words::{grouped, shorten_hex};

/// How many findings of one code are shown before the rest is counted.
pub(super) const SHOWN: usize = 10;
/// How many images a finding names before it counts the rest.
const IMAGES: usize = 3;
const INDENT: u16 = 2;

/// Draw all of them; notes as a line a code unless everything is asked for.
pub(super) fn draw(text: &mut String, report: &Report, drawing: Drawing) {
    let is_whole = drawing.no_trunc || drawing.evidence;
    let (loud, quiet): (Vec<_>, Vec<_>) =
        group(&report.findings).into_iter().partition(|group| is_whole || !group.is_quiet());
    for group in &loud {
        one(text, group, drawing);
    }
    if quiet.is_empty() {
        return;
    }
    line(text, "");
    let heading = drawing.paint("notes", Style::new().bold());
    line(text, &format!("{heading} (normal leftovers; -v lists them)"));
    let codes = quiet.iter().map(|group| group.code.as_str().len()).max().unwrap_or_default();
    let counts =
        quiet.iter().map(|group| grouped(group.findings.len() as u64).len()).max().unwrap_or_default();
    for group in quiet {
        let count = grouped(group.findings.len() as u64);
        let lead = format!("  {count:>counts$} {:codes$}  ", group.code.as_str());
        let bytes = group.bytes();
        let space = if bytes == 0 { String::new() } else { format!(" ({})", ByteSize(bytes)) };
        let said = format!("{}{space}", group.code.meaning());
        if drawing.is_narrow() {
            line(text, &lead);
            hang(text, "    ", 4, &said, drawing);
        } else {
            hang(text, &lead, lead.len(), &said, drawing);
        }
    }
}

/// Say how many were left out.
pub(super) fn more(text: &mut String, all: usize, shown: usize, drawing: Drawing) {
    if all > shown {
        let rest = grouped((all - shown) as u64);
        hang(text, "  ", 2, &format!("and {rest} more; --no-trunc or -o json shows them"), drawing);
    }
}

fn style(group: &Group<'_>) -> Style {
    match (group.state, group.severity) {
        (State::Repaired, _) => colour(Tone::Good),
        (State::Unknown, _) | (State::Open | State::Failed, Severity::Warning) => colour(Tone::Doubtful),
        (State::Open | State::Failed, Severity::Error) => colour(Tone::Bad),
        (State::Open | State::Failed, Severity::Note) => colour(Tone::Slight),
    }
}

fn one(text: &mut String, group: &Group<'_>, drawing: Drawing) {
    line(text, "");
    let code = drawing.paint(group.code.as_str(), style(group).bold());
    line(text, &format!("{code} ({})", group.count()));
    let shared = group.message();
    hang(text, "  ", usize::from(INDENT), shared.unwrap_or(group.code.meaning()), drawing);
    let most = if drawing.no_trunc { usize::MAX } else { SHOWN };
    let shown: Vec<_> = group.findings.iter().take(most).copied().collect();
    line(text, "");
    if drawing.evidence || drawing.is_narrow() {
        for finding in &shown {
            proof(text, finding, shared.is_none(), drawing);
        }
    } else {
        let table = table(&shown, shared.is_none(), drawing).to_string();
        table.lines().for_each(|row| line(text, &format!(" {row}")));
    }
    more(text, group.findings.len(), most, drawing);
}

/// Where, what where that differs, and which images it breaks; columns that would be empty are left out.
fn table(findings: &[&Finding], with_message: bool, drawing: Drawing) -> Table {
    let with_images = findings.iter().any(|finding| !finding.affects.is_empty());
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(drawing.width.saturating_sub(1)).force_no_tty();
    if drawing.colour {
        table.enforce_styling();
    }
    let mut header = vec!["where"];
    header.extend(with_message.then_some("what"));
    header.extend(with_images.then_some("breaks"));
    table.set_header(header.iter().map(|name| Cell::new(name).add_attribute(Attribute::Dim)));
    for finding in findings {
        let mut row = vec![place(&finding.subject, drawing)];
        row.extend(with_message.then(|| finding.message.clone()));
        row.extend(with_images.then(|| broken(&finding.affects, "\n", drawing)));
        table.add_row(row);
    }
    // Where it is must not be broken to make room for long sentences.
    let widest = findings.iter().flat_map(|finding| {
        place(&finding.subject, drawing).lines().map(|line| line.chars().count()).collect::<Vec<_>>()
    });
    let most = usize::from(drawing.width) * 2 / 3;
    let width = u16::try_from(widest.max().unwrap_or_default().clamp(5, most) + 2).unwrap_or(drawing.width);
    if header.len() > 1
        && let Some(column) = table.column_mut(0)
    {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table
}

/// One finding with all that was asked and said.
fn proof(text: &mut String, finding: &Finding, with_message: bool, drawing: Drawing) {
    line(text, &format!("  {}", place(&finding.subject, drawing).replace('\n', " ")));
    if with_message {
        hang(text, "    ", 4, &finding.message, drawing);
    }
    if !finding.affects.is_empty() {
        hang(text, "    breaks   ", 13, &broken(&finding.affects, " ", drawing), drawing);
    }
    for evidence in finding.evidence.iter().filter(|_| drawing.evidence) {
        let lead = format!("    {:8} ", side(evidence.view));
        let said = format!("{}: {}", evidence.asked, evidence.said);
        let said = if drawing.no_trunc { said } else { shorten_hex(&said) };
        hang(text, &lead, lead.len(), &said, drawing);
    }
}

/// The subject; where nothing is cut, its file below it.
fn place(subject: &Subject, drawing: Drawing) -> String {
    let place = Digits::of(drawing.no_trunc).subject(subject);
    let path = subject.place.as_ref().filter(|_| drawing.no_trunc).map(ToString::to_string);
    match path.filter(|path| *path != place) {
        Some(path) => format!("{place}\n{path}"),
        None => place,
    }
}

/// The first images, and how many more.
fn broken(images: &[Image], between: &str, drawing: Drawing) -> String {
    let most = if drawing.no_trunc { usize::MAX } else { IMAGES };
    let digits = Digits::of(drawing.no_trunc);
    let mut named: Vec<_> = images.iter().take(most).map(|image| digits.image(image)).collect();
    if images.len() > most {
        named.push(format!("and {} more", grouped((images.len() - most) as u64)));
    }
    named.join(between)
}
