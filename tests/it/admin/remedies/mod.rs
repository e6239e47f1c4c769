//! Every command that a report prints is run as it was printed, on a registry of its own, and what it was printed for
//! is gone then. A word in capitals is filled in.

mod patient;

use std::collections::BTreeSet;

use regfsck::adapters::sandbox::Flavour;
use regfsck::domain::code::{Code, Severity};
use rstest::rstest;

use self::patient::{Named, Patient};
use crate::check::recipes::{Recipe, recipes};
use crate::support::daemon::Kind;
use crate::support::real_registry::programs;
use crate::support::redis_server::RedisServer;

/// What a report prints: for these codes, this command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) codes: Vec<String>,
    pub(super) line: String,
}

/// The commands of a report. Below the heading a line with two blanks in front names codes, deeper ones are remedies.
pub(super) fn printed(report: &str) -> Vec<Printed> {
    let mut codes = Vec::new();
    let mut printed = Vec::new();
    for line in report.lines().skip_while(|line| *line != "what to do").skip(1) {
        if let Some(line) = line.strip_prefix("        ").filter(|line| is_command(line)) {
            printed.push(Printed { codes: Clone::clone(&codes), line: line.to_owned() });
        } else if line.starts_with("  ") && !line.starts_with("   ") && !line.contains('`') {
            codes = line.trim().split(", ").map(str::to_owned).collect();
        }
    }
    printed
}

fn is_command(line: &str) -> bool {
    ["regfsck ", "mv ", "chown "].iter().any(|program| line.starts_with(program))
}

/// What is wrong with what the report about a patient prints, and the codes that it has commands for.
fn faults(make: impl Fn() -> Patient) -> (BTreeSet<String>, Vec<String>) {
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for at in 0.. {
        // What is typed was printed for this very registry.
        let mut patient = make();
        let shown = patient.checked(&[]);
        // Whether there is what the command is for: where no Redis is, none has keys.
        // Nor does a restart empty a Redis that the check was not told of.
        let is_for_here = |printed: &Printed| {
            if patient.has_untold_redis() {
                !printed.line.starts_with("regfsck restart")
            } else {
                patient.has_redis() || !printed.line.contains("redis://HOST")
            }
        };
        let all: Vec<_> = printed(&shown.stdout).into_iter().filter(is_for_here).collect();
        let Some(Printed { codes, line }) = all.get(at) else { break };
        let ended = patient.type_in(line);
        let left = if line.starts_with("regfsck check") && !line.contains("--fix") {
            // It only looks, past whatever stands between.
            codes.iter().filter(|code| ended.stdout.contains(code.as_str())).cloned().collect()
        } else {
            patient.codes()
        };
        let unhealed: Vec<_> = codes.iter().filter(|code| left.contains(*code)).collect();
        if !unhealed.is_empty() {
            faults.push(format!("`{line}` leaves {unhealed:?}: {ended:?}"));
        }
        seen.extend(codes.clone());
        if at + 1 == all.len() {
            break;
        }
    }
    (seen, faults)
}

/// What was never stored anywhere: a tag that was made to name it.
const HOPELESS: [&str; 1] = ["missing-manifest-tag"];

/// The daemons a recipe is tried on, and how each is named; so that all of them meet both ways of naming one.
fn registries(at: usize, recipe: &Recipe) -> Vec<(Kind, Named)> {
    let both = [Named::ByConfig, Named::ByFlags];
    let real = programs().into_iter().map(Kind::Real).filter(|_| recipe.lies.is_empty());
    let sandboxes = [Flavour::V2, Flavour::V3].map(Kind::Sandbox);
    let named = both.into_iter().cycle().skip(at % 2);
    sandboxes.into_iter().chain(real).zip(named).collect()
}

/// In parts, so that they run beside each other.
#[rstest]
fn every_command_that_a_report_prints_heals_what_it_is_printed_for(
    #[values(0, 1, 2, 3, 4, 5, 6, 7)] part: usize,
) {
    let recipes = recipes();
    let damaged = recipes
        .iter()
        .filter(|(name, recipe)| !recipe.finds.is_empty() && !HOPELESS.contains(&name.as_str()));
    for (at, (name, recipe)) in damaged.enumerate().filter(|(at, _)| at % 8 == part) {
        for (kind, named) in registries(at / 8, recipe) {
            let (seen, faults) = faults(|| Patient::new(recipe, &kind, named));
            assert!(faults.is_empty(), "{name} on {kind:?}, {named:?}: {}", faults.join("\n"));
            for code in found(recipe) {
                let is_by_hand = BY_HAND.contains(&code);
                assert_eq!(!seen.contains(code.as_str()), is_by_hand, "{name} on {kind:?}: {code}");
            }
        }
    }
}

/// What no command heals: the image must be built again.
const BY_HAND: [Code; 1] = [Code::WrongDescriptor];

/// What a recipe is about, but for notes, and for failures of a daemon whose cause is found beside them.
fn found(recipe: &Recipe) -> Vec<Code> {
    let codes = recipe.finds.iter().map(|line| line.split(' ').next().unwrap().parse::<Code>().unwrap());
    let codes: Vec<_> = codes.filter(|code| code.severity() != Severity::Note).collect();
    let is_alone = codes.len() == 1;
    codes.into_iter().filter(|code| is_alone || *code != Code::ServerError).collect()
}

fn reals() -> impl Iterator<Item = Kind> {
    programs().into_iter().map(Kind::Real)
}

/// What nobody but a test of its own can make.
#[test]
fn every_command_heals_where_the_daemon_s_user_may_not_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can run a daemon as somebody else");
        return;
    }
    for kind in reals() {
        for what in 0..Patient::CLOSED {
            let (seen, faults) = faults(|| Patient::closed(&kind, what));
            assert!(faults.is_empty(), "{kind:?}, {what}: {}", faults.join("\n"));
            has_all(&seen, &[Code::UnreadableFile]);
        }
    }
}

/// A code that is new has commands that nobody typed yet.
#[test]
fn every_code_has_its_commands_typed_here() {
    let of_recipes = recipes().iter().flat_map(|(_, recipe)| found(recipe)).collect::<BTreeSet<_>>();
    let elsewhere = [Code::StaleCacheEntry, Code::ReplicaDisagreement, Code::UnreadableFile];
    // Of notes nothing is to be done.
    let wrong = Code::ALL.iter().filter(|code| code.severity() != Severity::Note);
    let untyped: Vec<_> = wrong.filter(|it| !of_recipes.contains(it) && !elsewhere.contains(it)).collect();
    assert_eq!(untyped, Vec::<&Code>::new());
}

fn has_all(seen: &BTreeSet<String>, codes: &[Code]) {
    for code in codes {
        assert!(seen.contains(code.as_str()), "no command for {code}: {seen:?}");
    }
}

#[test]
fn every_command_heals_where_the_cache_is_in_redis() {
    let Some(redis) = RedisServer::start() else { return };
    for (kind, named) in reals().zip([Named::ByConfig, Named::ByFlags].into_iter().cycle()) {
        let (seen, faults) = faults(|| {
            redis.flush();
            Patient::incident(&kind, named, Some(&redis))
        });
        assert!(faults.is_empty(), "{kind:?}, {named:?}: {}", faults.join("\n"));
        has_all(&seen, &[Code::PhantomBlob]);
        // The flags alone do not name the Redis.
        has_all(&seen, if named == Named::ByConfig { &[Code::StaleCacheEntry] } else { &[] });
    }
}

#[test]
fn every_command_heals_where_one_replica_is_stale() {
    for kind in reals() {
        let (seen, faults) = faults(|| Patient::replicated(&kind));
        assert!(faults.is_empty(), "{kind:?}: {}", faults.join("\n"));
        has_all(&seen, &[Code::ReplicaDisagreement]);
    }
}
