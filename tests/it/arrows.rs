//! Who may import whom: the picture of the layers, asserted.
//!
//! ```text
//! cli → report, engine, adapters, domain      report → domain
//! adapters → engine::ports, domain            engine → domain
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::generated::in_tree;
use crate::support::source::{bare, files, is_word, paths, without_tests};

const LAYERS: [&str; 5] = ["domain", "engine", "adapters", "report", "cli"];

/// Whether a module of `layer` may name the path, which begins below the crate.
fn may_import(layer: &str, path: &[String]) -> bool {
    let Some(target) = path.first().map(String::as_str).filter(|first| LAYERS.contains(first)) else {
        return true;
    };
    let is_port = path.get(1).is_some_and(|second| second == "ports");
    match layer {
        "domain" | "report" | "engine" => target == layer || target == "domain",
        "adapters" => matches!(target, "adapters" | "domain") || (target == "engine" && is_port),
        _ => true,
    }
}

/// What the domain must not name: it reads no clock, environment, disk or network, and never waits.
const IMPURE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["jiff", "Timestamp", "now"],
    &["jiff", "Zoned", "now"],
    &["tokio"],
    &["reqwest"],
    &["redis"],
    &["tracing"],
];

const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// The module that a file is, below the crate: `src/a/b.rs` and `src/a/b/mod.rs` are `a`, `b`.
fn module(file: &Path, source: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

/// The path from the crate down, for paths that lead into it.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let (base, rest): (&[String], &[String]) = match path.first().map(String::as_str)? {
        "crate" | "regfsck" => (&[], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().saturating_sub(ups)], &path[ups..]),
        _ => return None,
    };
    Some([base, rest].concat())
}

/// What a module's source must not do, in words.
fn offences(module: &[String], source: &str) -> Vec<String> {
    let Some(layer) = module.first() else { return Vec::new() };
    let mut offences = Vec::new();
    for path in paths(source) {
        let shown = path.join("::");
        if absolute(module, &path).is_some_and(|path| !may_import(layer, &path)) {
            offences.push(format!("{layer} must not name `{shown}`"));
        }
        let is_impure = IMPURE
            .iter()
            .any(|impure| path.iter().zip(*impure).filter(|(a, b)| a == b).count() == impure.len());
        if layer == "domain" && is_impure {
            offences.push(format!("the domain must not name `{shown}`"));
        }
    }
    if layer == "domain" {
        offences.extend(impure_words(source));
    }
    offences
}

/// Printing and waiting in a source.
fn impure_words(source: &str) -> Vec<String> {
    let words: Vec<&str> = source.split_inclusive(|c| !is_word(c)).collect();
    let macros = words.iter().filter_map(|word| word.strip_suffix('!'));
    let mut found: Vec<String> = macros
        .filter(|name| PRINTING.contains(name))
        .map(|name| format!("the domain must not `{name}!`"))
        .collect();
    if words.windows(2).any(|pair| pair[0].trim_end() == "async" && pair[1].trim_end() == "fn") {
        found.push("the domain must not be `async`".into());
    }
    found
}

#[test]
fn the_arrows_hold() {
    let folder = in_tree("src");
    let mut of_tests = BTreeSet::new();
    let mut sources = Vec::new();
    for file in files(&folder) {
        let module = module(&file, &folder);
        let (source, tests) = without_tests(&bare(&std::fs::read_to_string(&file).unwrap()));
        of_tests.extend(tests.into_iter().map(|name| [module.clone(), vec![name]].concat()));
        sources.push((module, source));
    }
    // A file behind `#[path = "…"]` is known by its name.
    let is_test = |module: &[String]| {
        module.last().is_some_and(|name| name.ends_with("_tests"))
            || of_tests.iter().any(|tests| module.starts_with(tests))
    };
    let program = sources.iter().filter(|(module, _)| !is_test(module));
    let offences: Vec<String> = program
        .flat_map(|(module, source)| {
            offences(module, source).into_iter().map(move |o| format!("{}: {o}", module.join("::")))
        })
        .collect();
    assert_eq!(offences, Vec::<String>::new());
    let seen: BTreeSet<&str> =
        sources.iter().filter_map(|(module, _)| module.first()).map(String::as_str).collect();
    assert_eq!(seen, BTreeSet::from(LAYERS));
}

#[test]
fn a_wrong_arrow_is_seen() {
    for (module, source, count) in [
        ("domain/rules/one", "use crate::engine::check;", 1),
        ("domain/rules/one", "use super::super::{digest::Digest, name};", 0),
        ("domain/rules/one", "use super::super::super::{domain::digest, cli};", 1),
        ("domain/code", "use std::{fmt, fs, env::var};", 2),
        ("domain/code", "let path = std::path::Path::new(\"std::fs\"); // std::fs", 0),
        ("domain/code", "fn a() { println!(\"a\") } pub async fn b() {}", 2),
        ("domain/code", "let at = jiff::Timestamp::now();", 1),
        ("domain/code", "let it = env!(\"A\"); let c = '\"'; let lives: &'static str = r#\"tokio::x\"#;", 0),
        ("domain/code", "#[cfg(test)]\nmod tests { use std::fs; use crate::cli; }\nuse crate::report;", 1),
        ("engine/check/one", "use crate::{domain::digest, adapters::{config, registry}, report};", 3),
        ("engine/check/one", "use super::super::ports::Storage;", 0),
        ("adapters/config", "use crate::engine::ports::{Storage, Scope}; use crate::domain;", 0),
        ("adapters/config", "use crate::engine::{ports::Storage, check::Check};", 1),
        ("adapters/config", "fn a() -> crate::cli::Status { crate::report::json() }", 2),
        ("report/table", "use crate::domain::report::Report; use crate::engine::ports::Event;", 1),
        ("cli/check", "use crate::{adapters, engine, report, domain};", 0),
    ] {
        let path: Vec<String> = module.split('/').map(str::to_owned).collect();
        let found = offences(&path, &without_tests(&bare(source)).0);
        assert_eq!(found.len(), count, "{module}: {source}: {found:?}");
    }
}

#[test]
fn no_file_is_longer_than_600_lines() {
    for folder in ["src", "tests"] {
        for file in files(&in_tree(folder)) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 600, "{} has {lines} lines", file.display());
        }
    }
}
