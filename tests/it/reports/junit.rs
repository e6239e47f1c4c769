//! `-o junit`, as nextest's own reader and Jenkins's schema see it.

use std::process::{Command, Stdio};

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};
use regfsck::domain::report::Report;
use regfsck::report::format::Format;

use super::hostile::{self, is_plain};
use super::{check, damaged, fetched, written};
use crate::support::program::find;
use crate::support::regfsck::run;
use crate::support::tree::Tree;

fn read(xml: &str) -> quick_junit::Report {
    quick_junit::Report::deserialize_from_str(xml).unwrap_or_else(|error| panic!("{error}: {xml}"))
}

fn cases(report: &quick_junit::Report) -> Vec<(String, &TestCase)> {
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    cases.map(|case| (case.classname.as_ref().unwrap().as_str().to_owned(), case)).collect()
}

/// How it ended: its element, if it has one.
fn ending(case: &TestCase) -> &'static str {
    match &case.status {
        TestCaseStatus::Success { .. } => "passed",
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "failure",
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
        TestCaseStatus::Skipped { .. } => "skipped",
    }
}

#[test]
fn each_finding_is_a_test_that_failed() {
    let (root, fine) = (damaged(), tempfile::tempdir().unwrap());
    Tree::new(fine.path()).image("team/app", Some("1.0"), "a");
    let junit = |root: &std::path::Path| run(check(root).into_iter().chain(["-o".into(), "junit".into()]));
    let ended = junit(root.path());
    assert_eq!(ended.status, 1, "{ended:?}");
    let report = read(&ended.stdout);
    let told: Vec<_> = cases(&report).into_iter().map(|(class, case)| (class, ending(case))).collect();
    let told: Vec<_> = told.iter().map(|(class, ending)| (class.as_str(), *ending)).collect();
    let expected = [
        ("regfsck.run", "failure"),
        ("regfsck.missing-blob", "failure"),
        ("regfsck.stray-file", "skipped"),
        ("regfsck.orphan-blob", "skipped"),
    ];
    assert_eq!(
        told,
        expected.into_iter().filter(|(class, _)| ended.stdout.contains(class)).collect::<Vec<_>>()
    );
    assert!(told.contains(&expected[1]) && told.contains(&expected[2]), "{told:?}");
    assert!(ended.stdout.contains("breaks team/app:1.0\n"), "{}", ended.stdout);
    let ended = junit(fine.path());
    let report = read(&ended.stdout);
    assert_eq!((ended.status, report.tests, report.failures, report.errors), (0, 1, 0, 0), "{ended:?}");
}

#[test]
fn an_image_that_was_verified_is_a_test() {
    let ended =
        run(["verify", "127.0.0.1:1/team/app:1.0", "--plain-http", "--retry-times", "0", "-o", "junit"]);
    let report = read(&ended.stdout);
    let images: Vec<_> = cases(&report).into_iter().filter(|(class, _)| class == "regfsck.image").collect();
    let told: Vec<_> = images.iter().map(|(_, case)| (case.name.as_str().to_owned(), ending(case))).collect();
    assert_eq!(
        (ended.status, told),
        (3, vec![("127.0.0.1:1/team/app:1.0".to_owned(), "error")]),
        "{ended:?}"
    );
}

fn holds(report: &Report) -> Result<(), proptest::test_runner::TestCaseError> {
    let xml = written(Format::Junit, report);
    prop_assert!(is_plain(&xml), "{xml}");
    let read = read(&xml);
    let cases = cases(&read);
    let all = 1 + report.findings.len() + report.coverage.unknown.len();
    prop_assert_eq!((read.tests, cases.len()), (all, all));
    let count = |wanted: &str| cases.iter().filter(|(_, case)| ending(case) == wanted).count();
    prop_assert_eq!((read.failures, read.errors), (count("failure"), count("error")));
    prop_assert_eq!(read.failures + read.errors == 0, report.exit_status == 0, "{}", xml);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_becomes_markup_in_junit_and_what_fails_is_the_exit_status(report in hostile::report()) {
        holds(&report)?;
    }
}

#[test]
fn junit_is_what_jenkins_s_schema_allows() {
    let name = "junit_is_what_jenkins_s_schema_allows";
    let (Some(xmllint), Some(schema)) =
        (find("xmllint"), fetched("junit/test/resources/jenkins-junit.xsd", name))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let files: Vec<_> = (0..60)
        .map(|number| {
            let report = hostile::report().new_tree(&mut runner).unwrap().current();
            let file = folder.path().join(format!("{number}.xml"));
            std::fs::write(&file, written(Format::Junit, &report)).unwrap();
            file
        })
        .collect();
    let mut command = Command::new(xmllint);
    command.args(["--noout", "--nonet", "--schema"]).arg(schema).args(files).stdin(Stdio::null());
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
