//! What a report says to type can be typed.

use std::fs;

use regfsck::cli;

use crate::support::regfsck::run;
use crate::support::tree::{Tree, data, layer_link};

/// The commands that a report names, with what is left open filled in.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("regfsck "));
    lines.map(|line| line.replace("MIRROR", "mirror.example").replace("URL", "http://127.0.0.1:1")).collect()
}

#[test]
fn a_report_ends_with_commands_for_the_user_s_own_target() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("the registry");
    let mut tree = Tree::new(&root);
    let image = tree.image("team/app", Some("1.0"), "a");
    tree.image("team/app", Some("2.0"), "b");
    tree.remove(&data(&image.layers[0].digest));
    fs::write(tree.base().join(layer_link("team/app", &image.config.digest)), "").unwrap();
    let said = run(["check", "--storage", root.to_str().unwrap()]);
    assert_eq!(said.stdout.lines().next(), Some("2 errors: 1 of 2 images is broken"), "{}", said.stdout);
    let commands = commands(&said.stdout);
    let target = format!("--storage '{}'", root.display());
    let expected = [
        format!("regfsck check {target} --fix"),
        format!(
            "regfsck check {target} --registry http://127.0.0.1:1 --fix --source docker://mirror.example"
        ),
    ];
    assert!(expected.iter().all(|line| commands.contains(line)), "{commands:#?}");
    for line in &commands {
        let words = line.replace(&target, "--storage X");
        let parsed = cli::command().try_get_matches_from(words.split(' '));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}
