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
use crate::support::missing;
use crate::support::real_registry::programs;
use crate::support::redis_server::RedisServer;

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

/// Runs a scenario without a cache, and with each kind of it.
fn compare_cached_and_not(name: &str, scenario: impl Fn(&mut Daemon) -> Transcript) {
    for cache in [CacheKind::InMemory, CacheKind::None] {
        compare(&format!("{name} with cache {cache:?}"), &Settings::with_cache(cache), &scenario);
    }
    let Some(redis) = RedisServer::start() else { return missing("redis-server", name) };
    let settings = Settings::with_cache(CacheKind::Redis(format!("127.0.0.1:{}", redis.port)));
    compare(&format!("{name} with Redis"), &settings, |daemon| {
        // The sandbox keeps its keys itself, and each daemon begins without any.
        redis.flush();
        let mut seen = scenario(daemon);
        seen.extend(daemon.keys(&redis));
        seen
    });
}

/// Where 2.7 is not like 2.8: pages of the catalog, and words.
const OF_2_7: [&str; 3] = ["?n=0: ", "?n=1001: ", "failed to garbage collect: error enumerating blobs: "];

/// Ranges of nothing, where the Go that a registry was built with decides. Debian's 2.8.2 has an old one.
const OF_ITS_GO: [&str; 4] = ["bytes=9999999-: 416 ", "bytes=5-2: 416 ", "lines=1-2: 416 ", "blob_trunc_0 "];

/// Whether a registry is known to say something else there than the sandbox.
fn is_known(what: &str, line: &str) -> bool {
    let begins = |known: &[&str]| known.iter().any(|known| line.starts_with(known));
    let is_2_7 = what.contains(" v2.7.");
    is_2_7 && begins(&OF_2_7) || (is_2_7 || what.contains(" 2.8.3")) && begins(&OF_ITS_GO)
}

/// Asserts equality, showing only the lines that differ.
fn pretty_assert(expected: &[String], seen: &[String], what: &str) {
    let differences: Vec<_> = expected
        .iter()
        .zip(seen)
        .filter(|(expected, seen)| expected != seen)
        .filter(|(line, _)| !is_known(what, line))
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
    let kind = if *cache == CacheKind::None { "none" } else { "mem" };
    let major: &[&str] = match flavour {
        Flavour::V2 => &["2"],
        Flavour::V3_0 | Flavour::V3 => &["3"],
        Flavour::Head => &["h", "3"],
    };
    let find = |who: &str| {
        table.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let mut parts = line.splitn(4, " | ");
            let is_it = parts.next() == Some(name)
                && parts.next() == Some(state)
                && parts.next()?.split(' ').any(|one| one == who);
            parts.next().filter(|_| is_it)
        })
    };
    let mut found = major.iter().filter_map(|major| find(&format!("{major}{kind}")));
    found.next().unwrap_or_else(|| panic!("{name} {state} {flavour:?} {kind} was not measured"))
}

/// Runs a scenario on every sandbox: for what no real registry here can be asked.
fn on_sandboxes(scenario: impl Fn(&mut Daemon, Flavour)) {
    for flavour in Flavour::ALL {
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
