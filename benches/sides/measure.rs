//! Running programs side by side: wall time, CPU time and peak memory of each, interleaved.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

/// How often a running program's peak memory is read; what it takes in its last moments is not seen.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// The kernel's clock ticks a second, in which CPU times are told.
const TICKS: f64 = 100.0;

/// What one run took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// User and system time of the program and all it started.
    pub(crate) cpu: f64,
    /// The most memory that the program itself had resident.
    pub(crate) peak_bytes: u64,
    /// What was got done, where that is counted: requests, bytes, keys.
    pub(crate) work: f64,
}

/// One of the programs in a comparison.
pub(crate) struct Side<'a> {
    pub(crate) name: String,
    pub(crate) run: Box<dyn FnMut() -> Result<Run> + 'a>,
}

/// The runs of one side, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) name: String,
    pub(crate) runs: Vec<Run>,
}

/// What the kernel has in its caches when a side begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caches {
    /// What the runs before left there.
    Warm,
    /// Nothing of the disk.
    Cold,
}

impl Caches {
    fn prepare(self) -> Result<()> {
        if self == Self::Cold {
            Command::new("sync").status()?;
            fs::write("/proc/sys/vm/drop_caches", "3").context("only root can drop the kernel's caches")?;
        }
        Ok(())
    }
}

/// Run each side once to warm up, then all of them `rounds` times in turn; with no rounds each once, as it is.
pub(crate) fn interleave(sides: Vec<Side<'_>>, rounds: usize) -> Result<Vec<Runs>> {
    interleave_with(Caches::Warm, sides, rounds)
}

/// The same with the kernel's caches in a state of our choice.
pub(crate) fn interleave_with(caches: Caches, mut sides: Vec<Side<'_>>, rounds: usize) -> Result<Vec<Runs>> {
    let mut all: Vec<_> =
        sides.iter().map(|side| Runs { name: side.name.clone(), runs: Vec::new() }).collect();
    for round in 0..=rounds {
        for (side, runs) in sides.iter_mut().zip(&mut all) {
            caches.prepare()?;
            let run = (side.run)().with_context(|| side.name.clone())?;
            eprintln!("{:>3} {:44} {:8.3} s {:8.2} s CPU", round, side.name, run.seconds, run.cpu);
            if round > 0 || rounds == 0 {
                runs.runs.push(run);
            }
        }
    }
    Ok(all)
}

impl Runs {
    pub(crate) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(of).collect())
    }

    /// This side in proportion to another, round by round: the median, the least, the most.
    pub(crate) fn ratio(&self, peer: &Self, of: impl Fn(&Run) -> f64) -> (f64, f64, f64) {
        let ratios: Vec<_> =
            self.runs.iter().zip(&peer.runs).map(|(own, other)| of(own) / of(other)).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        (median(ratios), least, most)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle.saturating_sub(1)), values.get(middle)) {
        (0, Some(one), Some(other)) => f64::midpoint(*one, *other),
        (_, _, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// Run a program to its end. Any of `statuses` is success.
pub(crate) fn program(command: &mut Command, statuses: &[i32]) -> Result<Run> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let before = children_cpu();
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    let (status, peak_bytes) = watch(&mut child)?;
    let run =
        Run { seconds: began.elapsed().as_secs_f64(), cpu: children_cpu() - before, peak_bytes, work: 0.0 };
    match status.code() {
        Some(code) if statuses.contains(&code) => Ok(run),
        _ => bail!("{shown}: {status}"),
    }
}

/// Wait for a program, and see how much memory it takes meanwhile.
fn watch(child: &mut Child) -> Result<(std::process::ExitStatus, u64)> {
    let (id, peak, is_over) = (child.id(), AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                peak.fetch_max(high_water(id), Ordering::Relaxed);
                thread::sleep(LOOK_EVERY);
            }
        });
        let status = child.wait();
        is_over.store(true, Ordering::Relaxed);
        Ok((status?, peak.load(Ordering::Relaxed)))
    })
}

/// The most memory that a process has had resident so far.
fn high_water(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// CPU seconds of all children that have ended.
fn children_cpu() -> f64 {
    cpu_of("self", 15..17)
}

/// CPU seconds of a running process itself.
pub(crate) fn own_cpu(id: u32) -> f64 {
    cpu_of(&id.to_string(), 13..15)
}

fn cpu_of(process: &str, fields: std::ops::Range<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the name in brackets, and may hold anything.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let own = rest.split(' ').skip(fields.start - 2).take(fields.len());
    own.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

#[allow(clippy::cast_precision_loss, reason = "shown with no digit behind the point")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
