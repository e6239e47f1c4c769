//! Results, in every form that was asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{Terminal, forgive};
use crate::cli::args::output::{Format, OutputFormat};
use crate::domain::report::Report;
use crate::report::table::{self, Drawing};

impl Terminal {
    /// Write the report of a check.
    ///
    /// # Errors
    /// When stdout or a file cannot be written to.
    pub(in crate::cli) fn write_report(&self, report: &Report) -> Result<()> {
        self.write(report, |drawing| table::draw(report, drawing))
    }

    /// Write a result: as JSON, or as `draw` draws it.
    ///
    /// # Errors
    /// When stdout or a file cannot be written to.
    pub(in crate::cli) fn write(
        &self,
        result: &impl Serialize,
        draw: impl Fn(Drawing) -> String,
    ) -> Result<()> {
        let default = [OutputFormat { format: Format::Table, file: None }];
        let formats = if self.formats.is_empty() { &default[..] } else { &self.formats };
        for form in formats {
            match &form.file {
                Some(path) => {
                    let shown = || format!("cannot write the report to `{}`", path.display());
                    let mut file = BufWriter::new(File::create(path).with_context(shown)?);
                    let plain = Drawing { no_trunc: self.no_trunc, ..Drawing::default() };
                    render(form.format, result, || draw(plain), &mut file).with_context(shown)?;
                }
                None if self.is_quiet => {}
                None => {
                    let rendered = render(form.format, result, || draw(self.drawing()), &mut self.stdout());
                    forgive(rendered).context("cannot write to stdout")?;
                }
            }
        }
        Ok(())
    }

    /// Draw a report for people to `out`.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub(in crate::cli) fn draw(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        render(Format::Table, report, || table::draw(report, self.drawing()), out)
    }

    /// Whether a machine reads stdout.
    pub(super) fn is_for_machine(&self) -> bool {
        self.formats.iter().any(|form| form.file.is_none() && form.format == Format::Json)
    }
}

fn render(
    format: Format,
    result: &impl Serialize,
    draw: impl Fn() -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => out.write_all(draw().as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, result)?;
            writeln!(out)?;
        }
    }
    out.flush()
}
