//! Ctrl-C: once for a partial report, twice for an end at once.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::repair::Regfsck;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::regfsck::{command, end};
use crate::support::stub::{Act, Stub};
use regfsck::domain::report::Verdict;

fn send(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
}

/// A registry with two repositories that never says what is in the second.
async fn stuck() -> Stub {
    Stub::start(|_, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            "/v2/" => Act::json("200 OK", "{}"),
            "/v2/_catalog" => Act::json("200 OK", r#"{"repositories":["a","b"]}"#),
            "/v2/a/tags/list" => Act::json("200 OK", r#"{"name":"a","tags":["1"]}"#),
            "/v2/a/manifests/1" => Act::json(
                "404 Not Found",
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":{"Name":"a","Revision":"x"}}]}"#,
            ),
            _ => Act::Sleep(Duration::from_secs(60)),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_check_reports_what_it_saw_and_that_it_is_not_all() {
    for signal in [Signal::INT, Signal::TERM] {
        let stub = stuck().await;
        let url = stub.url();
        let ended = tokio::task::spawn_blocking(move || {
            let child = command(["check", "--registry", &url, "-o", "json"]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(1500));
            let start = Instant::now();
            send(&child, signal);
            let ended = end(child);
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
            ended
        });
        let ended = ended.await.unwrap();
        let report = ended.report();
        assert_eq!((ended.status, report.verdict), (3, Verdict::Incomplete), "{}", ended.stdout);
        let unknown: Vec<_> =
            report.coverage.unknown.iter().map(|unlooked| unlooked.why.to_string()).collect();
        let why = ["interrupted: the rest was not asked", "interrupted before everything was looked at"];
        assert_eq!(unknown, why, "{}", ended.stdout);
        let says = "stopping; what was seen so far is reported. A second time ends at once.\n";
        assert_eq!(ended.stderr, says);
    }
}

#[test]
fn a_second_ctrl_c_ends_what_cannot_stop() {
    // Nobody writes the list of images.
    let mut child = command(["verify", "--images", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    std::thread::sleep(Duration::from_millis(700));
    send(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(300));
    send(&child, Signal::INT);
    assert_eq!(end(child).status, 130);
    drop(stdin);
}

/// The daemon stands still from then on, and a guard waits for its answers.
#[test]
fn what_comes_after_a_guarded_collection_can_be_ended() {
    let real = Kind::all().into_iter().find(|kind| matches!(kind, Kind::Real(_)));
    let Some(daemon @ Daemon::Real(_)) = real.map(|kind| kind.start(&Settings::default())) else { return };
    for signal in [Signal::INT, Signal::TERM] {
        let regfsck = Regfsck::on(&daemon);
        let daemon_is =
            |signal| kill_process(Pid::from_raw(daemon.pid().unwrap().cast_signed()).unwrap(), signal);
        let is_over = regfsck.file("over");
        let script = format!("kill -STOP {}; touch {}", daemon.pid().unwrap(), is_over.display());
        let arguments = ["--gc-version", "2", "--report-only", "--", "sh", "-c", &script];
        let mut guard = regfsck.command("guard", &arguments).stdout(Stdio::null()).spawn().unwrap();
        let status = loop {
            if let Some(status) = guard.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(50));
            if is_over.exists() {
                send(&guard, signal);
            }
        };
        daemon_is(Signal::CONT).unwrap();
        assert!(is_over.exists());
        assert_eq!(status.signal(), Some(9), "{status}");
    }
}
