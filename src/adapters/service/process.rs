//! A process of this machine: whether it is a registry, and when it started.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

/// The kernel tells a start in hundredths of a second.
const COARSE: SignedDuration = SignedDuration::from_millis(50);
/// The field of `/proc/PID/stat` behind the name of the program that is the start, from 0.
const START: usize = 19;

/// When a process started that is a registry's daemon, not before.
///
/// # Errors
/// When it is not seen to be one, or there is none of that number; in words.
pub fn registry_start(pid: u32) -> Result<Timestamp, String> {
    let folder = Path::new("/proc").join(pid.to_string());
    let failed = |error: std::io::Error| format!("process {pid} cannot be looked at: {error}");
    let line = fs::read(folder.join("cmdline")).map_err(failed)?;
    let words: Vec<String> = words(&line);
    if !is_registry(&words) {
        return Err(format!("process {pid} (`{}`) is not seen to be a registry", words.join(" ")));
    }
    let stat = fs::read_to_string(folder.join("stat")).map_err(failed)?;
    started(&stat).ok_or_else(|| format!("process {pid} does not tell when it started"))
}

fn words(line: &[u8]) -> Vec<String> {
    let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Whether a command line is that of a registry's daemon: a proxy in front of one is as old as it likes.
fn is_registry(words: &[String]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let Some(at) = arguments.iter().position(|word| word == "serve") else { return false };
    let name = program.rsplit('/').next().unwrap_or_default();
    let is_config =
        |word: &String| Path::new(word).extension().is_some_and(|end| end == "yml" || end == "yaml");
    name.contains("registry") || name == "distribution" || arguments.iter().skip(at).any(is_config)
}

/// The start that `/proc/PID/stat` tells: ticks since the machine was booted.
fn started(stat: &str) -> Option<Timestamp> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_whitespace().nth(START)?.parse().ok()?;
    let millis = ticks.checked_mul(1000)?.checked_div(clock_ticks_per_second())?;
    let booted = clock_gettime(ClockId::Boottime);
    let up = SignedDuration::new(booted.tv_sec, i32::try_from(booted.tv_nsec).ok()?);
    let age = up.checked_sub(SignedDuration::from_millis(i64::try_from(millis).ok()?))?;
    Timestamp::now().checked_sub(age.checked_add(COARSE)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_from_what_stands_in_front_of_it() {
        for (line, is_one) in [
            ("registry serve /etc/docker/registry/config.yml", true),
            ("/usr/bin/docker-registry serve /x", true),
            ("/bin/registry-3.1.1 serve config", true),
            ("/opt/app serve /etc/distribution/config.yml", true),
            ("registry garbage-collect /etc/docker/registry/config.yml", false),
            ("nginx: master process /usr/sbin/nginx -g daemon on;", false),
            ("/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 5000", false),
            ("traefik serve", false),
            ("haproxy -f registry.yml", false),
            ("", false),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(is_registry(&words), is_one, "{line}");
        }
    }

    #[test]
    fn a_process_started_before_now_and_not_long_ago() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let now = Timestamp::now();
        let at = started(&stat).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(at <= now && now.duration_since(at) < SignedDuration::from_secs(2), "{at} {now}");
    }
}
