//! The report for people: the verdict at once, what was looked at, a table of findings, what to do next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use crate::domain::code::{Code, Severity};
use crate::domain::finding::{Finding, State, Subject};
use crate::domain::report::{Report, Verdict};

/// How many findings of one code a table shows before it counts the rest.
const SHOWN: usize = 20;
/// How many images a finding names before it counts the rest.
const IMAGES: usize = 3;

/// How to draw.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether to colour.
    pub colour: bool,
    /// Whole digests and every finding.
    pub no_trunc: bool,
    /// Evidence below each finding.
    pub evidence: bool,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { width: 80, colour: false, no_trunc: false, evidence: false }
    }
}

/// Draw the report.
#[must_use]
pub fn draw(report: &Report, drawing: Drawing) -> String {
    let mut text = String::new();
    headline(&mut text, report, drawing);
    sides(&mut text, report);
    if !report.findings.is_empty() {
        findings(&mut text, report, drawing);
    }
    text.push_str(&super::repair::draw(report, drawing));
    for unlooked in &report.coverage.unknown {
        item(&mut text, "not looked at", &format!("{}: {}", unlooked.what, unlooked.why), drawing);
    }
    for limit in &report.coverage.limits {
        item(&mut text, "not seen", limit, drawing);
    }
    next(&mut text, report);
    text
}

/// Writing to a string cannot fail.
pub(super) fn line(text: &mut String, content: &str) {
    let _ = writeln!(text, "{content}");
}

pub(super) fn item(text: &mut String, name: &str, content: &str, drawing: Drawing) {
    let indent = " ".repeat(name.len() + 2);
    let width = usize::from(drawing.width).saturating_sub(indent.len()).max(30);
    let mut lead = format!("{name}: ");
    for wrapped in wrap(content, width) {
        line(text, &format!("{lead}{wrapped}"));
        lead.clone_from(&indent);
    }
}

/// Break at spaces; a word longer than the width stands alone.
fn wrap(content: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in content.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn paint(content: &str, style: Style, drawing: Drawing) -> String {
    if drawing.colour { format!("{style}{content}{style:#}") } else { content.to_owned() }
}

fn headline(text: &mut String, report: &Report, drawing: Drawing) {
    let (word, colour) = match report.verdict {
        Verdict::Coherent => ("coherent", AnsiColor::Green),
        Verdict::Incoherent => ("incoherent", AnsiColor::Red),
        Verdict::Incomplete => ("incomplete", AnsiColor::Yellow),
        Verdict::Refused => ("refused", AnsiColor::Red),
    };
    let word = paint(word, Style::new().bold().fg_color(Some(colour.into())), drawing);
    let said = match &report.refusal {
        Some(why) => why.clone(),
        None => tally(report),
    };
    let mut lines = wrap(&said, usize::from(drawing.width).saturating_sub(12).max(30)).into_iter();
    line(text, &format!("{word}: {}", lines.next().unwrap_or_default()));
    for rest in lines {
        line(text, &format!("  {rest}"));
    }
}

/// How many of what remain, in words.
fn tally(report: &Report) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    let (mut repaired, mut open) = (0, 0);
    for finding in &report.findings {
        if finding.state == State::Repaired {
            repaired += 1;
        } else {
            open += 1;
            *counts.entry(finding.severity).or_default() += 1;
        }
    }
    let mut parts: Vec<_> =
        counts.iter().map(|(severity, count)| counted(*count, severity.as_str())).collect();
    if repaired > 0 {
        parts.push(format!("{repaired} repaired"));
    }
    match (open, report.verdict) {
        (0, Verdict::Incomplete) if repaired == 0 => "nothing wrong in what was looked at".into(),
        (0, _) if repaired == 0 => "nothing found".into(),
        _ => parts.join(", "),
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn sides(text: &mut String, report: &Report) {
    if let (Some(root), Some(storage)) = (&report.target.storage, &report.coverage.storage) {
        line(text, &format!("storage  {root}"));
        let hashed = match storage.hashed_blobs {
            0 => String::new(),
            blobs => format!(", {blobs} hashed ({})", ByteSize(storage.hashed_bytes)),
        };
        line(
            text,
            &format!(
                "         {} repositories, {} tags, {} manifests, {} blobs ({}){hashed}",
                storage.repositories,
                storage.tags,
                storage.manifests,
                storage.blobs,
                ByteSize(storage.bytes),
            ),
        );
    }
    if let Some(url) = &report.target.registry {
        line(text, &format!("served   {url}"));
    }
    if let Some(served) = &report.coverage.served {
        line(
            text,
            &format!(
                "         asked about {} blobs, {} manifests, {} tags in {} requests",
                served.blobs, served.manifests, served.tags, served.requests
            ),
        );
    }
    if let (Some(url), Some(cache)) = (&report.target.cache, &report.coverage.cache) {
        line(text, &format!("cache    {url}"));
        line(text, &format!("         {} keys, {} entries", cache.keys, cache.entries));
    }
}

fn findings(text: &mut String, report: &Report, drawing: Drawing) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(drawing.width).force_no_tty();
    if drawing.colour {
        table.enforce_styling();
    }
    table.set_header(["finding", "where", "what"]);
    let mut shown: BTreeMap<Code, usize> = BTreeMap::new();
    for finding in &report.findings {
        let count = shown.entry(finding.code).or_default();
        *count += 1;
        if *count <= SHOWN || drawing.no_trunc {
            table.add_row(row(finding, drawing));
        }
    }
    line(text, "");
    line(text, table.to_string().trim_end());
    for (code, count) in shown.iter().filter(|(_, count)| **count > SHOWN && !drawing.no_trunc) {
        line(text, &format!("and {} more {code} (--no-trunc or -o json shows all)", count - SHOWN));
    }
    line(text, "");
}

fn row(finding: &Finding, drawing: Drawing) -> Vec<Cell> {
    let colour = match (finding.state, finding.severity) {
        (State::Repaired, _) => Color::Green,
        (_, Severity::Error) => Color::Red,
        (_, Severity::Warning) => Color::Yellow,
        (_, Severity::Note) => Color::DarkGrey,
    };
    let state = match finding.state {
        State::Open => finding.severity.as_str(),
        State::Repaired => "repaired",
        State::Failed => "not repaired",
    };
    let code = format!("{}\n{state}", finding.code);
    vec![
        Cell::new(code).fg(colour),
        Cell::new(place(&finding.subject, drawing)),
        Cell::new(what(finding, drawing)),
    ]
}

/// The subject, a part a line, so that narrow columns break where a person would.
fn place(subject: &Subject, drawing: Drawing) -> String {
    let digest =
        subject.digest.map(|digest| if drawing.no_trunc { digest.to_string() } else { digest.short() });
    let mut place = subject.repository.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(tag) = &subject.tag {
        let _ = write!(place, ":{tag}");
    }
    let mut parts: Vec<String> =
        [Some(place).filter(|place| !place.is_empty()), digest].into_iter().flatten().collect();
    if let Some(path) = subject.path.as_ref().filter(|_| parts.is_empty() || drawing.no_trunc) {
        parts.push(path.clone());
    }
    parts.join("\n")
}

fn what(finding: &Finding, drawing: Drawing) -> String {
    let mut lines = vec![finding.message.clone()];
    if !finding.affects.is_empty() {
        let most = if drawing.no_trunc { usize::MAX } else { IMAGES };
        let named: Vec<_> =
            finding.affects.iter().take(most).map(|image| shorten(&image.to_string(), drawing)).collect();
        let rest = finding.affects.len().saturating_sub(most);
        let more = if rest == 0 { String::new() } else { format!(", and {rest} more") };
        lines.push(format!("breaks {}{more}", named.join(", ")));
    }
    if drawing.evidence {
        for evidence in &finding.evidence {
            let view = serde_json::to_string(&evidence.view).unwrap_or_default();
            lines.push(format!("{}: {} -> {}", view.trim_matches('"'), evidence.asked, evidence.said));
        }
    }
    lines.join("\n")
}

/// Cut the digest of an image that is named by one.
fn shorten(image: &str, drawing: Drawing) -> String {
    match image.split_once('@') {
        Some((name, digest)) if !drawing.no_trunc => {
            let short: String = digest.chars().take("sha256:".len() + 12).collect();
            format!("{name}@{short}")
        }
        _ => image.to_owned(),
    }
}

/// What to do next: the best remedies of what stands, and where to read on.
fn next(text: &mut String, report: &Report) {
    let standing: Vec<_> = report.standing(Severity::Warning).collect();
    let Some(first) = standing.first() else { return };
    let mut remedies: Vec<String> = Vec::new();
    for remedy in standing.iter().filter_map(|finding| finding.remedies.first()) {
        let needs = remedy.needs.as_ref().map(|needs| format!(" (needs {needs})")).unwrap_or_default();
        let said = format!("{}{needs}", remedy.action.as_str());
        if !remedies.contains(&said) {
            remedies.push(said);
        }
    }
    if !remedies.is_empty() {
        line(text, &format!("remedies: {}", remedies.join(", ")));
    }
    line(text, &format!("more:     regfsck explain {}", first.code));
}
