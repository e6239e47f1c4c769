//! `completions/` and `man/`: what packagers install beside the program, made from its own arguments.

use std::collections::BTreeMap;
use std::process::Command;

use clap_complete::Shell;
use regfsck::cli::command;

use crate::support::generated::{check, in_tree};

const SHELLS: [(Shell, &str); 4] = [
    (Shell::Bash, "regfsck.bash"),
    (Shell::Zsh, "_regfsck"),
    (Shell::Fish, "regfsck.fish"),
    (Shell::PowerShell, "regfsck.ps1"),
];

fn page(command: clap::Command) -> String {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// The man page of the program and of each subcommand, by file.
fn pages() -> BTreeMap<String, String> {
    let mut all = command();
    all.build();
    let subcommands = all.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set());
    let mut pages: BTreeMap<String, String> = subcommands
        .map(|one| {
            let name = format!("regfsck-{}", one.get_name());
            (format!("{name}.1"), page(one.clone().name(name)))
        })
        .collect();
    pages.insert("regfsck.1".into(), page(all));
    pages
}

/// The completions of each shell, by file.
fn completions() -> BTreeMap<String, String> {
    let script = |shell| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command(), "regfsck", &mut script);
        String::from_utf8(script).unwrap()
    };
    SHELLS.iter().map(|(shell, name)| ((*name).to_owned(), script(*shell))).collect()
}

#[test]
fn generated_completions_and_man_pages() {
    for (folder, wanted) in [("completions", completions()), ("man", pages())] {
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

#[test]
fn bash_completes_subcommands() {
    let complete =
        "COMP_WORDS=(regfsck expl); COMP_CWORD=1; _regfsck regfsck expl regfsck; echo \"${COMPREPLY[@]}\"";
    let script = format!("{}\n{complete}", completions()["regfsck.bash"]);
    let Ok(output) = Command::new("bash").args(["-c", &script]).output() else {
        eprintln!("skipped: bash_completes_subcommands needs `bash`, which is not installed");
        return;
    };
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, ("explain\n".into(), "".into()));
}
