//! `-o prometheus`, as Prometheus reads it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{check, damaged};
use crate::support::program::find;
use crate::support::regfsck::run;

#[test]
fn promtool_has_nothing_to_say_against_the_metrics() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "prometheus".into()]));
    let target = format!("target=\"{}", root.path().display());
    for sample in [
        "code=\"missing-blob\",severity=\"error\"} 1\n",
        "code=\"phantom-blob\",severity=\"error\"} 0\n",
        "verdict=\"incoherent\"} 1\n",
    ] {
        assert!(ended.stdout.contains(sample), "{sample}: {ended:?}");
    }
    let samples = ended.stdout.lines().filter(|line| !line.starts_with('#'));
    assert!(samples.clone().all(|line| line.contains(&target)), "{ended:?}");
    let Some(promtool) = find("promtool") else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(ended.stdout.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}
