//! Time and memory against size, from ten thousand blobs up.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::measure::{Side, interleave, megabytes, program};
use crate::{Bench, regfsck};

/// Blobs for each repository.
const PER_REPOSITORY: u64 = 130;

/// How many blobs the trees have.
const SIZES: [u64; 5] = [10_000, 30_000, 100_000, 300_000, 2_000_000];

/// One tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Point {
    blobs: u64,
    links: u64,
    seconds: f64,
    peak_bytes: u64,
    find_seconds: f64,
}

/// A line of the plot: its name, its colour, and what it shows.
type Line<'a> = (&'a str, &'a str, &'a dyn Fn(&Point) -> f64);

/// All of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Curve {
    points: Vec<Point>,
    /// The exponent of time against size: 1 is linear.
    slope: f64,
}

/// Measure trees of ten thousand blobs, and about three times as many each, up to the largest.
pub(crate) fn measure(bench: &Bench) -> Result<Curve> {
    let mut points = Vec::new();
    for blobs in SIZES {
        if blobs <= bench.arguments.largest {
            points.push(point(bench, blobs)?);
        }
    }
    let slope = slope(&points);
    Ok(Curve { points, slope })
}

fn point(bench: &Bench, blobs: u64) -> Result<Point> {
    let root = &bench.tree(&bench.recipe(blobs, blobs.div_ceil(PER_REPOSITORY)))?;
    let report = root.with_file_name("report.json");
    let check = || {
        let mut command = Command::new(regfsck());
        let form = format!("json={}", report.display());
        command.args(["check", "--storage"]).arg(root).args(["-o", &form]);
        program(&mut command, &[0, 1])
    };
    let find = || {
        let mut command = Command::new("find");
        program(command.arg(root).args(["-type", "f"]).stdout(Stdio::null()), &[0])
    };
    let sides = vec![
        Side { name: format!("regfsck check, {blobs} blobs"), run: Box::new(check) },
        Side { name: "find -type f".into(), run: Box::new(find) },
    ];
    // What does not fit into the kernel's caches is not warmed.
    let rounds = if blobs >= 1_000_000 { 0 } else { bench.arguments.rounds };
    let runs = interleave(sides, rounds)?;
    let report: regfsck::domain::report::Report = serde_json::from_str(&std::fs::read_to_string(&report)?)?;
    let seen = report.coverage.storage.context("the report covers no storage")?;
    let [check, find] = runs.as_slice() else { anyhow::bail!("two sides gave other than two runs") };
    Ok(Point {
        blobs: seen.blobs,
        links: seen.layer_links + seen.revision_links + seen.tags,
        seconds: check.median(|run| run.seconds),
        peak_bytes: check.runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default(),
        find_seconds: find.median(|run| run.seconds),
    })
}

#[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

/// The slope of the line through the logarithms, by least squares.
fn slope(points: &[Point]) -> f64 {
    let logs: Vec<_> = points.iter().map(|point| (float(point.blobs).ln(), point.seconds.ln())).collect();
    let count = float(logs.len() as u64);
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let above: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
    above / below
}

impl Point {
    /// The memory that a registry of this size may take: 30 MB, and 100 bytes a blob and link.
    fn allowed(&self) -> u64 {
        30_000_000 + 100 * (self.blobs + self.links)
    }
}

impl Curve {
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            "| blobs | links | check | find -type f | peak memory | allowed |\n|---|---|---|---|---|---|\n"
                .to_owned();
        for point in &self.points {
            let _ = writeln!(
                text,
                "| {} | {} | {:.3} s | {:.3} s | {:.0} MB | {:.0} MB |",
                point.blobs,
                point.links,
                point.seconds,
                point.find_seconds,
                megabytes(point.peak_bytes),
                megabytes(point.allowed()),
            );
        }
        let _ = writeln!(text, "\nSlope of time against size: {:.2} (1 is linear).", self.slope);
        text
    }

    /// Time and memory, both axes logarithmic.
    pub(crate) fn svg(&self) -> String {
        let mut text = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 320\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"760\" height=\"320\" fill=\"white\"/>\n",
        );
        let check = |point: &Point| point.seconds;
        let find = |point: &Point| point.find_seconds;
        self.panel(
            &mut text,
            50.0,
            "seconds",
            &[("regfsck check", "#1565c0", &check), ("find -type f", "#9e9e9e", &find)],
        );
        let peak = |point: &Point| megabytes(point.peak_bytes);
        let allowed = |point: &Point| megabytes(point.allowed());
        self.panel(
            &mut text,
            430.0,
            "megabytes",
            &[("regfsck check", "#1565c0", &peak), ("allowed", "#9e9e9e", &allowed)],
        );
        text.push_str("</svg>\n");
        text
    }

    fn panel(&self, text: &mut String, left: f64, unit: &str, lines: &[Line<'_>]) {
        let (width, height, top) = (300.0, 230.0, 40.0);
        let values = || self.points.iter().flat_map(|point| lines.iter().map(move |line| line.2(point)));
        let low = values().fold(f64::INFINITY, f64::min).log10().floor();
        let high = values().fold(f64::MIN_POSITIVE, f64::max).log10().ceil();
        let x = |blobs: f64| left + (blobs.log10() - 4.0) / 2.4 * width;
        let y = |value: f64| top + height - (value.log10() - low) / (high - low).max(1.0) * height;
        let _ = writeln!(text, "<text x=\"{left}\" y=\"20\">{unit} by blobs, both axes logarithmic</text>");
        for power in 4..=6 {
            let at = x(10_f64.powi(power));
            let _ = writeln!(
                text,
                "<path d=\"M{at:.1} {top} v{height}\" stroke=\"#eee\"/><text x=\"{at:.1}\" y=\"290\" text-anchor=\"middle\">{}</text>",
                10_u64.pow(power.unsigned_abs())
            );
        }
        let mut mark = low;
        while mark <= high {
            let at = y(10_f64.powf(mark));
            let _ = writeln!(
                text,
                "<path d=\"M{left} {at:.1} h{width}\" stroke=\"#eee\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                at + 4.0,
                10_f64.powf(mark)
            );
            mark += 1.0;
        }
        for ((name, colour, of), row) in lines.iter().zip(0_u8..) {
            let path: Vec<_> = self
                .points
                .iter()
                .map(|point| format!("{:.1},{:.1}", x(float(point.blobs)), y(of(point))))
                .collect();
            let _ = writeln!(
                text,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
                path.join(" "),
                left + 10.0,
                top + 15.0 + 16.0 * f64::from(row)
            );
        }
    }
}
