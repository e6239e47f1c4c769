//! The forms of a report. Each is a function of the report alone.

use std::io::{self, Write};

use serde::Serialize;

use super::drawing::Drawing;
use super::{nagios, prometheus, table};
use crate::domain::report::Report;

/// A form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For machines: the contract of `docs/report.schema.json`.
    Json,
    /// A finding a line, each as in [`Format::Json`].
    Jsonl,
    /// Metrics for the textfile collector of Prometheus's node exporter.
    Prometheus,
    /// The line that a Nagios plugin prints.
    Nagios,
}

impl Format {
    /// Every form, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Table, Self::Json, Self::Jsonl, Self::Prometheus, Self::Nagios];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Prometheus => "prometheus",
            Self::Nagios => "nagios",
        }
    }
}

/// Write a report in that form.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(format: Format, report: &Report, drawing: Drawing, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => out.write_all(table::draw(report, drawing).as_bytes()),
        Format::Json => json(report, out),
        Format::Jsonl => jsonl(report, out),
        Format::Prometheus => prometheus::write(report, out),
        Format::Nagios => writeln!(out, "{}", nagios::line(report)),
    }
}

/// Write a result as it is.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(result: &impl Serialize, mut out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, result)?;
    writeln!(out)
}

fn jsonl(report: &Report, mut out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        serde_json::to_writer(&mut out, finding)?;
        writeln!(out)?;
    }
    Ok(())
}
