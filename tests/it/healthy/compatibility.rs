//! Each row of the table of what is supported names a test, and there is such a test.

use std::path::Path;

const TABLE: &str = include_str!("../../../docs/compatibility.md");

fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("tests"), root.join("src")];
    let entries = folders.iter().flat_map(|folder| walkdir::WalkDir::new(folder).into_iter().flatten());
    let files = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "rs"));
    files.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
}

#[test]
fn every_row_names_a_test_that_there_is() {
    let sources = sources();
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what |"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [what, how, test] = cells[..] else { panic!("three cells: {row}") };
        count += 1;
        if how.starts_with("not supported") && test.is_empty() {
            continue;
        }
        let name = test.trim_matches('`');
        assert!(sources.contains(&format!("fn {name}(")), "{what}: there is no test `{name}`");
    }
    assert!(count > 20, "{count} rows");
}
