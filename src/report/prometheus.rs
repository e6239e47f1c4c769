//! Metrics, for the textfile collector of Prometheus's node exporter.
//!
//! Every metric has the target as a label: the files of several registries lie in one folder. A code without findings
//! is told as 0, so that an alert ends when the damage does.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::domain::code::{Code, Severity};
use crate::domain::finding::State;
use crate::domain::report::{Images, Report, Target, Verdict};

/// A metric: its name, what it tells, and its samples as labels and value.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) samples: Vec<(String, f64)>,
}

/// Write them all.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_all(&target(&report.target), metrics(report), out)
}

/// The label that every metric has.
pub(super) fn target(target: &Target) -> String {
    let named = target.registry.as_deref().or(target.storage.as_deref()).unwrap_or_default();
    label("target", named)
}

/// Write gauges, each with that label.
pub(super) fn write_all(target: &str, metrics: Vec<Metric>, out: &mut dyn Write) -> io::Result<()> {
    for Metric { name, help, samples } in metrics {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")?;
        for (labels, value) in samples {
            let comma = if labels.is_empty() { "" } else { "," };
            writeln!(out, "{name}{{{target}{comma}{labels}}} {value}")?;
        }
    }
    Ok(())
}

pub(super) fn metrics(report: &Report) -> Vec<Metric> {
    let one = |name, help, value: f64| Metric { name, help, samples: vec![(String::new(), value)] };
    let mut metrics = vec![
        Metric {
            name: "regfsck_findings",
            help: "Findings that stand, by code and severity.",
            samples: findings(report),
        },
        Metric {
            name: "regfsck_leftover_bytes",
            help: "Bytes that leftovers take, by code.",
            samples: leftovers(report),
        },
        Metric {
            name: "regfsck_verdict",
            help: "Whether the last run came to this verdict.",
            samples: verdicts(report),
        },
        one("regfsck_exit_status", "Exit status of the last run.", report.exit_status.into()),
        one(
            "regfsck_unknown",
            "Things that could not be looked at.",
            count(report.coverage.unknown.len() as u64),
        ),
        one(
            "regfsck_last_run_timestamp_seconds",
            "When the last run ended.",
            report.finished.as_duration().as_secs_f64(),
        ),
        one(
            "regfsck_run_duration_seconds",
            "How long the last run took.",
            report.finished.duration_since(report.started).as_secs_f64(),
        ),
    ];
    let (checked, broken) = images(report);
    metrics.push(one("regfsck_images", "Images that were looked at.", count(checked)));
    metrics.push(one("regfsck_images_broken", "Images that are broken.", count(broken)));
    metrics.push(Metric {
        name: "regfsck_build_info",
        help: "The version of regfsck that ran.",
        samples: vec![(label("version", &report.tool.version), 1.0)],
    });
    metrics
}

/// A float holds every count that there can be of files exactly.
#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(super) const fn count(number: u64) -> f64 {
    number as f64
}

fn findings(report: &Report) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<(Code, Severity), u64> =
        Code::ALL.iter().map(|code| ((*code, code.severity()), 0)).collect();
    for finding in report.findings.iter().filter(|finding| finding.state != State::Repaired) {
        *counts.entry((finding.code, finding.severity)).or_default() += 1;
    }
    let labels = |code: Code, severity: Severity| {
        format!("{},{}", label("code", code.as_str()), label("severity", severity.as_str()))
    };
    counts.into_iter().map(|((code, severity), number)| (labels(code, severity), count(number))).collect()
}

fn leftovers(report: &Report) -> Vec<(String, f64)> {
    let codes = [Code::OrphanBlob, Code::StaleUpload];
    let mut bytes: BTreeMap<Code, u64> = codes.into_iter().map(|code| (code, 0)).collect();
    for finding in &report.findings {
        *bytes.entry(finding.code).or_default() += finding.bytes.unwrap_or_default();
    }
    bytes.retain(|code, bytes| codes.contains(code) || *bytes > 0);
    bytes.into_iter().map(|(code, bytes)| (label("code", code.as_str()), count(bytes))).collect()
}

fn verdicts(report: &Report) -> Vec<(String, f64)> {
    let is = |verdict| f64::from(u8::from(report.verdict == verdict));
    Verdict::ALL.map(|verdict| (label("verdict", verdict.as_str()), is(verdict))).into()
}

/// How many images were looked at, and how many of them are broken.
fn images(report: &Report) -> (u64, u64) {
    match &report.images {
        Images::Counted(images) => (images.checked, images.broken),
        Images::Verified(images) => {
            let broken = images.iter().filter(|image| image.verdict == Verdict::Incoherent).count();
            (images.len() as u64, broken as u64)
        }
    }
}

/// `name="value"`, escaped.
pub(super) fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("{name}=\"{value}\"")
}
