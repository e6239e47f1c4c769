//! What a run of the program costs: CPU time and peak memory, as the kernel counts them.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::regfsck::{Ended, end};

/// How often a running program's peak memory is read; what it takes in its last moments is not seen.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Its own user and system time.
    pub(crate) cpu: Duration,
    /// The most memory that it had resident.
    pub(crate) peak_bytes: u64,
}

/// Run a program to its end; its stdout goes nowhere, so that nothing waits for us.
pub(crate) fn measure(command: &mut Command) -> (Ended, Cost) {
    let began = Instant::now();
    let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let mut peak_bytes = 0;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(pid), options).unwrap().is_none() {
        peak_bytes = peak_bytes.max(high_water(&child));
        std::thread::sleep(LOOK_EVERY);
    }
    let cost = Cost { time: began.elapsed(), cpu: cpu(&child), peak_bytes };
    (end(child), cost)
}

fn high_water(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The CPU time of a child that has ended and was not waited for yet.
fn cpu(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
