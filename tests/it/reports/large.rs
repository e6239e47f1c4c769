//! Reports made for their size and their looks.

use jiff::Timestamp;
use regfsck::domain::action::{Action, Need, Remedy};
use regfsck::domain::code::{Code, Severity};
use regfsck::domain::coverage::{ServedCoverage, StorageCoverage};
use regfsck::domain::digest::Digest;
use regfsck::domain::finding::{Finding, State, Subject};
use regfsck::domain::layout::Place;
use regfsck::domain::limit::{Limit, Limits};
use regfsck::domain::observed::{Evidence, Side, Thing, Unlooked};
use regfsck::domain::report::{Coverage, Report, Target, summarise};
use regfsck::domain::verdict::conclude;

fn digest(number: u32) -> Digest {
    format!("sha256:{}", format!("{number:08x}").repeat(8)).parse().unwrap()
}

/// The phantom of that number: in one of ten repositories, breaking up to three images.
fn phantom(number: u32) -> Finding {
    let names = [
        "base/alpine",
        "ops/agent",
        "team/api",
        "team/app",
        "team/batch-jobs",
        "web/front",
        "web/shop",
        "x/y/z/deep",
        "ml/training",
        "ml/serve",
    ];
    let repository = names[number as usize % names.len()];
    let evidence = [
        (Side::Storage, Thing::from(Place::Data(digest(number))), "absent"),
        (
            Side::Served,
            Thing::from(format!("HEAD http://127.0.0.1:5000/v2/{repository}/blobs/{}", digest(number))),
            "200, 32,654 bytes",
        ),
    ];
    let evidence = evidence.map(|(view, asked, said)| Evidence {
        view,
        asked,
        said: said.into(),
        at: Timestamp::UNIX_EPOCH,
    });
    Finding {
        evidence: evidence.into(),
        affects: (0..number % 4)
            .map(|tag| format!("{repository}:1.{number}.{tag}").parse().unwrap())
            .collect(),
        remedies: vec![
            Remedy::new(Action::UploadBlob, Some(Need::Bytes)),
            Remedy::new(Action::Restart, Some(Need::Service)),
        ],
        ..Finding::new(
            Code::PhantomBlob,
            Subject::linked(repository.parse().unwrap(), digest(number)),
            "the daemon claims it, storage lacks it: a push skips it, a pull fails",
        )
    }
}

fn of(findings: Vec<Finding>) -> Report {
    let target = Target {
        storage: Some("/var/lib/registry/docker/registry/v2".into()),
        registry: Some("https://registry.example:5000".into()),
        flags: vec!["--config".into(), "/etc/docker/registry/config.yml".into()],
        ..Target::default()
    };
    let started: Timestamp = "2026-03-01T03:00:00Z".parse().unwrap();
    let finished: Timestamp = "2026-03-01T03:00:41.5Z".parse().unwrap();
    let mut report = Report {
        coverage: Coverage {
            storage: Some(StorageCoverage {
                repositories: 10,
                tags: 1200,
                manifests: 1900,
                blobs: 84_000,
                bytes: 713_207_024_435,
                ..StorageCoverage::default()
            }),
            served: Some(ServedCoverage {
                requests: 96,
                blobs: 40,
                manifests: 3,
                ..ServedCoverage::default()
            }),
            limits: Limits(vec![Limit::ContentUnhashed]),
            ..Coverage::default()
        },
        summary: summarise(&findings),
        findings,
        ..Report::empty(target, started, finished)
    };
    report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    conclude(&mut report, Severity::default());
    report
}

/// So many findings of one code.
pub(super) fn large(count: u32) -> Report {
    of((0..count).map(phantom).collect())
}

/// A bit of everything: 43 findings, 40 of them errors of one code.
pub(super) fn showy() -> Report {
    let mut findings: Vec<_> = (0..40).map(phantom).collect();
    findings.push(Finding {
        bytes: Some(4_300_000),
        ..Finding::new(Code::OrphanBlob, Subject::data(digest(50)), "4300000 bytes that nobody needs")
    });
    for (number, state) in [(60, State::Repaired), (61, State::Open)] {
        findings.push(Finding {
            state,
            severity: Severity::Warning,
            affects: vec!["team/app:1.0".parse().unwrap()],
            ..Finding::new(
                Code::TruncatedBlob,
                Subject::data(digest(number)),
                "20 bytes are stored, 104 are described",
            )
        });
    }
    let mut report = of(findings);
    let why = "it is a symbolic link, and those below the storage root are not followed";
    report.coverage.unknown = vec![Unlooked::new("blobs/sha256/ab".to_owned(), why)];
    conclude(&mut report, Severity::default());
    report
}
