//! Which files search a text that somebody else wrote. No other decides anything by the words of one.

use std::collections::BTreeSet;

use crate::support::generated::in_tree;
use crate::support::modules::Modules;

/// What takes a text apart by words that stand in the program.
const CALLS: [&str; 7] = [
    ".split_once(\"",
    ".rsplit_once(\"",
    ".contains(\"",
    ".starts_with(\"",
    ".ends_with(\"",
    ".strip_prefix(\"",
    ".strip_suffix(\"",
];

#[test]
fn only_what_others_wrote_is_searched_for_words() {
    let modules = Modules::read(&in_tree("src"));
    let searching = modules.iter().filter(|(_, source)| CALLS.iter().any(|call| source.contains(call)));
    let searching: BTreeSet<String> = searching.map(|(module, _)| module.join("/")).collect();
    let document = std::fs::read_to_string(in_tree("docs/architecture.md")).unwrap();
    let (_, table) = document.split_once("## Who reads what others wrote").unwrap();
    let paths = table.split('`').skip(1).step_by(2).filter_map(|path| path.strip_suffix(".rs"));
    let listed: BTreeSet<String> =
        paths.map(|path| path.strip_suffix("/mod").unwrap_or(path).to_owned()).collect();
    assert_eq!(searching, listed, "docs/architecture.md has the list");
}
