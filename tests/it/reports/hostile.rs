//! Reports of which every text that others can choose tries to be something else.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use regfsck::domain::action::{Action, Need, Remedy};
use regfsck::domain::code::{Code, Severity};
use regfsck::domain::coverage::StorageCoverage;
use regfsck::domain::finding::{Finding, State, Subject};
use regfsck::domain::limit::{Limit, Limits};
use regfsck::domain::observed::{Evidence, Reason, Side, Thing, Unlooked};
use regfsck::domain::report::{Coverage, Report, Target, summarise};
use regfsck::domain::verdict::conclude;

/// Pieces of such texts: what ends, begins or escapes something in one of the forms, hides, or turns round.
const PIECES: &[&str] = &[
    "<script>alert(1)</script>",
    "</script>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
    "&amp;",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "%0A",
    "%",
    "::error::",
    "##[error]",
    "\n",
    "\r\n",
    "\n::error::",
    "|",
    "`",
    "```",
    "\\",
    "*",
    "_",
    "[a](javascript:b)",
    "![a](http://other.example/x.png)",
    "@somebody",
    "#1",
    "http://other.example/",
    "www.other.example",
    "\u{202e}",
    "\u{200b}",
    "\u{2028}",
    "\0",
    "\u{1}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1f600}",
    "ä",
    "~~",
    "# ",
    "- ",
    "    ",
    "---",
    "a/b",
    "=",
    ",",
    ":",
    ";",
    "{{x}}",
    "${x}",
];

/// Such a text.
pub(super) fn text() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![3 => select(PIECES).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// A finding whose texts are these.
fn finding(code: Code, severity: Severity, state: State, texts: &[String; 4]) -> Finding {
    let [path, message, asked, said] = texts;
    let asked = Thing::from(asked.clone());
    Finding {
        severity,
        state,
        evidence: vec![Evidence { view: Side::Served, asked, said: said.clone(), at: Timestamp::UNIX_EPOCH }],
        affects: vec![
            "team/app:1.0".parse().unwrap(),
            format!("a@sha256:{}", "0".repeat(64)).parse().unwrap(),
        ],
        remedies: vec![
            Remedy::new(Action::UploadBlob, Some(Need::Bytes)),
            Remedy::new(Action::Restart, None),
        ],
        bytes: Some(7),
        ..Finding::new(code, Subject::place(path.clone().into()), message)
    }
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let severity = select(&[Severity::Error, Severity::Warning, Severity::Note][..]);
    let state = select(&[State::Open, State::Repaired, State::Failed][..]);
    let texts = [text(), text(), text(), text()];
    let one = (select(Code::ALL), severity, state, texts);
    vec(one.prop_map(|(code, severity, state, texts)| finding(code, severity, state, &texts)), 0..5)
}

/// A report whose texts are such.
pub(super) fn report() -> impl Strategy<Value = Report> {
    let unknown = vec((text(), text()), 0..3);
    let refusal = prop_oneof![4 => Just(None), 1 => text().prop_map(Some)];
    let fail_on = select(&[Severity::Error, Severity::Warning, Severity::Note][..]);
    (findings(), unknown, refusal, [text(), text(), text()], fail_on).prop_map(
        |(findings, unknown, refusal, texts, fail_on)| {
            let [storage, registry, limit] = texts;
            let target = Target {
                flags: vec!["--storage".into(), storage.clone()],
                storage: Some(storage),
                registry: Some(registry),
                ..Target::default()
            };
            let unlooked =
                |(what, why): (String, String)| Unlooked { what: Thing::from(what), why: Reason::from(why) };
            let coverage = Coverage {
                storage: Some(StorageCoverage { tags: 5, ..StorageCoverage::default() }),
                unknown: unknown.into_iter().map(unlooked).collect(),
                limits: Limits(vec![Limit::Other { text: limit }]),
                ..Coverage::default()
            };
            let mut report = Report {
                refusal,
                coverage,
                summary: summarise(&findings),
                findings,
                ..Report::empty(target, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
            };
            report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
            conclude(&mut report, fail_on);
            report
        },
    )
}

/// Whether a reader sees nothing that hides or turns round what it reads.
pub(super) fn is_plain(text: &str) -> bool {
    let hides = |c: char| {
        c.is_control() && c != '\n' || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    !text.contains(hides)
}
