//! What real registries tell of pushes, and what comes of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::doctor::{self, diagnose};
use rustix::process::Signal;
use tempfile::TempDir;

use super::running::Watching;
use super::served::{TOKEN, token_file};
use super::{PLAIN, text};
use crate::support::program::{Running, find, free_port, until};
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::settings::Settings;

/// A registry that tells a watch, the watch, and how to ask it.
pub(super) struct Told {
    pub(super) registry: RealRegistry,
    watching: Watching,
    pub(super) port: u16,
    state: TempDir,
}

/// What doctor tells to add to a registry's configuration.
fn section(port: u16) -> String {
    let hints = diagnose(&doctor::Settings { notifies: Some(false), ..doctor::Settings::default() });
    let section = hints.into_iter().find_map(|hint| hint.section).unwrap();
    section.replace("9714", &port.to_string()).replace("TOKEN", TOKEN)
}

pub(super) fn start() -> Option<Told> {
    start_on(|_| ())
}

/// The same with something in the registry before it is watched.
pub(super) fn start_on(prepare: impl FnOnce(&RealRegistry)) -> Option<Told> {
    let (port, state) = (free_port(), TempDir::new().unwrap());
    let registry = RealRegistry::start(&Settings { top: section(port), ..Settings::default() })?;
    prepare(&registry);
    let watching = watch(&registry, port, state.path());
    Some(Told { registry, watching, port, state })
}

fn begin(registry: &RealRegistry, port: u16, state: &Path) -> Watching {
    let (config, token) = (text(&registry.config_path()), text(&token_file(state)));
    let listen = format!("127.0.0.1:{port}");
    let words = ["--config", &config, "--listen", &listen, "--token-file", &token];
    Watching::start(state, &[&words, &PLAIN[..]].concat())
}

/// The same, when its first check is through.
fn watch(registry: &RealRegistry, port: u16, state: &Path) -> Watching {
    let watching = begin(registry, port, state);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !watching.said().contains("checked: ") {
        assert!(Instant::now() < deadline, "no check: {}", watching.said());
        std::thread::sleep(Duration::from_millis(10));
    }
    watching
}

impl Told {
    pub(super) fn raw(&self) -> Raw {
        Raw::new(&self.registry.url())
    }

    pub(super) fn ask(&self, path: &str) -> String {
        let raw = Raw::new(&format!("http://127.0.0.1:{}", self.port));
        let bearer = format!("Bearer {TOKEN}");
        let answer = raw.send("GET", path, &[("Authorization", &bearer)], b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        String::from_utf8(answer.body).unwrap()
    }

    /// Send it a notification; how that is answered.
    fn post(&self, kind: &str, body: &[u8]) -> (u16, String) {
        let raw = Raw::new(&format!("http://127.0.0.1:{}", self.port));
        let headers = [("Content-Type", kind), ("Authorization", &format!("Bearer {TOKEN}"))];
        let answer = raw.send("POST", "/events", &headers, body);
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Tell it of a push under the tag `1`, as Harbor does.
    pub(super) fn tell(&self, repository: &str, image: &Image) {
        let told = format!(
            r#"{{"type":"PUSH_ARTIFACT","event_data":{{"resources":[{{"digest":"{}","tag":"1"}}],"repository":{{"repo_full_name":"{repository}"}}}}}}"#,
            image.manifest.digest
        );
        assert_eq!(self.post("application/json; charset=utf-8", told.as_bytes()).0, 202);
    }

    /// The value of a metric.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let text = self.ask("/metrics");
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.watching.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

#[test]
fn a_push_into_a_stale_registry_is_named_within_seconds() {
    on_every_registry(|| {
        let Some(told) = start() else { return };
        let (raw, image) = (told.raw(), Image::two_layers("app").unwrap());
        raw.push_image("team/app", "1", &image);
        until("it is verified", || told.metric("regfsck_watch_pushes_verified_total") >= 1.0);
        assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
        let digest = image.manifest.digest.to_string();
        assert_eq!(raw.delete(&manifest_path("team/app", &digest)).status, 202);
        assert_eq!(told.registry.garbage_collect(true, false).status, 0);
        // It ends well, and nothing is written.
        let pushed = Instant::now();
        let (_, put) = raw.push_image("team/app", "1", &image);
        assert_eq!(put.status, 201);
        let line = "broken push: team/app:1 was pushed and cannot be pulled: ";
        until("it is named", || told.watching.said().contains(line));
        let took = pushed.elapsed();
        eprintln!("named after {took:?} by {}", told.registry.program.version);
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!((told.metric("regfsck_watch_pushes_broken") - 1.0).abs() < 0.1);
        assert!(told.ask("/").contains("<strong>team/app:1</strong>"));
        // What is deleted is no broken push any more, and asked about from now on.
        assert_eq!(raw.heal("team/app", "1", &image).last(), Some(&201));
        assert_eq!(raw.delete(&manifest_path("team/app", &digest)).status, 202);
        until("it is forgotten", || told.metric("regfsck_watch_pushes_broken") < 0.1);
        assert!(told.metric("regfsck_watch_leads") >= 1.0);
        assert_eq!(told.watching.end(Signal::TERM).status, 0);
    });
}

#[test]
fn an_image_that_is_deleted_right_after_its_push_is_no_alarm() {
    on_every_registry(|| {
        let Some(told) = start() else { return };
        let raw = told.raw();
        for round in 0..20 {
            let image = Image::two_layers(&format!("short {round}")).unwrap();
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            assert_eq!(
                raw.delete(&manifest_path("team/app", &image.manifest.digest.to_string())).status,
                202
            );
        }
        until("all is told", || told.metric("regfsck_watch_events_total") >= 40.0);
        until("all is looked at", || told.metric("regfsck_watch_pushes_waiting") < 0.1);
        assert!(told.metric("regfsck_watch_pushes_failed_total") < 0.1, "{}", told.watching.said());
    });
}

#[test]
fn a_registry_that_is_not_there_for_a_while_is_no_alarm() {
    let Some(mut told) = start() else { return };
    let image = Image::two_layers("app").unwrap();
    told.raw().push_image("team/app", "1", &image);
    until("it is verified", || told.metric("regfsck_watch_pushes_verified_total") >= 1.0);
    told.registry.stop();
    told.tell("team/app", &image);
    until("it waits", || told.metric("regfsck_watch_pushes_waiting") >= 1.0);
    told.registry.restart();
    until("it is verified again", || told.metric("regfsck_watch_pushes_verified_total") >= 2.0);
    assert!(told.metric("regfsck_watch_pushes_failed_total") < 0.1, "{}", told.watching.said());
}

#[test]
fn over_the_api_alone_pushes_are_judged_and_what_is_not_seen_is_said() {
    let Some(registry) = RealRegistry::start(&Settings::default()) else { return };
    let (port, state) = (free_port(), TempDir::new().unwrap());
    let (listen, token, url) = (format!("127.0.0.1:{port}"), text(&token_file(state.path())), registry.url());
    let words = ["--registry", &url, "--listen", &listen, "--token-file", &token];
    let watching = Watching::start(state.path(), &[&words, &PLAIN[..]].concat());
    until("a check", || watching.said().contains("checked: "));
    let told = Told { registry, watching, port, state };
    assert!(told.watching.said().contains("without storage no garbage collection is seen"));
    assert!(told.ask("/").contains("not seen as they happen"));
    let (raw, image) = (told.raw(), Image::two_layers("app").unwrap());
    raw.push_image("team/app", "1", &image);
    assert_eq!(raw.delete(&manifest_path("team/app", &image.manifest.digest.to_string())).status, 202);
    assert_eq!(told.registry.garbage_collect(true, false).status, 0);
    raw.push_image("team/app", "1", &image);
    told.tell("team/app", &image);
    until("it is named", || told.watching.said().contains("broken push: team/app:1"));
}

#[test]
fn two_hundred_healthy_pushes_by_eight_writers_are_no_alarm() {
    on_every_registry(|| {
        let Some(told) = start() else { return };
        let raw = told.raw();
        let push = |writer: usize, round: usize| {
            let image = Image::two_layers(&format!("{writer}/{round}")).unwrap();
            let (_, put) = raw.push_image(&format!("team/app{writer}"), &format!("{}", round % 5), &image);
            assert_eq!(put.status, 201);
        };
        (0..8).for_each(|writer| push(writer, 0));
        until("the first are verified", || told.metric("regfsck_watch_pushes_verified_total") >= 8.0);
        let before = told.memory();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || (1..26).for_each(|round| push(writer, round)));
            }
        });
        until("all are verified", || told.metric("regfsck_watch_pushes_verified_total") >= 208.0);
        let grown = told.memory().saturating_sub(before);
        let delay = told.metric("regfsck_watch_push_verification_seconds_sum") / 208.0;
        eprintln!("{} kB grown, {delay:.3} s a push, {}", grown, told.registry.program.version);
        assert!(grown < 32 << 10, "{before} kB and {grown} kB more");
        for metric in ["pushes_failed_total", "pushes_broken", "pushes_waiting", "events_dropped_total"] {
            assert!(told.metric(&format!("regfsck_watch_{metric}")).abs() < 0.1, "{metric}");
        }
        let said = told.watching.said();
        assert!(!said.contains("broken push"), "{said}");
        told.watching.end(Signal::TERM);
    });
}

#[test]
fn a_body_that_is_bad_is_refused_with_a_sentence_and_harms_nobody() {
    let Some(told) = start() else { return };
    let bearer = format!("Bearer {TOKEN}");
    let post = |kind: &str, body: &[u8]| told.post(kind, body);
    let events = "application/vnd.docker.distribution.events.v2+json";
    let deep = "[".repeat(100_000);
    for body in [&b""[..], b"{", b"\xff\xfe", b"[]", b"{}", b"{\"events\":1}", deep.as_bytes()] {
        let (status, said) = post(events, body);
        assert_eq!(status, 400, "{said}");
        assert!(said.starts_with("this is no notification of a registry: "), "{said}");
    }
    assert_eq!(post("text/plain", b"{}").0, 415);
    // What is announced too large is refused before it comes.
    let mut stream = TcpStream::connect(("127.0.0.1", told.port)).unwrap();
    let head = format!(
        "POST /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\nContent-Type: {events}\r\nContent-Length: 5000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // An event that makes no sense is passed over: the registry would send it for ever.
    let odd = br#"{"events":[{"action":"push","target":{"repository":"../..","digest":"sha256:1"}},7,null]}"#;
    assert_eq!(post(events, odd), (202, "taken\n".into()));
    // Harbor's form leads to the same.
    let image = Image::two_layers("app").unwrap();
    told.tell("team/app", &image);
    until("it is named", || told.watching.said().contains("broken push: team/app:1"));
    assert!((told.metric("regfsck_watch_events_total") - 1.0).abs() < 0.1);
    // And the state of it outlives a kill.
    until("it is kept", || {
        let memory = fs::read_to_string(told.state.path().join("watch/memory.json")).unwrap_or_default();
        memory.contains("team/app")
    });
    let Told { registry, watching, port, state } = told;
    watching.end(Signal::KILL);
    let watching = begin(&registry, port, state.path());
    until("it is back", || watching.said().contains("watching: "));
    let told = Told { registry, watching, port, state };
    assert!((told.metric("regfsck_watch_pushes_broken") - 1.0).abs() < 0.1);
}

#[test]
fn prometheus_scrapes_it_and_its_alert_fires() {
    let Some(prometheus) = find("prometheus") else { return };
    let Some(told) = start() else { return };
    let home = TempDir::new().unwrap();
    let rules = crate::support::generated::in_tree("deploy/prometheus/regfsck-watch.rules.yml");
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n  - job_name: regfsck\n    authorization: {{credentials: {TOKEN}}}\n    static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
        rules.display(),
        told.port
    );
    fs::write(home.path().join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let mut command = std::process::Command::new(prometheus);
    command
        .arg(format!("--config.file={}", text(&home.path().join("prometheus.yml"))))
        .arg(format!("--storage.tsdb.path={}", text(&home.path().join("data"))))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(std::process::Stdio::null())
        .stderr(fs::File::create(home.path().join("log")).unwrap());
    let _running = Running::listening(&mut command, ("127.0.0.1", port)).expect("prometheus starts");
    let image = Image::two_layers("lost").unwrap();
    let raw = told.raw();
    raw.push_image("team/app", "1", &image);
    until("it is verified", || told.metric("regfsck_watch_pushes_verified_total") >= 1.0);
    let folder = told.registry.data_file(&image.layers[0].digest).parent().unwrap().to_owned();
    fs::rename(&folder, folder.with_extension("lost")).unwrap();
    raw.push_image("team/app", "1", &image);
    until("it is named", || told.watching.said().contains("broken push: team/app:1"));
    let prometheus = Raw::new(&format!("http://127.0.0.1:{port}"));
    let firing = || {
        let alerts = prometheus.send("GET", "/api/v1/alerts", &[], b"").json();
        let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .any(|alert| alert["labels"]["alertname"] == "RegistryPushBroken" && alert["state"] == "firing")
    };
    until("the alert fires", firing);
}
