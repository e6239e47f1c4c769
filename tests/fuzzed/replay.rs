//! The targets fed with their seeds, and with what is made of them, without any tool.
//!
//! `REGFSCK_FUZZ=1000000 cargo test --release --lib fuzzed -- --ignored --nocapture` runs each target so often.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::mutator::{Dice, mutate};
use super::{TARGETS, Target};

/// Longer than any of them may work on one input.
const HANG: Duration = Duration::from_secs(2);

/// What lies in the target's folder of seeds; what once failed is among it.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed/seeds").join(name);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What this thread worked so far: on a busy machine waiting tells nothing.
fn worked() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// How long it worked; a panic or a hang fails, and shows the input.
fn feed(name: &str, target: Target, bytes: &[u8]) -> Duration {
    let began = worked();
    let shown = || format!("{name}: {}", bytes.escape_ascii());
    assert!(catch_unwind(|| target(bytes)).is_ok(), "{}", shown());
    let took = worked().saturating_sub(began);
    assert!(took < HANG, "{took:?}: {}", shown());
    took
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

/// Feed each target with its seeds and with so many inputs made of them, as far as there is time.
fn run(count: usize, dice: u64, time: Duration) {
    let wanted = std::env::var("REGFSCK_FUZZ_TARGET").unwrap_or_default();
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let (seeds, mut dice, began) = (seeds(name), Dice::new(dice), Instant::now());
        assert!(seeds.len() > 1, "{name} has seeds");
        let mut slowest = Duration::ZERO;
        for seed in &seeds {
            slowest = slowest.max(feed(name, target, seed));
        }
        let mut fed = 0;
        while fed < count && began.elapsed() < time {
            slowest = slowest.max(feed(name, target, &mutate(&seeds, &mut dice)));
            fed += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        eprintln!("{name}: {fed} in {seconds:.1} s, slowest {slowest:?}, peak {} MB", peak_megabytes());
    }
}

#[test]
fn no_input_makes_a_parser_panic_or_hang() {
    run(1_500, 1, Duration::from_millis(500));
}

#[test]
#[ignore = "it takes long; REGFSCK_FUZZ says how many inputs each target gets, REGFSCK_FUZZ_TARGET which"]
fn as_many_as_are_wanted() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let count = number("REGFSCK_FUZZ").unwrap_or(100_000);
    run(usize::try_from(count).unwrap(), number("REGFSCK_FUZZ_SEED").unwrap_or(2).into(), Duration::MAX);
}

#[test]
fn each_target_has_a_program_for_the_fuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    // A packaged crate cannot hold them: `fuzz` is a package of its own.
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut programs: Vec<_> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort();
    let mut names = TARGETS.map(|(name, _)| name);
    names.sort_unstable();
    assert_eq!(programs, names);
}
