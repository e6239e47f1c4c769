//! What a watch serves, and to whom.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use regfsck::domain::report::{Report, Verdict};
use rustix::process::Signal;
use tempfile::TempDir;

use super::running::Watching;
use super::{PLAIN, stored, text};
use crate::support::program::{find, free_port, output, until};
use crate::support::raw::{Answer, Raw};
use crate::support::regfsck::run;

pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const EVENTS: &str = "application/vnd.docker.distribution.events.v2+json";

/// A file that holds the token, for its owner only.
pub(super) fn token_file(folder: &Path) -> PathBuf {
    let path = folder.join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn get(raw: &Raw, path: &str) -> Answer {
    raw.send("GET", path, &[], b"")
}

fn said(answer: &Answer) -> (u16, String) {
    (answer.status, String::from_utf8_lossy(&answer.body).trim_end().to_owned())
}

/// A watch of a healthy storage that is served there.
fn served(state: &Path, storage: &Path, more: &[&str]) -> (Watching, Raw) {
    let (address, storage) = (format!("127.0.0.1:{}", free_port()), text(storage));
    let words = [&["--storage", &storage, "--listen", &address], &PLAIN[..], more].concat();
    let watching = Watching::start(state, &words);
    until("a check", || watching.said().contains("checked: coherent"));
    assert!(watching.said().contains(&format!("served on {address}")), "{}", watching.said());
    (watching, Raw::new(&format!("http://{address}")))
}

#[test]
fn its_pages_are_served_to_this_machine() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let (watching, raw) = served(state.path(), root.path(), &[]);
    assert_eq!(said(&get(&raw, "/healthz")), (200, "ok".into()));
    assert_eq!(said(&get(&raw, "/readyz")), (200, "ok".into()));
    let report: Report = serde_json::from_slice(&get(&raw, "/report.json").body).unwrap();
    assert_eq!(report.verdict, Verdict::Coherent);
    let page = get(&raw, "/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("<title>coherent: ") && page.contains("http-equiv=\"refresh\""), "{page}");
    let head = raw.send("HEAD", "/report.json", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("DELETE", "/report.json", 405),
        ("GET", "/events", 405),
        ("GET", "//", 404),
        ("GET", "/../../etc/passwd", 404),
    ] {
        assert_eq!(raw.send(method, path, &[], b"").status, status, "{method} {path}");
    }
    // Without a token nobody tells of pushes.
    let told = raw.send("POST", "/events", &[("Content-Type", EVENTS)], b"{\"events\":[]}");
    assert_eq!(told.status, 403);
    assert!(said(&told).1.contains("--token-file FILE"), "{told:?}");
    // A page of somebody else's that names us as its own is not from this machine.
    let host = raw.send("GET", "/report.json", &[("Host", "evil.example")], b"");
    assert!(matches!(host.status, 400 | 403), "{host:?}");
    assert_eq!(watching.end(Signal::TERM).status, 0);
}

#[test]
fn prometheus_reads_its_metrics_in_either_form() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let (_watching, raw) = served(state.path(), root.path(), &[]);
    let old = get(&raw, "/metrics");
    assert_eq!(old.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let open = raw.send(
        "GET",
        "/metrics",
        &[("Accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1")],
        b"",
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(kind));
    assert!(open.body.ends_with(b"# EOF\n"));
    let Some(promtool) = find("promtool") else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&old.body).unwrap();
    let checked = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert_eq!((checked.status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn what_others_could_read_is_refused_without_a_token() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let (storage, folder) = (text(root.path()), text(state.path()));
    let open = state.path().join("open");
    fs::write(&open, TOKEN).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    let short = state.path().join("short");
    fs::write(&short, "short").unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let (open, short) = (text(&open), text(&short));
    for (words, says) in [
        (
            &["--listen", "0.0.0.0:9714"][..],
            "--listen 0.0.0.0:9714: others than this machine could read what is wrong",
        ),
        (&["--listen", "[::]:9714"], "give --token-file FILE"),
        (&["--listen", "nowhere"], "invalid socket address"),
        (&["--listen", &taken], "cannot listen on 127.0.0.1:"),
        (
            &["--listen", "127.0.0.1:0", "--token-file", "/nowhere"],
            "--token-file: cannot read the token in `/nowhere`",
        ),
        (
            &["--listen", "127.0.0.1:0", "--token-file", &short],
            "holds no token: its first line has to have 16",
        ),
        (&["--listen", "127.0.0.1:0", "--token-file", &open], "--token-file: cannot read the token"),
        (&["--listen", "127.0.0.1:0", "--tls-cert", &short, "--tls-key", &short], "--tls-cert: "),
        (&["--listen", "127.0.0.1:0", "--tls-cert", &short], "--tls-key"),
    ] {
        let ended = run([&["watch", "--storage", &storage, "--state-dir", &folder], words].concat());
        assert_eq!(ended.status, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn with_a_token_nothing_but_health_is_told_without_it() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let token = text(&token_file(state.path()));
    let (watching, raw) = served(state.path(), root.path(), &["--token-file", &token]);
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/", "/metrics", "/report.json"] {
        let refused = get(&raw, path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic"), "{refused:?}");
        let wrong = raw.send("GET", path, &[("Authorization", "Bearer 0123456789abcdef")], b"");
        assert_eq!(wrong.status, 401, "{path}");
        assert_eq!(raw.send("GET", path, &[("Authorization", &bearer)], b"").status, 200, "{path}");
    }
    assert_eq!((get(&raw, "/healthz").status, get(&raw, "/readyz").status), (200, 200));
    let post = |headers: &[(&str, &str)], body: &[u8]| raw.send("POST", "/events", headers, body);
    assert_eq!(post(&[("Content-Type", EVENTS)], b"{\"events\":[]}").status, 401);
    // There is nobody to verify a push on.
    let told = post(&[("Content-Type", EVENTS), ("Authorization", &bearer)], b"{\"events\":[]}");
    assert_eq!(said(&told), (503, "there is no registry to verify pushes on: give --registry URL".into()));
    // The token is read again when that is asked for.
    fs::write(state.path().join("token"), "another-token-of-some-length\n").unwrap();
    watching.send(Signal::HUP);
    until("the new token", || {
        raw.send("GET", "/", &[("Authorization", "Bearer another-token-of-some-length")], b"").status == 200
    });
    assert_eq!(raw.send("GET", "/", &[("Authorization", &bearer)], b"").status, 401);
    watching.end(Signal::TERM);
}

#[test]
fn clients_that_are_slow_wait_for_themselves_alone() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let (_watching, raw) = served(state.path(), root.path(), &[]);
    let host = |raw: &Raw| format!("{raw:?}").split('"').nth(1).unwrap().to_owned();
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(host(&raw)).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX").unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    assert_eq!(get(&raw, "/metrics").status, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // And not for ever.
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(began.elapsed() < Duration::from_secs(18), "{:?}", began.elapsed());
    let long = "x".repeat(100_000);
    assert!(matches!(raw.send("GET", "/metrics", &[("X-Long", &long)], b"").status, 0 | 400 | 431));
    assert_eq!(get(&raw, "/metrics").status, 200);
}

#[test]
fn it_speaks_tls_with_the_certificate_that_it_is_given() {
    let ((root, _), state) = (stored(), TempDir::new().unwrap());
    let path = |name: &str| text(&state.path().join(name));
    let (key, certificate) = (path("key.pem"), path("cert.pem"));
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let made = output("openssl", request.into_iter().chain(["-keyout", &key, "-out", &certificate]));
    let Some(made) = made else { return };
    assert!(made.status.success(), "{made:?}");
    let token = text(&token_file(state.path()));
    let more = ["--token-file", &token, "--tls-cert", &certificate, "--tls-key", &key];
    let (_watching, raw) = served(state.path(), root.path(), &more);
    let host = format!("{raw:?}").split('"').nth(1).unwrap().to_owned();
    let mut child = Command::new(find("openssl").unwrap())
        .args(["s_client", "-quiet", "-verify_quiet", "-connect", &host, "-CAfile", &certificate])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request).unwrap();
    let mut answer = String::new();
    child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    drop(stdin);
    let _ = child.kill();
    let _ = child.wait();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
    // Who does not speak TLS gets nothing.
    assert_eq!(get(&raw, "/healthz").status, 0);
}
