//! Markdown, for comments, issues, wikis and the summary of a workflow.
//!
//! What others wrote stands in code spans, where nothing is markup, a link or a mention. Unless everything is asked for
//! the whole fits into a comment of GitHub.

use bytesize::ByteSize;

use super::coverage::seen;
use super::drawing::Drawing;
use super::groups::{Group, group};
use super::headline::Headline;
use super::places::Digits;
use super::repair;
use super::table::steps::advice;
use super::words::{grouped, plain};
use crate::domain::finding::Finding;
use crate::domain::name::Image;
use crate::domain::report::{Report, Verdict};

/// How many findings of a code are listed before the rest is counted.
const SHOWN: usize = 20;
/// How many images a finding names before it counts the rest.
const IMAGES: usize = 3;
/// Bytes after which rows are counted only: GitHub takes 65,536 characters.
const MOST: usize = 50_000;
/// What is markup wherever it stands.
const MARKUP: &str = r"\`*_[]<>&|~$#";
/// What keeps a mention from being one, and is not seen.
const APART: &str = "<!-- -->";

struct Document {
    text: String,
    is_whole: bool,
    digits: Digits,
}

/// The document.
pub(super) fn document(report: &Report, drawing: Drawing) -> String {
    let is_whole = drawing.no_trunc;
    let mut document = Document { text: String::new(), is_whole, digits: Digits::of(is_whole) };
    document.paragraph(&format!("# regfsck: {}", text(&Headline::of(report).to_string())));
    document.sides(report);
    document.images(report);
    let (loud, quiet): (Vec<_>, Vec<_>) =
        group(&report.findings).into_iter().partition(|group| is_whole || !group.is_quiet());
    for group in &loud {
        document.group(group);
    }
    document.notes(&quiet);
    let plain = Drawing { no_trunc: is_whole, width: 100, ..Drawing::default() };
    let mut repaired = String::new();
    repair::draw(&mut repaired, report, plain);
    document.block("Repair", &repaired);
    document.advice(report);
    document.blind_spots(report);
    document.text
}

impl Document {
    fn paragraph(&mut self, content: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(content);
    }

    fn line(&mut self, content: &str) {
        self.text.push_str(content);
        self.text.push('\n');
    }

    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn header(&mut self, names: &[&str]) {
        self.paragraph(&format!("| {} |", names.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(names.len())));
    }

    /// Rows, until there are enough of them.
    fn rows<T>(&mut self, all: &[T], mut row: impl FnMut(&mut Self, &T)) {
        let mut shown = 0;
        for one in all {
            if !self.is_whole && (shown == SHOWN || self.text.len() > MOST) {
                break;
            }
            row(self, one);
            shown += 1;
        }
        if shown < all.len() {
            let rest = grouped((all.len() - shown) as u64);
            self.paragraph(&format!("and {rest} more; `--no-trunc` or `-o json` has them all"));
        }
    }

    fn sides(&mut self, report: &Report) {
        self.header(&["side", "where", "what was looked at"]);
        for side in seen(report) {
            self.row(&[side.side.to_owned(), code(side.place), text(&side.saw.unwrap_or_default())]);
        }
    }

    fn images(&mut self, report: &Report) {
        let images = report.images.verified();
        if images.is_empty() {
            return;
        }
        self.header(&["image", "is", "digest"]);
        let digits = self.digits;
        self.rows(images, |document, image| {
            let is = match image.verdict {
                Verdict::Coherent => "ok",
                Verdict::Incoherent | Verdict::Refused => "broken",
                Verdict::Incomplete => "unknown",
            };
            let digest = image.digest.map(|digest| code(&digits.digest(digest))).unwrap_or_default();
            document.row(&[code(&image.name), is.to_owned(), digest]);
        });
    }

    fn group(&mut self, group: &Group<'_>) {
        self.paragraph(&format!("## {}: {}", group.code, group.count()));
        let shared = group.message();
        self.paragraph(&text(shared.unwrap_or(group.code.meaning())));
        let with_images = group.findings.iter().any(|finding| !finding.affects.is_empty());
        let mut header = vec!["where"];
        header.extend(shared.is_none().then_some("what"));
        header.extend(with_images.then_some("breaks"));
        self.header(&header);
        self.rows(&group.findings, |document, finding: &&Finding| {
            let mut row = vec![code(&document.digits.subject(&finding.subject))];
            row.extend(shared.is_none().then(|| text(&finding.message)));
            row.extend(with_images.then(|| document.broken(&finding.affects)));
            document.row(&row);
        });
    }

    fn broken(&self, images: &[Image]) -> String {
        let most = if self.is_whole { usize::MAX } else { IMAGES };
        let mut named: Vec<_> =
            images.iter().take(most).map(|image| code(&self.digits.image(image))).collect();
        if images.len() > most {
            named.push(format!("{} more", grouped((images.len() - most) as u64)));
        }
        named.join(", ")
    }

    fn notes(&mut self, groups: &[Group<'_>]) {
        if groups.is_empty() {
            return;
        }
        self.paragraph("## Notes");
        self.paragraph("Normal leftovers.");
        self.header(&["code", "how many", "what"]);
        for group in groups {
            let count = grouped(group.findings.len() as u64);
            self.row(&[code(group.code.as_str()), count, text(group.code.meaning()) + &space(group.bytes())]);
        }
    }

    fn advice(&mut self, report: &Report) {
        let all = advice(report);
        if all.is_empty() {
            return;
        }
        self.paragraph("## What to do");
        for advice in all {
            self.paragraph(&format!("{}:\n", text(&advice.about)));
            for (is_other, cure) in advice.choices() {
                let or = if is_other { "or " } else { "" };
                let typed =
                    cure.typed.as_ref().map(|typed| format!("\\\n  {}", span(typed))).unwrap_or_default();
                self.line(&format!("- {or}{}{typed}", text(&cure.order())));
            }
        }
    }

    /// Lines as they are, in a fence that nothing in them closes.
    fn block(&mut self, heading: &str, lines: &str) {
        let lines: Vec<_> = lines.trim_matches('\n').lines().map(plain).collect();
        let lines = lines.join("\n");
        if lines.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run(&lines).max(2) + 1);
        self.paragraph(&format!("## {heading}"));
        self.paragraph(&format!("{fence}text\n{lines}\n{fence}"));
    }

    fn blind_spots(&mut self, report: &Report) {
        let unknown = &report.coverage.unknown;
        if !unknown.is_empty() {
            self.paragraph("## Could not be looked at");
            self.header(&["what", "why"]);
            self.rows(unknown, |document, unlooked| {
                document.row(&[code(&unlooked.what.to_string()), text(&unlooked.why.to_string())]);
            });
        }
        let limits = &report.coverage.limits.0;
        if !limits.is_empty() {
            self.paragraph("## Not seen");
            self.text.push('\n');
            self.rows(limits, |document, limit| document.line(&format!("- {}", text(&limit.to_string()))));
        }
    }
}

fn space(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" ({})", ByteSize(bytes)) }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A code span in a table, where a bar would end the cell.
fn code(text: &str) -> String {
    span(&text.replace('|', r"\u{7c}"))
}

/// A code span.
fn span(text: &str) -> String {
    let text = plain(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let is_bare = !text.is_empty() && !text.starts_with([' ', '`']) && !text.ends_with([' ', '`']);
    let pad = if is_bare { "" } else { " " };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A sentence: nothing in it is markup, a link, a mention or a reference to an issue.
fn text(text: &str) -> String {
    let text = plain(text);
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.trim().chars().peekable();
    while let Some(c) = rest.next() {
        let ends_number = matches!(c, '.' | ')') && safe.chars().all(|c| c.is_ascii_digit());
        let begins_link =
            c == ':' && rest.peek() == Some(&'/') || c == '.' && before.eq_ignore_ascii_case(&'w');
        if MARKUP.contains(c) || ends_number || begins_link || safe.is_empty() && c.is_ascii_punctuation() {
            safe.push('\\');
        }
        safe.push(c);
        if matches!(c, '@' | '#') {
            safe.push_str(APART);
        }
        before = c;
    }
    safe
}
