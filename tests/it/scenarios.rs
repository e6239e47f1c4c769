//! One suite of scenarios, run against the sandbox in both flavours and against every real registry
//! found. Each scenario writes down what it sees; the sandbox and the real registry of the same
//! flavour must have written the same, and where answers were measured before, those.

mod collection;
mod damage;
mod faults;
mod healing;
mod incident;
mod protocol;

use regfsck::adapters::sandbox::Flavour;
use regfsck::domain::digest::Digest;

use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::real_registry::programs;

/// What a scenario saw, one line a step.
type Transcript = Vec<String>;

/// Runs a scenario on every real registry and on the sandbox of the same flavour, and compares.
fn compare(name: &str, settings: &Settings, scenario: impl Fn(&mut Daemon) -> Transcript) {
    for program in programs() {
        let embedded = scenario(&mut Kind::Sandbox(program.flavour).start(settings));
        let version = program.version.clone();
        let real = scenario(&mut Kind::Real(program).start(settings));
        assert!(!real.is_empty(), "{name} saw something");
        pretty_assert(&real, &embedded, &format!("{name}: {version}, and then the sandbox"));
    }
}

/// Runs a scenario with and without a cache.
fn compare_cached_and_not(name: &str, scenario: impl Fn(&mut Daemon) -> Transcript) {
    for cache in [CacheKind::InMemory, CacheKind::None] {
        compare(&format!("{name} with cache {cache:?}"), &Settings::with_cache(cache), &scenario);
    }
}

/// Asserts equality, showing only the lines that differ.
fn pretty_assert(expected: &[String], seen: &[String], what: &str) {
    let differences: Vec<_> = expected
        .iter()
        .zip(seen)
        .filter(|(expected, seen)| expected != seen)
        .map(|(expected, seen)| format!("  expected {expected}\n  seen     {seen}"))
        .collect();
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
    assert_eq!(expected.len(), seen.len(), "{what}");
}

/// What a table of `tests/it/data` has for a subject, in a state, on a flavour with a cache.
fn measured_for(
    table: &'static str,
    name: &str,
    state: &str,
    flavour: Flavour,
    cache: &CacheKind,
) -> &'static str {
    let who = match (flavour, cache) {
        (Flavour::V2, CacheKind::None) => "2none",
        (Flavour::V2, _) => "2mem",
        (Flavour::V3, CacheKind::None) => "3none",
        (Flavour::V3, _) => "3mem",
    };
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut parts = line.splitn(4, " | ");
            let is_it = parts.next() == Some(name)
                && parts.next() == Some(state)
                && parts.next()?.split(' ').any(|one| one == who);
            parts.next().filter(|_| is_it)
        })
        .unwrap_or_else(|| panic!("{name} {state} {who} was not measured"))
}

/// Runs a scenario on both sandboxes: for what no real registry here can be asked.
fn on_sandboxes(scenario: impl Fn(&mut Daemon, Flavour)) {
    for flavour in [Flavour::V2, Flavour::V3] {
        scenario(&mut Kind::Sandbox(flavour).start(&Settings::default()), flavour);
    }
}

/// Every file below the storage root, digests of uploads' sessions left out, sorted.
fn files(daemon: &Daemon) -> Transcript {
    let root = daemon.root();
    let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().flatten();
    let is_kept = |entry: &walkdir::DirEntry| {
        entry.file_type().is_file() || entry.path().read_dir().is_ok_and(|mut inside| inside.next().is_none())
    };
    walk.filter(is_kept)
        .map(|entry| entry.path().strip_prefix(&root).unwrap().display().to_string())
        .collect()
}

fn short(digest: &Digest) -> String {
    digest.hex()[..8].to_owned()
}
