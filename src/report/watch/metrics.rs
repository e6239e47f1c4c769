//! A watch's metrics: those of its last report, and its own.
//!
//! In the older text form, and as `OpenMetrics` where the scraper takes that: there counters are named without `_total` where
//! they are described, and the end is marked.

use std::io::{self, Write};

use crate::domain::report::Report;
use crate::domain::watch::{DELAYS, Delays, Figures, WatchStatus};
use crate::report::prometheus::{Metric, count, label, metrics, target, write_all};

/// Write them all.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(status: &WatchStatus, is_open: bool, out: &mut dyn Write) -> io::Result<()> {
    let target = target(&status.target);
    if let Some(report) = &status.report {
        write_all(&target, metrics(report), out)?;
        write_all(&target, covered(report), out)?;
    }
    write_all(&target, gauges(status), out)?;
    for (name, help, value) in counters(&status.figures) {
        let family = if is_open { name.to_owned() } else { format!("{name}_total") };
        writeln!(out, "# HELP {family} {help}\n# TYPE {family} counter")?;
        writeln!(out, "{name}_total{{{target}}} {value}")?;
    }
    delays(&target, &status.figures.delays, out)?;
    if is_open { writeln!(out, "# EOF") } else { Ok(()) }
}

fn one(name: &'static str, help: &'static str, value: f64) -> Metric {
    Metric { name, help, samples: vec![(String::new(), value)] }
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

/// How much was looked at.
fn covered(report: &Report) -> Vec<Metric> {
    let mut samples = Vec::new();
    let mut add = |side: &str, what: &str, value: u64| {
        samples.push((format!("{},{}", label("side", side), label("what", what)), count(value)));
    };
    if let Some(storage) = &report.coverage.storage {
        add("storage", "repositories", storage.repositories);
        add("storage", "tags", storage.tags);
        add("storage", "blobs", storage.blobs);
        add("storage", "bytes", storage.bytes);
        add("storage", "hashed_bytes", storage.hashed_bytes);
    }
    if let Some(served) = &report.coverage.served {
        add("served", "requests", served.requests);
        add("served", "manifests", served.manifests);
        add("served", "blobs", served.blobs);
    }
    if let Some(cache) = &report.coverage.cache {
        add("cache", "keys", cache.keys);
    }
    vec![Metric { name: "regfsck_covered", help: "What the last run looked at.", samples }]
}

fn gauges(status: &WatchStatus) -> Vec<Metric> {
    let mut gauges = vec![
        one(
            "regfsck_watch_start_time_seconds",
            "When the watch began.",
            status.started.as_duration().as_secs_f64(),
        ),
        one(
            "regfsck_watch_blind",
            "Whether the last check could not look at all.",
            flag(status.blind.is_some()),
        ),
        one(
            "regfsck_watch_configuration_stale",
            "Whether the configuration could not be read again when that was asked for.",
            flag(status.stale.is_some()),
        ),
        one("regfsck_watch_checking", "Whether a check is under way.", flag(status.checking.is_some())),
        one(
            "regfsck_watch_pushes_broken",
            "Images that were pushed and cannot be pulled.",
            count(status.broken.len() as u64),
        ),
        one("regfsck_watch_pushes_waiting", "Pushes that wait to be verified.", count(status.waiting)),
        one(
            "regfsck_watch_leads",
            "What checks will ask about beside what storage itself shows.",
            count(status.leads),
        ),
    ];
    let moments = [
        ("regfsck_watch_next_check_timestamp_seconds", "When the next check is due.", status.next),
        (
            "regfsck_watch_oldest_push_timestamp_seconds",
            "When the push that waits longest to be verified was told.",
            status.oldest,
        ),
    ];
    gauges.extend(moments.into_iter().filter_map(|(name, help, moment)| {
        moment.map(|moment| one(name, help, moment.as_duration().as_secs_f64()))
    }));
    gauges
}

/// Name without `_total`, meaning, value.
fn counters(figures: &Figures) -> [(&'static str, &'static str, u64); 9] {
    [
        ("regfsck_watch_checks", "Checks that ended with a report.", figures.checks),
        ("regfsck_watch_blind_checks", "Checks that could not look at all.", figures.blind_checks),
        ("regfsck_watch_events", "Pushes and deletions that registries told of.", figures.told),
        ("regfsck_watch_events_dropped", "Pushes that there was no room for.", figures.dropped),
        ("regfsck_watch_pushes_verified", "Pushed images that can be pulled.", figures.verified),
        ("regfsck_watch_pushes_failed", "Pushed images that were found broken.", figures.failed),
        ("regfsck_watch_collections", "Garbage collections that were seen.", figures.collections),
        ("regfsck_watch_fix_steps", "Steps of repairs that were begun.", figures.steps),
        ("regfsck_watch_fixes_declined", "Repairs that were over the limit of a day.", figures.declined),
    ]
}

fn delays(target: &str, delays: &Delays, out: &mut dyn Write) -> io::Result<()> {
    let name = "regfsck_watch_push_verification_seconds";
    let help = "From a push being told to its verdict.";
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram")?;
    let mut so_far = 0;
    for (bound, bucket) in DELAYS.iter().zip(delays.buckets) {
        so_far += bucket;
        writeln!(out, "{name}_bucket{{{target},{}}} {so_far}", label("le", &format!("{bound:?}")))?;
    }
    writeln!(out, "{name}_bucket{{{target},{}}} {}", label("le", "+Inf"), delays.count)?;
    writeln!(out, "{name}_sum{{{target}}} {}\n{name}_count{{{target}}} {}", delays.sum, delays.count)
}
