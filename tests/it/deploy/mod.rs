//! What is shipped beside the program, below `deploy/` and `.github/`: held to what will read it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::cli::command;

use crate::support::generated::in_tree;
use crate::support::{missing, program};

mod forge;
mod guard_script;
mod image;
mod manifests;
mod packages;
mod publishing;
mod static_program;
mod units;
mod workflows;

/// What `.ci/tools` fetched, or nothing where it did not.
fn tools(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("REGFSCK_TEST_TOOLS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("python/bin/docker-compose").is_file());
    if folder.is_none() {
        missing("REGFSCK_TEST_TOOLS (what `.ci/tools DIR` makes)", test);
    }
    folder
}

/// The program without libraries that `./test` links, or nothing where it did not.
fn static_program(test: &str) -> Option<PathBuf> {
    let program = std::env::var_os("REGFSCK_TEST_STATIC").map(PathBuf::from);
    let program = program.filter(|program| program.is_file());
    if program.is_none() {
        missing("REGFSCK_TEST_STATIC (a program without libraries)", test);
    }
    program
}

/// A program must end well and complain about nothing.
#[track_caller]
fn accepts(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{command:?}: {}", said.join("\n"));
}

/// Regular files directly in a folder of the tree.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = in_tree(folder).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The words after `regfsck` must be what the program understands.
#[track_caller]
fn understood<'a>(file: &Path, words: impl IntoIterator<Item = &'a str>) {
    let words: Vec<&str> = ["regfsck"].into_iter().chain(words).collect();
    let parsed = command().try_get_matches_from(&words);
    assert!(parsed.is_ok(), "{}: {words:?}: {}", file.display(), parsed.unwrap_err());
}

#[test]
fn jobs_of_cron_are_jobs_and_their_commands_are_understood() {
    let file = in_tree("deploy/cron/regfsck");
    let text = std::fs::read_to_string(&file).unwrap();
    // cron drops a line that no newline ends, and says nothing.
    assert!(text.ends_with('\n'));
    let jobs: Vec<&str> =
        text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(jobs.len(), 2, "{text}");
    for job in jobs {
        let words: Vec<&str> = job.split_whitespace().collect();
        let limits: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
        for (word, (least, most)) in words.iter().zip(limits) {
            let fits = *word == "*" || word.parse().is_ok_and(|number| (least..=most).contains(&number));
            assert!(fits, "`{word}` in `{job}`");
        }
        assert_eq!(words[5], "root", "{job}");
        for command in job.split_once("root ").unwrap().1.split(" || ") {
            if let Some(arguments) = command.strip_prefix("regfsck ") {
                understood(&file, arguments.split(' '));
            }
        }
    }
}

#[test]
fn scripts_are_shells_own_and_shellcheck_has_nothing_to_say() {
    if program::find("shellcheck").is_none() {
        return;
    }
    let mut scripts =
        ["test", ".ci/run", ".ci/engine", ".ci/tools", ".ci/mdbook", "deploy/kubernetes/guard.sh"]
            .map(in_tree)
            .to_vec();
    let packaging = files("packaging").into_iter().chain(files("packaging/deb"));
    scripts.extend(packaging.filter(|file| std::fs::read(file).unwrap().starts_with(b"#!/bin/sh")));
    assert!(scripts.len() > 14, "{scripts:?}");
    accepts(Command::new("shellcheck").args(scripts));
}
