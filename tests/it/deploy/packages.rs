//! The packages for Debian and for rpm, made of the program without libraries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::{accepts, files, static_program, tools};
use crate::support::generated::in_tree;
use crate::support::program;

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Run `packaging/packages` as the release does, on a program that is built already.
fn packages(test: &str) -> Option<tempfile::TempDir> {
    let (program, tools) = (static_program(test)?, tools(test)?);
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let built = folder.path().join("target").join(&target).join("dist");
    std::fs::create_dir_all(&built).unwrap();
    std::fs::copy(program, built.join("regfsck")).unwrap();
    let path = format!("{}:{}", tools.join("python/bin").display(), std::env::var("PATH").unwrap());
    accepts(
        Command::new(in_tree("packaging/packages"))
            .args([&target, "dist"])
            .arg(folder.path().join("made"))
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", folder.path().join("target"))
            .env("MAINTAINER", "Some One <one@example.com>")
            .env("FAST", "1"),
    );
    Some(folder)
}

fn made(folder: &Path, extension: &str) -> PathBuf {
    let mut files = folder.join("made").read_dir().unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
}

/// What both must hold, below `/`.
const HELD: [&str; 9] = [
    "usr/bin/regfsck",
    "usr/share/bash-completion/completions/regfsck",
    "usr/share/fish/vendor_completions.d/regfsck.fish",
    "usr/lib/systemd/system/regfsck-check.service",
    "usr/lib/systemd/system/regfsck-check.timer",
    "usr/lib/systemd/system/regfsck-failed@.service",
    "usr/lib/systemd/system/regfsck-guard.service",
    "usr/lib/systemd/system/regfsck-guard.timer",
    "etc/default/regfsck",
];

/// One man page for each that is in the tree, and all of `HELD`.
#[track_caller]
fn holds(files: &BTreeSet<String>) {
    for file in HELD {
        assert!(files.contains(file), "{file} is not in {files:?}");
    }
    let pages = files.iter().filter(|file| file.starts_with("usr/share/man/man1/regfsck")).count();
    assert_eq!(pages, in_tree("man").read_dir().unwrap().count());
}

#[test]
fn packages_hold_what_belongs_to_the_program_and_lintian_has_nothing_to_say() {
    let test = "the packages";
    if ["dpkg-deb", "lintian", "rpm"].map(program::find).iter().any(Option::is_none) {
        return;
    }
    let Some(folder) = packages(test) else { return };
    let deb = made(folder.path(), "deb");
    let listed = output(Command::new("dpkg-deb").arg("--contents").arg(&deb));
    let names = listed.lines().filter_map(|line| line.split_whitespace().nth(5));
    holds(&names.map(|name| name.trim_start_matches("./").to_owned()).collect());
    let fields = output(Command::new("dpkg-deb").arg("--field").arg(&deb));
    // Without a word on libraries it goes into every release of Debian.
    assert!(
        fields.contains("Maintainer: Some One <one@example.com>") && !fields.contains("libc6"),
        "{fields}"
    );
    // Warnings count, too: lintian then ends with another status.
    accepts(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&deb));

    let rpm = made(folder.path(), "rpm");
    let listed = output(Command::new("rpm").args(["-qpl", "--nosignature"]).arg(&rpm));
    holds(&listed.lines().map(|name| name.trim_start_matches('/').to_owned()).collect());
    let kept = output(Command::new("rpm").args(["-qpc", "--nosignature"]).arg(&rpm));
    assert_eq!(kept, "/etc/default/regfsck\n");
}

/// What a root takes, and as much again for whatever else runs.
const ROOM: u64 = 2 << 30;

/// `REGFSCK_TEST_SUITES` names other releases of Debian, such as `bookworm bullseye`.
#[test]
fn packages_are_installed_used_and_purged_in_fresh_roots_of_debian() {
    let test = "a package in a fresh root of Debian";
    if !geteuid().is_root() {
        return program::missing("root's rights (for debootstrap)", test);
    }
    if program::find("debootstrap").is_none() {
        return;
    }
    let room = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    if room.f_bavail * room.f_frsize < ROOM {
        eprintln!("skipped: {test} needs `{} MiB of free disk`, which are not there", ROOM >> 20);
        return;
    }
    let Some(folder) = packages(test) else { return };
    let suites = std::env::var("REGFSCK_TEST_SUITES").unwrap_or_else(|_| "bookworm".to_owned());
    let mut tried = Command::new(in_tree("packaging/try-deb"));
    let said = output(tried.arg(made(folder.path(), "deb")).args(suites.split_whitespace()));
    for suite in suites.split_whitespace() {
        assert!(
            said.contains(&format!("{suite}: installed, used, removed, purged; nothing is left")),
            "{said}"
        );
    }
}

#[test]
fn packages_that_go_switch_off_whatever_can_be_switched_on() {
    let read = |file: &str| std::fs::read_to_string(in_tree(file)).unwrap();
    let (deb, rpm) = (read("packaging/deb/prerm"), read("Cargo.toml"));
    let rpm = rpm.lines().find(|line| line.contains("disable --now")).unwrap();
    let mut seen = 0;
    for unit in files("deploy/systemd") {
        if std::fs::read_to_string(&unit).unwrap().contains("[Install]") {
            let name = unit.file_name().unwrap().to_str().unwrap();
            assert!(deb.contains(name) && rpm.contains(name), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn purged_packages_leave_no_state_and_removed_ones_keep_it() {
    let state = tempfile::tempdir().unwrap();
    let kept = state.path().join("regfsck");
    std::fs::create_dir(&kept).unwrap();
    let script = std::fs::read_to_string(in_tree("packaging/deb/postrm")).unwrap();
    let script = script.replace("/var/lib/regfsck", kept.to_str().unwrap());
    for (why, is_left) in [("remove", true), ("upgrade", true), ("purge", false)] {
        accepts(Command::new("sh").args(["-ec", &script, "postrm", why]));
        assert_eq!(kept.exists(), is_left, "{why}");
    }
}
