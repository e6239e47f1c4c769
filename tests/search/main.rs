//! Searching for false verdicts: every state that a short history of a small registry leads to is judged.
//!
//! The registry is the sandbox in memory, with each kind of cache and as each release; regfsck is the real one, over
//! ports that ask it. What it says in a state is held against a user who pushes and pulls there.
//!
//! What is near is searched at every change. A deeper search is one command; it prints the smallest histories that break the promise:
//!
//! ```text
//! REGFSCK_SEARCH_STATES=100000 cargo test --release --test search deep -- --ignored --nocapture
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and tells what it searched"
)]
#![allow(unreachable_pub, reason = "nothing of it is anybody else's interface")]

mod contract;
mod explore;
mod judge;
mod machine;
mod moves;
mod noted;
mod oracle;
mod ports;
mod replay;
mod run;
mod world;

/// What is shared with the other integration tests.
#[path = "../it/support"]
#[allow(dead_code, reason = "others use the rest")]
mod support {
    pub mod program;
    pub mod raw;
    pub mod real_registry;
    pub mod redis_server;
    pub mod regfsck;
    pub mod settings;
}

use regfsck::adapters::sandbox::{Caching, Flavour};

use explore::{Limits, Outcome, Setting, explain, search};
use moves::{Move, Range};

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

fn named(name: &str, is: impl Fn(&str) -> bool) -> bool {
    std::env::var(name).map_or(true, |list| list.split(',').any(is))
}

/// All settings, or those that the environment names.
fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for range in Range::ALL {
        for flavour in Flavour::ALL {
            for cache in [Caching::None, Caching::InMemory, Caching::Redis] {
                let is_wanted = named("REGFSCK_SEARCH_RANGE", |one| one == range.name())
                    && named("REGFSCK_SEARCH_FLAVOUR", |one| one == format!("{flavour:?}"))
                    && named("REGFSCK_SEARCH_CACHE", |one| one == format!("{cache:?}"));
                settings.extend(is_wanted.then_some(Setting { flavour, cache, range }));
            }
        }
    }
    settings
}

fn tell(setting: Setting, outcome: &Outcome) {
    let Outcome { states, depth, by_depth, time, statuses, violations } = outcome;
    eprintln!(
        "{:?} {:?} {}: {states} states, all to depth {depth} {by_depth:?}, {:.1} s",
        setting.flavour,
        setting.cache,
        setting.range.name(),
        time.as_secs_f64()
    );
    let statuses: Vec<_> =
        statuses.iter().map(|((command, status), times)| format!("{command} {status}: {times}")).collect();
    eprintln!("  {}", statuses.join(", "));
    for ((command, kind), violation) in violations {
        let history: Vec<_> = violation.history.iter().map(ToString::to_string).collect();
        eprintln!("  {command}, {} states: {}", violation.states, violation.broken);
        let Setting { flavour, cache, .. } = setting;
        eprintln!("{flavour:?} | {cache:?} | {} | {command} | {kind}", history.join("; "));
    }
}

/// As far as there is time for at every change.
#[test]
fn short_histories_keep_the_promise() {
    let limits = Limits { depth: 3, states: 40 };
    for setting in settings().into_iter().filter(|setting| setting.range == Range::Images) {
        let outcome = search(setting, limits);
        if !outcome.violations.is_empty() {
            tell(setting, &outcome);
        }
        assert_eq!((outcome.states, outcome.violations.len()), (40, 0), "{setting:?}");
    }
}

#[test]
#[ignore = "it takes long; REGFSCK_SEARCH_STATES and REGFSCK_SEARCH_DEPTH say how far it goes"]
fn deep() {
    let limits = Limits {
        depth: number("REGFSCK_SEARCH_DEPTH", usize::MAX),
        states: number("REGFSCK_SEARCH_STATES", 100_000),
    };
    for setting in settings() {
        tell(setting, &search(setting, limits));
    }
}

#[test]
#[ignore = "it tells one history: REGFSCK_SEARCH_HISTORY, its moves with semicolons between them"]
fn history() {
    let text = std::env::var("REGFSCK_SEARCH_HISTORY").expect("a history");
    let moves: Vec<Move> = text.split(';').map(|one| one.trim().parse().unwrap()).collect();
    for setting in settings().into_iter().filter(|setting| setting.range == Range::Images) {
        eprintln!("{:?} {:?}", setting.flavour, setting.cache);
        explain(setting, &moves);
    }
}
