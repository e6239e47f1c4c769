//! What whoever pushes can store costs in proportion to how much it is, in time and in memory.
//!
//! Each kind is planted small and ten times as large. A walk over pairs of things would cost a hundred times as much.

mod lists;
mod plant;

use std::time::Duration;

use rstest::rstest;

use self::plant::Kind;
use crate::support::measured::{Cost, measure};
use crate::support::regfsck;

/// What looking at so many of them costs: a check, or the gate where garbage collection is what they are for.
fn of(kind: Kind, count: usize) -> Cost {
    let dir = tempfile::tempdir().unwrap();
    kind.plant(dir.path(), count);
    let storage = dir.path().to_str().unwrap();
    let (arguments, statuses) = if kind == Kind::Collected {
        (&["guard", "--gate-only", "--delete-untagged", "--gc-version", "2", "-o", "json"][..], [4, 4])
    } else {
        (&["check", "--grace", "0s", "-o", "json"][..], [0, 1])
    };
    let (ended, cost) = measure(regfsck::command(arguments).args(["--storage", storage]));
    assert!(statuses.contains(&ended.status), "{ended:?}");
    cost
}

/// What is ten times as much may take twenty times the time and memory, beside what nothing takes.
#[rstest]
#[case::chain(Kind::Chain)]
#[case::lost_under_a_chain(Kind::LostUnderChain)]
#[case::collected(Kind::Collected)]
#[case::sessions(Kind::Sessions)]
#[case::stray_files(Kind::Strays)]
#[case::tags(Kind::Tags)]
#[case::links(Kind::Links)]
#[case::traces(Kind::Traces)]
#[case::repositories(Kind::Repositories)]
fn what_a_pusher_can_store_costs_in_proportion(#[case] kind: Kind) {
    let (few, many) = (of(kind, 500), of(kind, 5_000));
    let base = Duration::from_millis(50);
    assert!(many.cpu <= (few.cpu + base) * 20, "{kind:?}: {few:?}, {many:?}");
    assert!(many.peak_bytes <= few.peak_bytes * 20, "{kind:?}: {few:?}, {many:?}");
}

/// The figures of `docs/reliability.md`: `REGFSCK_COST=10000,100000` says how many of each, `REGFSCK_KIND=tags` of what,
/// `REGFSCK_PROGRAM=target/release/regfsck` by which program.
#[test]
#[ignore = "it measures; REGFSCK_COST says how many of each kind, REGFSCK_KIND of which"]
fn curves() {
    let counts = std::env::var("REGFSCK_COST").unwrap_or_else(|_| "10000,100000".into());
    let wanted = std::env::var("REGFSCK_KIND").unwrap_or_default();
    eprintln!("| what | how many | time | CPU | peak memory |\n|---|---|---|---|---|");
    for kind in Kind::ALL.into_iter().filter(|kind| format!("{kind:?}").to_lowercase().contains(&wanted)) {
        for count in counts.split(',').map(|count| count.parse().unwrap()) {
            let Cost { time, cpu, peak_bytes } = of(kind, count);
            let (time, cpu, peak) = (time.as_secs_f64(), cpu.as_secs_f64(), peak_bytes >> 20);
            eprintln!("| {} | {count} | {time:.1} s | {cpu:.1} s | {peak} MB |", kind.words());
        }
    }
}
