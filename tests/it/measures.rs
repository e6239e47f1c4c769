//! The measure of the house, printed and bounded: how long functions and files are, and how many names are taken twice.
//!
//! `cargo nextest run measure --no-capture` shows the figures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::generated::in_tree;
use crate::support::modules::Modules;
use crate::support::source::{block, files, is_word};

/// A function of the program: how many lines, its module and its name.
type Function = (usize, String, String);

/// Every function with a body in a source, from `fn` to its last brace.
fn functions(module: &str, bare: &str) -> Vec<Function> {
    let starts = bare.match_indices("fn ").filter(|(at, _)| !bare[..*at].ends_with(is_word));
    starts
        .filter_map(|(at, _)| {
            let open = at + body(&bare[at..])?;
            let end = open + block(&bare[open..]);
            let name: String = bare[at + 3..].chars().take_while(|c| is_word(*c)).collect();
            Some((bare[at..end].matches('\n').count() + 1, module.to_owned(), name))
        })
        .filter(|(_, _, name)| !name.is_empty())
        .collect()
}

/// Where the body of the function at the start opens, if it has one.
fn body(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The names of the types that a source shows to other modules.
fn types(bare: &str) -> BTreeSet<&str> {
    let items = bare.lines().map(str::trim_start).filter(|line| line.starts_with("pub"));
    let names = items.filter_map(|line| {
        let mut words = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        words
            .find(|word| !matches!(*word, "pub" | "crate" | "super" | "in"))
            .filter(|kind| matches!(*kind, "struct" | "enum" | "trait" | "type"))?;
        words.next()
    });
    names.collect()
}

#[test]
fn functions_stay_short() {
    let modules = Modules::read(&in_tree("src"));
    let all = modules.iter().flat_map(|(module, source)| functions(&module.join("::"), source));
    let mut all: Vec<Function> = all.collect();
    all.sort();
    let (median, ninth) = (all[all.len() / 2].0, all[all.len() * 9 / 10].0);
    let longest = all.last().unwrap();
    eprintln!(
        "{} functions: median {median} lines, nine in ten at most {ninth}, longest {longest:?}",
        all.len()
    );
    assert!(median <= 8 && ninth <= 21 && longest.0 <= 52, "{median}, {ninth}, {longest:?}");
}

#[test]
fn files_stay_short() {
    for (folder, limit) in [("src", 420), ("benches", 420), ("tests", 420)] {
        let lines = |file: &Path| std::fs::read_to_string(file).unwrap().lines().count();
        let mut all: Vec<_> = files(&in_tree(folder)).into_iter().map(|file| (lines(&file), file)).collect();
        all.sort();
        let total: usize = all.iter().map(|(lines, _)| lines).sum();
        let (longest, file) = all.last().unwrap();
        eprintln!(
            "{folder}: {} files, {total} lines, the longest has {longest}: {}",
            all.len(),
            file.display()
        );
        assert!(*longest <= limit, "{} has {longest} lines", file.display());
    }
}

#[test]
fn names_of_types_are_taken_once() {
    let modules = Modules::read(&in_tree("src"));
    let mut defined: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (module, source) in modules.iter() {
        for name in types(source) {
            defined.entry(name).or_default().push(module.join("::"));
        }
    }
    defined.retain(|_, modules| modules.len() > 1);
    eprintln!("{} names of types that two modules define: {defined:#?}", defined.len());
    assert!(defined.len() <= 6, "{defined:#?}");
}

#[test]
fn measures_are_right() {
    let source = "fn a() {}\nimpl A {\n    pub fn b<T>(x: [u8; 2])\n    where\n        T: B,\n    {\n        c()\n    }\n}\ntrait C {\n    fn d();\n}\n";
    let measured: Vec<_> = functions("m", source).into_iter().map(|(lines, _, name)| (name, lines)).collect();
    assert_eq!(measured, [("a".to_owned(), 1), ("b".to_owned(), 6)]);
    let source = "pub struct A;\npub(crate) enum B {}\nstruct C;\npub fn type_of() {}\n";
    assert_eq!(types(source), BTreeSet::from(["A", "B"]));
}
