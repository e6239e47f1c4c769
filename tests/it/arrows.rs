//! Who may import whom: the picture of the layers, asserted.
//!
//! ```text
//! cli → report, engine, adapters, domain      report → domain
//! adapters → engine::ports, domain            engine → domain
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::support::generated::in_tree;
use crate::support::modules::{Module, Modules, absolute};
use crate::support::source::{bare, is_word, paths, without_tests};

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
    let modules = Modules::read(&in_tree("src"));
    let offences: Vec<String> = modules
        .iter()
        .flat_map(|(module, source)| {
            offences(module, source).into_iter().map(move |o| format!("{}: {o}", module.join("::")))
        })
        .collect();
    assert_eq!(offences, Vec::<String>::new());
    let seen: BTreeSet<&str> =
        modules.iter().filter_map(|(module, _)| module.first()).map(String::as_str).collect();
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

/// Two modules in one room, the first of which names the second.
struct Neighbours<'a> {
    room: &'a [String],
    from: &'a str,
    to: &'a str,
    /// The modules themselves, which may lie deeper.
    pair: (&'a Module, &'a Module),
}

/// A room is a folder. A file counts together with the folder of its children, and a room's own module is nobody's
/// neighbour: parent and children may name each other.
fn neighbours<'a>(pair: &(&'a Module, &'a Module)) -> Option<Neighbours<'a>> {
    let (a, b) = *pair;
    let depth = a.iter().zip(b.iter()).take_while(|(a, b)| a == b).count();
    Some(Neighbours { room: &a[..depth], from: a.get(depth)?, to: b.get(depth)?, pair: *pair })
}

/// The room of each circle, and who closes it by naming whom.
fn circles(names: &[(&Module, &Module)]) -> Vec<(String, String)> {
    let neighbours: Vec<_> = names.iter().filter_map(neighbours).collect();
    let mut rooms: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for pair in &neighbours {
        rooms.entry(pair.room).or_default().entry(pair.from).or_default().insert(pair.to);
    }
    let circular = neighbours.iter().filter(|pair| reach(&rooms[pair.room], pair.to).contains(pair.from));
    circular
        .map(|pair| {
            let (from, to) = pair.pair;
            (pair.room.join("/"), format!("{} names {}", from.join("::"), to.join("::")))
        })
        .collect()
}

/// All that can be come to from `start`, itself included.
fn reach<'a>(named: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([start]);
    let mut next = vec![start];
    while let Some(one) = next.pop() {
        next.extend(named.get(one).into_iter().flatten().filter(|other| reached.insert(other)));
    }
    reached
}

#[test]
fn no_room_holds_a_circle() {
    for folder in ["src", "benches/sides", "tests/it"] {
        let modules = Modules::read(&in_tree(folder));
        assert_eq!(circles(&modules.names()), [], "below {folder}");
    }
}

#[test]
fn a_circle_is_seen() {
    let module = |path: &str| -> Module { path.split('/').map(str::to_owned).collect() };
    for (names, expected) in [
        ("a/b>a/c a/c>a/d", None),
        ("a/b>a/c a/c>a/d a/d>a/b", Some("a")),
        ("a/b>a a>a/b", None),
        ("a/b>a/b/c a/b/c>a/b", None),
        ("a/b/c>a/d a/d>a/b/e", Some("a")),
        ("a/b>c a>d d>a/c", Some("")),
    ] {
        let names: Vec<(Module, Module)> = names
            .split(' ')
            .map(|pair| pair.split_once('>').unwrap())
            .map(|(from, to)| (module(from), module(to)))
            .collect();
        let names: Vec<(&Module, &Module)> = names.iter().map(|(from, to)| (from, to)).collect();
        let rooms: BTreeSet<String> = circles(&names).into_iter().map(|(room, _)| room).collect();
        assert_eq!(rooms, expected.map(str::to_owned).into_iter().collect());
    }
}
