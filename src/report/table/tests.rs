//! The table as it looks: at 80 columns, with colour, whole, and with evidence.

use jiff::Timestamp;

use super::*;
use crate::domain::action::{Action, Need, Remedy};
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, State, Subject};
use crate::domain::limit::{Limit, Limits};
use crate::domain::observed::{Evidence, Side, Unlooked};
use crate::domain::report::{
    Coverage, Images, SCHEMA, ServedCoverage, StorageCoverage, Target, Tool, summarise,
};

fn digest(fill: u8) -> Digest {
    Digest::sha256([fill; 32])
}

fn linked(fill: u8) -> Subject {
    Subject::linked("team/app".parse().unwrap(), digest(fill))
}

fn phantom(fill: u8) -> Finding {
    let said = [
        (Side::Storage, "blobs/sha256/…/data", "not there (walk)"),
        (Side::Served, "HEAD http://127.0.0.1:5000/v2/team/app/blobs/…", "200 OK, Content-Length 3263"),
    ];
    let evidence = said.map(|(view, asked, said)| Evidence {
        view,
        asked: asked.to_owned().into(),
        said: said.into(),
        at: Timestamp::UNIX_EPOCH,
    });
    let message = "the daemon claims it, storage lacks it: a push skips it, a pull fails";
    Finding {
        evidence: evidence.into(),
        remedies: vec![
            Remedy::new(Action::UploadBlob, Some(Need::Bytes)),
            Remedy::new(Action::DeleteClaim, None),
        ],
        ..Finding::new(Code::PhantomBlob, linked(fill), message)
    }
}

fn findings() -> Vec<Finding> {
    let mut many: Vec<_> = (1..=12).map(phantom).collect();
    let image = |name: &str| name.parse().unwrap();
    many.push(Finding {
        affects: ["1", "2", "3", "4", "5"].map(|tag| image(&format!("team/app:{tag}"))).into(),
        remedies: [Action::Quarantine, Action::UploadBlob]
            .map(|action| Remedy::new(action, Some(Need::Bytes)))
            .into(),
        ..Finding::new(Code::EmptyBlob, Subject::data(digest(20)), "the stored file has no bytes")
    });
    for (fill, message) in
        [(30, "20 bytes are stored, 104 are described"), (31, "3 bytes are stored, 5 are described")]
    {
        many.push(Finding {
            affects: vec![image("team/app:1")],
            ..Finding::new(Code::TruncatedBlob, Subject::data(digest(fill)), message)
        });
    }
    many.push(Finding::new(
        Code::StrayFile,
        Subject::place("blobs/sha256/ab/junk".into()),
        "it is no digest",
    ));
    many.push(Finding::new(Code::DanglingLayerLink, linked(40), "a layer link without data"));
    many.push(Finding {
        bytes: Some(4_300_000),
        ..Finding::new(Code::OrphanBlob, Subject::data(digest(50)), "4300000 bytes that nobody needs")
    });
    many
}

fn report(findings: Vec<Finding>) -> Report {
    Report {
        schema: SCHEMA,
        tool: Tool::default(),
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        target: Target {
            storage: Some("/var/lib/registry/docker/registry/v2".into()),
            registry: Some("http://127.0.0.1:5000".into()),
            ..Target::default()
        },
        verdict: Verdict::Incoherent,
        exit_status: 1,
        fail_on: Severity::default(),
        coverage: Coverage {
            storage: Some(StorageCoverage {
                repositories: 1,
                tags: 5,
                manifests: 12_500,
                blobs: 50_000,
                bytes: 13_207_024_435,
                ..StorageCoverage::default()
            }),
            served: Some(ServedCoverage {
                requests: 25,
                tags: 0,
                manifests: 1,
                blobs: 12,
                ..ServedCoverage::default()
            }),
            limits: Limits(vec![Limit::ContentUnhashed]),
            ..Coverage::default()
        },
        refusal: None,
        images: Images::default(),
        plan: None,
        outcomes: None,
        proof: None,
        summary: summarise(&findings),
        findings,
    }
}

fn fits(text: &str) {
    let too_long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(too_long, Vec::<&str>::new());
}

#[test]
fn a_table_fits_80_columns() {
    let text = draw(&report(findings()), Drawing::default());
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_table_fits_40_columns() {
    let narrow = Drawing { width: 40, ..Drawing::default() };
    let text = draw(&report(findings()), narrow);
    let is_whole =
        |line: &&str| line.trim_start().starts_with("regfsck") || line.split_whitespace().count() <= 2;
    let too_long: Vec<_> = text.lines().filter(|line| line.chars().count() > 40 && !is_whole(line)).collect();
    assert_eq!(too_long, Vec::<&str>::new());
    insta::assert_snapshot!(text);
}

#[test]
fn a_table_has_colours() {
    let text = draw(&report(findings()), Drawing { colour: true, ..Drawing::default() });
    insta::assert_snapshot!(text.replace('\u{1b}', "^"));
}

#[test]
fn nothing_is_cut_where_that_is_asked_for() {
    let text = draw(&report(findings()), Drawing { no_trunc: true, ..Drawing::default() });
    insta::assert_snapshot!(text);
}

#[test]
fn evidence_stands_below_each_finding() {
    let text = draw(&report(findings()), Drawing { evidence: true, ..Drawing::default() });
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_healthy_registry_takes_few_lines() {
    let mut report = report(Vec::new());
    report.verdict = Verdict::Coherent;
    insta::assert_snapshot!(draw(&report, Drawing::default()));
}

#[test]
fn what_could_not_be_looked_at_and_what_was_repaired_is_said() {
    let mut repaired = phantom(1);
    repaired.state = State::Repaired;
    let mut failed = phantom(2);
    failed.state = State::Failed;
    let mut unknown = phantom(3);
    unknown.state = State::Unknown;
    let mut report = report(vec![repaired, failed, unknown]);
    report.verdict = Verdict::Incomplete;
    let why = "it is a symbolic link, and those below the storage root are not followed (--follow-symlinks reads them)";
    report.coverage.unknown =
        vec![Unlooked::new("/var/lib/registry/docker/registry/v2/blobs/x".to_owned(), why)];
    let text = draw(&report, Drawing::default());
    fits(&text);
    insta::assert_snapshot!(text);
    report.verdict = Verdict::Refused;
    report.findings.clear();
    report.coverage.unknown.clear();
    report.refusal = Some("these views are not of the same registry".into());
    insta::assert_snapshot!(draw(&report, Drawing::default()));
}
