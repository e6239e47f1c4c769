//! `-o github`, beside what GitHub's own library writes.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use regfsck::report::format::Format;

use super::hostile::{self, is_plain};
use super::{check, damaged, fetched, written};
use crate::support::program::find;
use crate::support::regfsck::command;

/// Level, title and message of a command, as the runner takes it apart.
fn read(line: &str) -> (String, String, String) {
    let (head, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
    let (level, properties) = head.split_once(' ').unwrap();
    let title = properties.strip_prefix("title=").unwrap();
    assert!(!title.contains([':', ',']), "{line}");
    let message = message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let title = title
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%3A", ":")
        .replace("%2C", ",")
        .replace("%25", "%");
    (level.to_owned(), title, message)
}

#[test]
fn each_code_is_an_annotation_and_the_summary_is_appended() {
    let (root, folder) = (damaged(), tempfile::tempdir().unwrap());
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "# Another step\n").unwrap();
    let run = |summary: &std::path::Path| -> crate::support::regfsck::Ended {
        let arguments = check(root.path()).into_iter().chain(["-o".into(), "github".into()]);
        command(arguments).env("GITHUB_STEP_SUMMARY", summary).output().unwrap().into()
    };
    let ended = run(&summary);
    assert_eq!(ended.status, 1, "{ended:?}");
    let told: Vec<_> = ended.stdout.lines().map(read).collect();
    let told: Vec<_> = told.iter().map(|(level, title, _)| (level.as_str(), title.as_str())).collect();
    assert_eq!(
        told[..3],
        [("error", "regfsck"), ("error", "missing-blob (1 error)"), ("warning", "stray-file (1 warning)")]
    );
    let message = read(ended.stdout.lines().nth(1).unwrap()).2;
    assert!(message.ends_with(", breaks team/app:1.0"), "{message}");
    let written = fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("# Another step\n\n# regfsck: 1 error, 1 warning"), "{written}");
    let ended = run(&folder.path().join("no/summary.md"));
    assert_eq!((ended.status, ended.stdout.lines().count() >= 3), (2, true), "{ended:?}");
    assert!(ended.stderr.contains("cannot append the summary to `"), "{ended:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_becomes_a_command(report in hostile::report()) {
        let text = written(Format::Github, &report);
        prop_assert!(is_plain(&text));
        let all: Vec<_> = text.lines().map(read).collect();
        prop_assert!(all.iter().all(|(level, ..)| ["error", "warning", "notice"].contains(&level.as_str())));
        let codes: std::collections::BTreeSet<_> =
            report.findings.iter().map(|one| (one.code, one.severity.as_str(), format!("{:?}", one.state))).collect();
        let unknown = usize::from(!report.coverage.unknown.is_empty());
        prop_assert_eq!(all.len(), 1 + unknown + codes.len());
        prop_assert_eq!(all[0].0 == "error", report.exit_status != 0);
    }
}

/// The library that GitHub wrote for actions writes the very same commands for the same titles and messages.
#[test]
fn github_writes_the_same() {
    let (Some(node), Some(library)) =
        (find("node"), fetched("actions/lib/command.js", "github_writes_the_same"))
    else {
        return;
    };
    let (mut runner, mut ours) = (TestRunner::deterministic(), String::new());
    for _ in 0..60 {
        let report = hostile::report().new_tree(&mut runner).unwrap().current();
        let _ = write!(ours, "{}", written(Format::Github, &report));
    }
    let read: Vec<_> = ours.lines().map(read).collect();
    let program = format!(
        "import {{ issueCommand }} from 'file://{}';
         for (const [level, title, message] of {}) issueCommand(level, {{ title }}, message);",
        library.display(),
        serde_json::to_string(&read).unwrap()
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.mjs");
    fs::write(&file, program).unwrap();
    let said = Command::new(node).arg(file).stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8(said.stdout).unwrap(), ours);
}
