//! What users and broken registries hand to a check: a clear message or finding, never a panic or a hang.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{check, lines};
use crate::support::daemon::{Kind, Settings};
use crate::support::program::free_port;
use crate::support::regfsck::{Ended, command, end, run};
use crate::support::stub::{Act, Stub};
use crate::support::tree::{Tree, data, layer_link, revision_link, tag_link};
use regfsck::adapters::sandbox::Flavour;

/// Status, stdout and stderr in one text, with names for what changes from run to run.
fn shown(ran: &Ended, names: &[(&str, &str)]) -> String {
    let mut text = format!("status {}\n--- stdout\n{}--- stderr\n{}", ran.status, ran.stdout, ran.stderr);
    for (from, to) in names {
        text = text.replace(from, to);
    }
    text
}

fn quick(arguments: &[&str]) -> Ended {
    let started = Instant::now();
    let ran = run(arguments);
    assert!(started.elapsed() < Duration::from_secs(25), "{arguments:?} took {:?}", started.elapsed());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn tree() -> (tempfile::TempDir, Tree) {
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    tree.image("team/app", Some("1.0"), "a");
    (home, tree)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn paths_that_are_no_registry_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let root = path(home.path()).to_owned();
    fs::create_dir(home.path().join("empty")).unwrap();
    fs::write(home.path().join("file"), "x").unwrap();
    fs::create_dir(home.path().join("photos")).unwrap();
    fs::write(home.path().join("photos/cat.jpg"), "x").unwrap();
    fs::create_dir(home.path().join("layout")).unwrap();
    fs::write(home.path().join("layout/oci-layout"), "{}").unwrap();
    let all = ["nowhere", "empty", "file", "photos", "layout"]
        .map(|name| shown(&quick(&["check", "--storage", &format!("{root}/{name}")]), &[(&root, "ROOT")]));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn configurations_that_cannot_be_used_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let root = path(home.path()).to_owned();
    let configs = [
        ("s3.yml", "version: 0.1\nstorage:\n  swift: {container: c}\nhttp: {addr: 127.0.0.1:5000}\n"),
        (
            "lost.yml",
            "version: 0.1\nstorage:\n  filesystem: {rootdirectory: ROOT/lost}\nhttp: {addr: 127.0.0.1:5000}\n",
        ),
        ("garbage.yml", "storage: [\n"),
    ];
    let mut all = Vec::new();
    for (name, text) in configs {
        fs::write(home.path().join(name), text.replace("ROOT", &root)).unwrap();
        all.push(shown(
            &quick(&["check", "--offline", "--config", &format!("{root}/{name}")]),
            &[(&root, "ROOT")],
        ));
    }
    all.push(shown(&quick(&["check", "--config", &format!("{root}/none.yml")]), &[(&root, "ROOT")]));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn without_a_target_it_is_said_what_was_tried() {
    if Path::new("/etc/docker/registry/config.yml").exists()
        || Path::new("/etc/distribution/config.yml").exists()
    {
        eprintln!(
            "skipped: without_a_target_it_is_said_what_was_tried needs a machine without a registry's configuration"
        );
        return;
    }
    insta::assert_snapshot!(shown(&quick(&["check"]), &[]));
}

#[test]
fn bad_flags_are_refused() {
    let all = [
        &["check", "--storage"][..],
        &["check", "--content-subset", "8/7"],
        &["check", "--grace", "soon"],
        &["check", "--fail-on", "everything"],
        &["check", "-o", "yaml"],
        &["check", "-o", "json="],
        &["check", "-q", "-v"],
        &["check", "--jobs", "0"],
        &["check", "--io-jobs", "0"],
        &["check", "--registry", "ftp://x"],
        &["check", "--offline", "--registry", "http://127.0.0.1:5000"],
        &["explain", "no-such-code"],
    ]
    .map(|arguments| format!("{arguments:?}\n{}", shown(&quick(arguments), &[])));
    assert!(all.iter().all(|text| text.contains("\nstatus 2\n")), "{all:#?}");
    insta::assert_snapshot!(all.join("\n"));
}

/// A registry that answers as told, asked with and without storage.
async fn asked(answer: impl Fn(usize, &str) -> Act + Send + Sync + 'static, with_storage: bool) -> String {
    let stub = Stub::start(answer).await;
    let (home, _tree) = tree();
    let (root, url) = (path(home.path()).to_owned(), stub.url());
    let storage = if with_storage { vec!["--storage", &root] } else { Vec::new() };
    let arguments = [&["check", "--registry", &url, "--retry-times", "0"][..], &storage].concat();
    let ran = tokio::task::block_in_place(|| quick(&arguments));
    shown(&ran, &[(&root, "ROOT"), (&url, "URL")])
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_refuse_are_not_looked_at() {
    let json = |status: &'static str, code: &str| {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
        move |_: usize, _: &str| Act::json(status, &body)
    };
    let all = [
        asked(json("401 Unauthorized", "UNAUTHORIZED"), true).await,
        asked(json("403 Forbidden", "DENIED"), true).await,
        asked(|_, _| Act::answer("200 OK", "Content-Type: text/html\r\n", "<html>Welcome</html>"), true)
            .await,
        asked(
            |_, _| Act::answer("400 Bad Request", "", "Client sent an HTTP request to an HTTPS server.\n"),
            true,
        )
        .await,
        asked(|_, _| Act::Cut(String::new()), true).await,
        asked(json("401 Unauthorized", "UNAUTHORIZED"), false).await,
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_catalog_repositories_must_be_named() {
    let answer = |_: usize, head: &str| match head.split(' ').nth(1) {
        Some("/v2/") => Act::json("200 OK", "{}"),
        _ => Act::json("404 Not Found", r#"{"errors":[{"code":"UNSUPPORTED","message":"no catalog"}]}"#),
    };
    insta::assert_snapshot!(asked(answer, false).await);
}

#[test]
fn a_closed_port_and_tls_to_a_plain_port_are_said() {
    let (home, _tree) = tree();
    let root = path(home.path()).to_owned();
    let port = free_port().to_string();
    let closed = format!("http://127.0.0.1:{port}");
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    let tls = daemon.url().replace("http://", "https://");
    let all = [&closed, &tls].map(|url| {
        let ran = quick(&["check", "--storage", &root, "--registry", url, "--retry-times", "0"]);
        let number = url.rsplit(':').next().unwrap().to_owned();
        shown(&ran, &[(&root, "ROOT"), (&number, "PORT")])
    });
    insta::assert_snapshot!(all.join("\n"));
}

/// Damage that must not cost memory, time or a crash: what was found, of all of it at once.
#[test]
fn monstrous_files_become_findings() {
    let (home, mut tree) = tree();
    let huge = tree.image("team/app", Some("huge"), "huge").manifest.digest;
    let file = fs::File::options().write(true).open(tree.base().join(data(&huge)));
    file.unwrap().set_len(2 << 30).unwrap();
    let nested = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
    let nested = tree.blob("nested", &nested);
    tree.manifest_links("team/app", Some("nested"), &nested);
    let layer = tree.named["a.layer1"];
    tree.write(&layer_link("team/app", &layer), vec![b'x'; 8 << 20]);
    tree.write(&tag_link("team/app", "long"), vec![b'0'; 8 << 20]);
    // Two indexes that hold each other: no digest can say so, but a damaged storage can.
    let fake = |fill: &str| -> regfsck::domain::digest::Digest {
        format!("sha256:{}", fill.repeat(32)).parse().unwrap()
    };
    let (one, other) = (fake("ab"), fake("cd"));
    for (own, child) in [(one, other), (other, one)] {
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{child}"}}]}}"#);
        tree.write(&data(&own), text);
        tree.manifest_links("team/app", None, &own);
    }
    let started = Instant::now();
    let report = check(["--storage", path(home.path())]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let names = [(huge, "HUGE"), (nested, "NESTED"), (layer, "LAYER")];
    let found: Vec<_> = lines(&report)
        .into_iter()
        .map(|line| names.iter().fold(line, |line, (digest, name)| line.replace(&digest.to_string(), name)))
        .collect();
    assert_eq!(
        found,
        [
            "unreadable-manifest @HUGE breaks team/app:huge",
            "unreadable-manifest @NESTED breaks team/app:nested",
            "invalid-link team/app:long breaks team/app:long",
            "invalid-link team/app@LAYER breaks team/app:1.0",
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<Vec<_>>()
    );
}

/// Whoever may push can nest indexes as deep as they like, and let the innermost image lose its layer.
#[test]
fn a_chain_of_indexes_costs_its_length() {
    let (home, mut tree) = tree();
    let image = tree.image("team/app", None, "deep");
    let lost = tree.named["deep.layer2"];
    let mut below = image.manifest.digest;
    for _ in 0..5_000 {
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{below}"}}]}}"#);
        below = tree.blob("index", text.as_bytes());
        tree.manifest_links("team/app", None, &below);
    }
    tree.manifest_links("team/app", Some("deep"), &below);
    #[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
    fs::remove_file(tree.base().join(data(&lost))).unwrap();
    tree.age();
    let started = Instant::now();
    let report = check(["--storage", path(home.path())]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(lines(&report), [format!("missing-blob @{lost} breaks team/app:deep")]);
}

#[test]
fn names_and_things_that_nobody_expects_are_reported_and_not_waited_for() {
    let (home, tree) = tree();
    let base = tree.base();
    let bad = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
    fs::create_dir_all(base.join("repositories").join(bad(b"caf\xe9"))).unwrap();
    fs::create_dir_all(base.join("repositories/team").join(bad(b"\x1b[2J"))).unwrap();
    fs::create_dir_all(base.join("repositories/team/app/_manifests/tags").join(bad(b"a\nb"))).unwrap();
    let layer = tree.named["a.layer1"];
    let config = tree.named["a.config"];
    let second = tree.named["a.layer2"];
    let places = [layer_link("team/app", &layer), data(&config)];
    for (at, place) in places.iter().enumerate() {
        fs::rename(base.join(place), home.path().join(at.to_string())).unwrap();
        let made = std::process::Command::new("mkfifo").arg(base.join(place)).status().unwrap();
        assert!(made.success());
    }
    // A link out of the root is not followed.
    let outside = home.path().join("outside");
    let place = base.join(data(&second));
    fs::rename(&place, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &place).unwrap();
    let root = path(home.path()).to_owned();
    insta::assert_snapshot!(shown(&quick(&["check", "--storage", &root]), &[(&root, "ROOT")]));
}

#[test]
fn a_repository_that_is_deleted_during_the_walk_is_no_damage() {
    let (home, tree) = tree();
    let stop = AtomicBool::new(false);
    let own = tree.base().join("repositories/team");
    let aside = home.path().join("aside");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                fs::rename(&own, &aside).unwrap();
                fs::rename(&aside, &own).unwrap();
            }
        });
        let runs: Vec<_> =
            (0..30).map(|_| run(["check", "--storage", path(home.path()), "-o", "json"])).collect();
        stop.store(true, Ordering::Relaxed);
        for ran in runs {
            assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
        }
    });
}

#[test]
fn what_cannot_be_read_is_not_called_clean() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, tree) = tree();
    let closed = tree.base().join("repositories/team/app/_layers");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        // Whoever may read everything is stopped by a link that leads round in a circle.
        let place = tree.base().join("repositories/circle");
        std::os::unix::fs::symlink(&place, &place).unwrap();
    }
    let ran = quick(&["check", "--storage", path(home.path())]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!((ran.status, ran.stderr.as_str()), (3, ""), "{}", ran.stdout);
    assert!(ran.stdout.starts_with("incomplete: "), "{}", ran.stdout);
}

#[test]
fn the_exit_status_follows_what_is_asked_to_fail() {
    let (home, mut tree) = tree();
    let left = tree.blob("left", b"left over");
    tree.age();
    let root = path(home.path()).to_owned();
    let status = |more: &[&str]| quick(&[&["check", "--storage", &root][..], more].concat()).status;
    assert_eq!([status(&[]), status(&["--fail-on", "warning"]), status(&["--fail-on", "note"])], [0, 0, 1]);
    tree.write("blobs/sha256/stray.txt", "x");
    assert_eq!([status(&[]), status(&["--fail-on", "warning"]), status(&["--fail-on", "note"])], [0, 1, 1]);
    tree.write(&revision_link("team/app", &left), left.to_string());
    assert_eq!(status(&[]), 1);
}

#[test]
fn results_go_where_they_are_asked_to() {
    let (home, tree) = tree();
    tree.write(&tag_link("team/app", "1.0"), "");
    let root = path(home.path()).to_owned();
    let file = format!("{root}/report.json");
    let base = ["check", "--storage", &root];
    let quiet = quick(&[&base[..], &["-q"]].concat());
    assert_eq!(quiet, Ended { status: 1, stdout: String::new(), stderr: String::new() });
    let both = quick(&[&base[..], &["-o", &format!("json={file}"), "-o", "table"]].concat());
    assert!(both.stdout.starts_with("1 error: "), "{}", both.stdout);
    let report: regfsck::domain::report::Report =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(lines(&report), ["invalid-link team/app:1.0 breaks team/app:1.0"]);
    let plain = quick(&[&base[..], &["--color", "never"]].concat()).stdout;
    let colour = quick(&[&base[..], &["--color", "always"]].concat()).stdout;
    assert!(!plain.contains('\u{1b}') && colour.contains('\u{1b}'));
    let lost = quick(&[&base[..], &["-o", &format!("json={root}/no/such/folder")]].concat());
    assert_eq!((lost.status, lost.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(lost.stderr.replace(&root, "ROOT"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (home, _tree) = tree();
    let mut child = command(["check", "-o", "json", "--storage", path(home.path())]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = end(child);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
}

/// What could not be looked at may need what nothing else does.
#[test]
fn nothing_is_called_an_orphan_while_something_could_not_be_looked_at() {
    let (home, mut tree) = tree();
    let left = tree.blob("left", b"left over");
    tree.age();
    let arguments = ["--storage", path(home.path())];
    assert_eq!(lines(&check(arguments)), [format!("orphan-blob @{left}")]);
    let place = tree.base().join("repositories/elsewhere");
    std::os::unix::fs::symlink(home.path(), place).unwrap();
    let report = check(arguments);
    assert_eq!((lines(&report), report.exit_status), (Vec::new(), 3));
}
