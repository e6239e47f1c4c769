//! `-o markdown`, as GitHub's dialect is parsed.

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use regfsck::domain::code::Severity;
use regfsck::domain::finding::{Finding, State};
use regfsck::report::format::Format;

use super::hostile::{self, is_plain};
use super::large::{large, showy};
use super::written;

/// What a document holds.
#[derive(Debug, Default)]
struct Parsed {
    headings: usize,
    rows: usize,
    spans: Vec<String>,
    blocks: Vec<String>,
    strange: Vec<String>,
}

fn parse(text: &str) -> Parsed {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.math_dollars = true;
    let (arena, mut parsed) = (Arena::new(), Parsed::default());
    for node in parse_document(&arena, text, &options).descendants() {
        match &node.data.borrow().value {
            NodeValue::Heading(_) => parsed.headings += 1,
            NodeValue::TableRow(false) => parsed.rows += 1,
            NodeValue::Code(code) => parsed.spans.push(code.literal.clone()),
            NodeValue::CodeBlock(block) => parsed.blocks.push(block.literal.clone()),
            NodeValue::HtmlInline(html) if html == "<!-- -->" => {}
            NodeValue::Document
            | NodeValue::Paragraph
            | NodeValue::Table(_)
            | NodeValue::TableRow(true)
            | NodeValue::TableCell
            | NodeValue::List(_)
            | NodeValue::Item(_)
            | NodeValue::LineBreak
            | NodeValue::Text(_) => {}
            other => parsed.strange.push(format!("{other:?}")),
        }
    }
    parsed
}

#[test]
fn it_reads_as_it_is_shown() {
    insta::assert_snapshot!(written(Format::Markdown, &showy()));
}

#[test]
fn it_fits_into_a_comment() {
    let text = written(Format::Markdown, &large(100_000));
    assert!(text.len() < 65_536 && text.contains("and 99,980 more"), "{}", text.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_becomes_markup_in_markdown(report in hostile::report()) {
        let text = written(Format::Markdown, &report);
        prop_assert!(is_plain(&text));
        let parsed = parse(&text);
        prop_assert!(parsed.strange.is_empty(), "{:?}\n{text}", parsed.strange);
        // Each place is there as it is, but for what hides and what ends a cell.
        let is_loud = |one: &&Finding| one.severity != Severity::Note || one.state != State::Open;
        let loud = report.findings.iter().filter(is_loud);
        for finding in loud {
            let path = finding.subject.place.as_ref().unwrap().to_string();
            if path.chars().all(|c| c.is_ascii_graphic() && c != '|') {
                prop_assert!(parsed.spans.contains(&path), "{path}\n{text}");
            }
        }
        let rest = parsed.spans.iter().filter(|span| *span == "team/app:1.0").count();
        prop_assert_eq!(rest > 0, text.contains("`team/app:1.0`"));
        prop_assert!(parsed.blocks.len() <= 2 && parsed.headings >= 2 && parsed.rows >= 2, "{parsed:?}\n{text}");
    }
}
