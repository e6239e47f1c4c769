//! What somebody types who knows other tools: each wrong line is answered with the right name.

use std::fmt::Write as _;

use crate::support::regfsck::run;
use crate::support::transcript::Names;

/// Ten wrong lines, and some more.
const WRONG: [&str; 14] = [
    "check --json /var/lib/registry",
    "check --password hunter2 http://127.0.0.1:5000",
    "check --storage /srv --format yaml",
    "check --force --storage /srv",
    "check --repair --storage /srv",
    "gc --config config.yml",
    "fix /var/lib/registry",
    "/var/lib/registry",
    "pull registry.example/app:1",
    "explain phantom-blop",
    "check --cert client.pem https://registry.example",
    "check -k https://registry.example",
    "check --fail-on critical /srv",
    "guard --config config.yml registry garbage-collect config.yml",
];

/// What was tried by hand later, and answered badly.
const WRONG_TOO: [&str; 40] = [
    "check --image team/app:1 --storage /srv",
    "check -t 1.0 --storage /srv",
    "check -u bob https://registry.example",
    "check --endpoint http://minio.example s3://bucket",
    "check --deep --storage /srv",
    "check --verify --storage /srv",
    "check --subset 1/10 --storage /srv",
    "check --fast --storage /srv",
    "check --fix --from docker://mirror.example --storage /srv",
    "check --fix --backup /backup --storage /srv",
    "check --fix --source /backup --storage /srv",
    "check --fix --source https://mirror.example --storage /srv",
    "check --fix --source mirror.example/team --storage /srv",
    "check --online https://registry.example",
    "check --api-only https://registry.example",
    "check --compose registry",
    "check --log-level debug --storage /srv",
    "check --all --storage /srv",
    "check --threads 4 --storage /srv",
    "check --exit-code 1 --storage /srv",
    "check --repo team/app:1 --storage /srv",
    "check registry.example/team/app:1",
    "check https://registry.example/v2/team/app",
    "watch --every 1h --storage /srv",
    "guard --dry-run --config config.yml -- true",
    "undo --last --storage /srv",
    "repair /var/lib/registry",
    "version",
    "serve --storage /srv",
    "rm team/app:1.0-old",
    "login",
    "explain all",
    "explain manifest-unknown",
    "undo 20260102T030405Z-123",
    "undo --id 20260102T030405Z-123 --storage /srv",
    "restart --service registry --config config.yml",
    "purge --fix --storage /srv",
    "verify https://registry.example/team/app:1",
    "snapshot --storage /srv --file out",
    "check -f --storage /srv",
];

#[test]
fn a_wrong_line_is_answered_with_the_right_one() {
    let mut told = String::new();
    for line in WRONG.iter().chain(&WRONG_TOO) {
        let ended = run(line.split(' '));
        assert_eq!(ended.status, 2, "{line}: {ended:?}");
        let _ = writeln!(told, "{}", Names::default().told(line, &ended));
    }
    insta::assert_snapshot!(told);
}

/// What would do nothing is not accepted.
const IDLE: [&str; 8] = [
    "check --yes --storage /srv",
    "check --source dir:x --storage /srv",
    "check --restart exec:true --storage /srv",
    "explain phantom-blob -o json",
    "purge --source dir:x --storage /srv",
    "undo --replica http://127.0.0.1:1 --storage /srv",
    "completions bash -o json",
    "snapshot --registry http://127.0.0.1:1 -o x",
];

#[test]
fn what_would_do_nothing_is_refused() {
    let mut told = String::new();
    for line in IDLE {
        let ended = run(line.split(' '));
        assert_eq!(ended.status, 2, "{line}: {ended:?}");
        let _ = writeln!(told, "{}", Names::default().told(line, &ended));
    }
    insta::assert_snapshot!(told);
}

/// What is taken as it is typed, because it can mean one thing only.
#[test]
fn other_names_of_the_same_are_understood() {
    let home = tempfile::tempdir().unwrap();
    let mut tree = crate::support::tree::Tree::new(home.path());
    tree.image("team/app", Some("1.0"), "a");
    let root = home.path().to_str().unwrap();
    for line in [
        "scan ROOT",
        "fsck --root ROOT",
        "check --storage ROOT --format json",
        "check ROOT --skip-tls-verify",
        "check --path ROOT --username bob",
        "explain PHANTOM-BLOB",
    ] {
        let ended = run(line.split(' ').map(|word| if word == "ROOT" { root } else { word }));
        // A flag of the connection is idle where no daemon is asked, and that is said.
        let idle = ended.stderr.contains("does nothing") || ended.stderr.contains("cannot be used");
        assert!(ended.status == 0 || idle, "{line}: {ended:?}");
    }
}

#[test]
fn dash_h_shows_a_dozen_flags_a_line_each() {
    let (mut told, commands) = (String::new(), ["check", "guard", "verify"]);
    for command in commands {
        let shown = crate::support::regfsck::command([command, "-h"]).env("COLUMNS", "100").output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let flags: Vec<_> = shown.lines().filter(|line| line.trim_start().starts_with('-')).collect();
        assert!(flags.len() <= 18, "{} flags: {flags:#?}", flags.len());
        let deep: Vec<_> = shown.lines().filter(|line| line.starts_with("           ")).collect();
        assert_eq!(deep, Vec::<&str>::new(), "{command}: help of more than a line");
        assert!(!shown.contains("REGFSCK_"), "{shown}");
        let _ = writeln!(told, "$ regfsck {command} -h\n{shown}");
    }
    insta::assert_snapshot!(told);
}
