//! `regfsck check` as a user runs it: the built program, a target, what it prints and its exit status.

mod bad_input;
mod damage;
mod deleters;
mod incident;
mod links;
mod one_side;
mod planted;
mod quiet;
pub(crate) mod recipes;
mod same_registry;
mod sizes;
mod writers;

use regfsck::domain::code::Code;
use regfsck::domain::finding::Finding;
use regfsck::domain::report::Report;

use crate::support::daemon::Daemon;
use crate::support::regfsck::run;

/// Runs a check with `-o json`, and reads what it says. The status is the one in the report.
pub(crate) fn check<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Report {
    let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
    let ran = run(["check".into(), "-o".into(), "json".into()].into_iter().chain(arguments));
    let report = ran.report();
    // Where a repair put bad files away, it says so.
    let is_kept = |line: &&str| line.starts_with("kept in ") || line.starts_with("  regfsck undo ");
    let said: Vec<_> = ran.stderr.lines().filter(|line| !is_kept(line)).collect();
    assert_eq!((i32::from(report.exit_status), said), (ran.status, Vec::new()));
    report
}

/// Checks a daemon by its own configuration.
pub(crate) fn check_daemon(daemon: &Daemon, more: &[&str]) -> Report {
    let config = daemon.config_path();
    check(["--config", config.to_str().unwrap()].iter().chain(more))
}

/// A finding as the tests compare it: code, then `repository`, `:tag`, `@digest`, and what it breaks.
pub(crate) fn line(finding: &Finding) -> String {
    let subject = &finding.subject;
    let repository = subject.repository.as_ref().map(ToString::to_string).unwrap_or_default();
    let tag = subject.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = subject.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
    let path = subject.place.as_ref().filter(|_| digest.is_empty());
    let path = path.map(|path| format!(" {path}")).unwrap_or_default();
    let images: Vec<_> = finding.affects.iter().map(ToString::to_string).collect();
    let breaks = if images.is_empty() { String::new() } else { format!(" breaks {}", images.join(" ")) };
    format!("{} {repository}{tag}{digest}{path}{breaks}", finding.code)
}

/// All of them.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    report.findings.iter().map(line).collect()
}

/// Those of a code.
pub(crate) fn of(report: &Report, code: Code) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.code == code).collect()
}
