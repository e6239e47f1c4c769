//! `completions/` and `man/`: what packagers install beside the program, made from its own arguments.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use clap_complete::Shell;
use regfsck::cli::completion::script;
use regfsck::cli::manual::pages;

use crate::support::generated::{check, in_tree};
use crate::support::tree::Tree;

const SHELLS: [(Shell, &str); 4] = [
    (Shell::Bash, "regfsck.bash"),
    (Shell::Zsh, "_regfsck"),
    (Shell::Fish, "regfsck.fish"),
    (Shell::PowerShell, "regfsck.ps1"),
];

/// The completions of each shell, by file.
fn completions() -> BTreeMap<String, String> {
    SHELLS.iter().map(|(shell, name)| ((*name).to_owned(), script(*shell))).collect()
}

#[test]
fn generated_completions_and_man_pages() {
    for (folder, wanted) in [("completions", completions()), ("man", pages().unwrap())] {
        for (name, text) in &wanted {
            check(&format!("{folder}/{name}"), text);
        }
        let there = std::fs::read_dir(in_tree(folder)).unwrap();
        let mut there: Vec<String> =
            there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        let wanted: Vec<String> = wanted.into_keys().collect();
        assert_eq!(there, wanted, "a file of a subcommand that is gone stays behind in {folder}/");
    }
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Option<Vec<String>> {
    let (current, previous) = (words[words.len() - 1], words[words.len() - 2]);
    let complete = format!(
        "COMP_WORDS=({}); COMP_CWORD={}; _regfsck regfsck '{current}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1
    );
    let program = Path::new(env!("CARGO_BIN_EXE_regfsck"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = format!("{}\n{complete}", completions()["regfsck.bash"]);
    let Ok(output) = Command::new("bash").args(["-c", &script]).env("PATH", path).output() else {
        crate::support::missing("bash", "completions");
        return None;
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_subcommands_values_and_repositories() {
    let Some(subcommands) = offered(&["regfsck", "expl"]) else { return };
    assert_eq!(subcommands, ["explain"]);
    assert_eq!(
        offered(&["regfsck", "explain", "phantom"]).unwrap(),
        ["phantom-blob", "phantom-link", "phantom-manifest"]
    );
    assert_eq!(offered(&["regfsck", "check", "-o", "js"]).unwrap(), ["json", "jsonl"]);
    assert_eq!(offered(&["regfsck", "check", "--fail-on", ""]).unwrap(), ["error", "warning", "note"]);
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    for repository in ["team/app", "team/app/deep", "web"] {
        tree.image(repository, Some("1"), "a");
    }
    let root = home.path().to_str().unwrap();
    let repositories = |typed| offered(&["regfsck", "check", "--storage", root, "--repo", typed]).unwrap();
    assert_eq!(repositories(""), ["team/app", "team/app/deep", "web"]);
    assert_eq!(repositories("te"), ["team/app", "team/app/deep"]);
    let nowhere = offered(&["regfsck", "check", "--storage", "/nonexistent", "--repo", ""]).unwrap();
    assert_eq!(nowhere.concat(), "");
}

/// What fish offers for a line.
fn offered_by_fish(line: &str) -> Option<Vec<String>> {
    let script = format!("source {}\ncomplete -C '{line}'", in_tree("completions/regfsck.fish").display());
    let output = shell("fish", &["--no-config", "-c", &script])?;
    Some(output.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect())
}

/// What zsh offers for a line, typed in a terminal: what goes through `compadd` is noted.
fn offered_by_zsh(line: &str) -> Option<Vec<String>> {
    let folder = in_tree("completions");
    let script = include_str!("data/completed.zsh");
    let output = shell("zsh", &["-f", "-c", script, "zsh", folder.to_str().unwrap(), line])?;
    let noted = output.split("<<").skip(1).filter_map(|rest| Some(rest.split_once(">>")?.0.to_owned()));
    Some(noted.collect())
}

/// What a shell that has the program on its path prints.
fn shell(name: &str, arguments: &[&str]) -> Option<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_regfsck"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(name).args(arguments).env("PATH", path).env("HOME", home.path()).output();
    let Ok(output) = output else {
        crate::support::missing(name, "completions");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn fish_and_zsh_complete_the_same() {
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    for repository in ["team/app", "web"] {
        tree.image(repository, Some("1"), "a");
    }
    let repositories = format!("regfsck check --storage {} --repo te", home.path().display());
    let lines: [(&str, &[&str]); 6] = [
        ("regfsck expl", &["explain"]),
        ("regfsck rep", &["repair"]),
        ("regfsck explain phantom", &["phantom-blob", "phantom-link", "phantom-manifest"]),
        ("regfsck check -o js", &["json", "jsonl"]),
        ("regfsck check --fail-on ", &["error", "note", "warning"]),
        (&repositories, &["team/app"]),
    ];
    for (name, shell) in
        [("fish", offered_by_fish as fn(&str) -> Option<Vec<String>>), ("zsh", offered_by_zsh)]
    {
        for (line, wanted) in lines {
            let Some(mut offered) = shell(line) else { break };
            offered.sort();
            assert_eq!(offered, wanted, "{name}: {line}");
        }
    }
}

/// What the pages must have is there, and nothing of the source's own marks.
#[test]
fn man_pages_are_complete() {
    for (name, page) in pages().unwrap() {
        for section in ["NAME", "SYNOPSIS", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "\"SEE ALSO\""] {
            assert!(page.lines().any(|line| line == format!(".SH {section}")), "{name}: no {section}");
        }
        for mark in ["<http", "```", "[env:"] {
            assert!(!page.contains(mark), "{name}: {mark}");
        }
    }
}
