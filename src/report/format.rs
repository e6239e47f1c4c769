//! The forms of a report. Each is a function of the report alone.

use std::io::{self, Write};

use serde::Serialize;

use super::drawing::Drawing;
use super::{github, html, junit, markdown, nagios, prometheus, sarif, table};
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
    /// Test results, as JUnit's reporters write them.
    Junit,
    /// Results of static analysis, version 2.1.0.
    Sarif,
    /// For comments, issues and wikis.
    Markdown,
    /// One page.
    Html,
    /// Annotations of a workflow of GitHub Actions; its summary is [`Format::Markdown`].
    Github,
    /// Metrics for the textfile collector of Prometheus's node exporter.
    Prometheus,
    /// The line that a Nagios plugin prints.
    Nagios,
}

impl Format {
    /// Every form, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Table,
        Self::Json,
        Self::Jsonl,
        Self::Junit,
        Self::Sarif,
        Self::Markdown,
        Self::Html,
        Self::Github,
        Self::Prometheus,
        Self::Nagios,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Github => "github",
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
        Format::Junit => junit::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Markdown => out.write_all(markdown::document(report, drawing).as_bytes()),
        Format::Html => out.write_all(html::page(report).as_bytes()),
        Format::Github => github::write(report, out),
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
