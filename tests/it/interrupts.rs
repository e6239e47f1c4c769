//! Ctrl-C: once for a partial report, twice for an end at once.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::repair::Regfsck;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::regfsck::{command, end};
use crate::support::stub::{Act, Stub};
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::guard::{Guarded, Stage};
use regfsck::domain::report::Verdict;

fn send(child: &Child, signal: Signal) {
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

/// A guarded collection that is this script, once it is over.
fn guarded(regfsck: &Regfsck, script: &str) -> Child {
    let is_over = regfsck.file("over");
    let script = format!("{script}\necho $$ >{}", is_over.display());
    let arguments = ["--gc-version", "2", "--report-only", "--", "sh", "-c", &script];
    let mut command = regfsck.command("guard", &arguments);
    let guard = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = loop {
        if let Some(pid) = fs::read_to_string(&is_over).ok().and_then(|text| text.trim().parse::<u32>().ok())
        {
            break pid;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    while Path::new(&format!("/proc/{pid}")).exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    guard
}

/// The daemon stands still from then on, and a guard waits for its answers.
#[test]
fn a_guard_that_is_interrupted_after_its_collection_reports_what_it_saw() {
    let real = Kind::all().into_iter().find(|kind| matches!(kind, Kind::Real(_)));
    let Some(daemon @ Daemon::Real(_)) = real.map(|kind| kind.start(&Settings::default())) else { return };
    let image = Image::two_layers("interrupted").unwrap();
    daemon.raw().push_image("team/app", "1", &image);
    for signal in [Signal::INT, Signal::TERM] {
        let regfsck = Regfsck::on(&daemon);
        let guard = guarded(&regfsck, &format!("kill -STOP {}", daemon.pid().unwrap()));
        let start = Instant::now();
        send(&guard, signal);
        let ended = end(guard);
        kill_process(Pid::from_raw(daemon.pid().unwrap().cast_signed()).unwrap(), Signal::CONT).unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let guarded: Guarded = serde_json::from_str(&ended.stdout).unwrap();
        let report = guarded.report.unwrap();
        assert_eq!(
            (ended.status, guarded.failed, report.verdict),
            (3, Some(Stage::Check), Verdict::Incomplete)
        );
        let why = report.coverage.unknown.iter().map(|unlooked| unlooked.why.to_string());
        assert!(why.into_iter().any(|why| why == "interrupted before everything was looked at"));
        let says = "stopping; what was seen so far is reported. A second time ends at once.\n";
        assert!(ended.stderr.ends_with(says), "{}", ended.stderr);
    }
}

/// What garbage collection started keeps its output open.
#[test]
fn a_second_signal_ends_a_guard_after_its_collection() {
    let daemon = Kind::all()[0].start(&Settings::default());
    for signal in [Signal::INT, Signal::TERM] {
        let regfsck = Regfsck::on(&daemon);
        let mut guard = guarded(&regfsck, "sleep 20 &");
        for _ in 0..2 {
            send(&guard, signal);
            std::thread::sleep(Duration::from_millis(300));
        }
        // Others hold its output.
        let start = Instant::now();
        let status = guard.wait().unwrap().code();
        assert_eq!((status, start.elapsed() < Duration::from_secs(5)), (Some(130), true));
    }
}
