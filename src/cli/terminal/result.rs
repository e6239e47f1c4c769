//! Results, in every form that was asked for.

use std::collections::BTreeSet;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};

use anyhow::{Context as _, Result, bail};

use super::locale::shown;
use super::{Reader, Terminal, forgive};
use crate::adapters::files::{probe, publish};
use crate::cli::args::output::OutputFormat;
use crate::domain::doctor::Diagnosis;
use crate::domain::guard::Guarded;
use crate::domain::report::Report;
use crate::domain::verdict::ServiceState;
use crate::report::format::{self, Format};
use crate::report::table::{self, Drawing};
use crate::report::{doctor, guard};

/// Refuse files that could not be written: better now than after hours of looking.
pub(super) fn refuse_unwritable(formats: &[OutputFormat]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for path in formats.iter().filter_map(|form| form.file.as_ref()) {
        if !seen.insert(path) {
            bail!("--output: `{}` is named twice; give each form a file of its own", path.display());
        }
        probe(path).with_context(|| {
            format!("--output: cannot write `{}`, whose folder must be there and writable", path.display())
        })?;
    }
    Ok(())
}

impl Terminal {
    /// Write a report; the exit status.
    ///
    /// # Errors
    /// When stdout or a file cannot be written to.
    pub(in crate::cli) fn write_report(&self, report: &Report) -> Result<u8> {
        self.write(|format, drawing, out| format::write(format, report, drawing, out))?;
        self.append_summary(report)?;
        Ok(self.exit_status(report))
    }

    /// Write what a guarded garbage collection came to; the exit status.
    ///
    /// # Errors
    /// When stdout or a file cannot be written to.
    pub(in crate::cli) fn write_guarded(&self, guarded: &Guarded) -> Result<u8> {
        let report = guarded.as_report();
        self.write(|format, drawing, out| {
            if format == Format::Table {
                out.write_all(guard::draw(guarded, drawing).as_bytes())
            } else if format == Format::Json {
                format::json(guarded, out)
            } else {
                format::write(format, &report, drawing, out)
            }
        })?;
        self.append_summary(&report)?;
        Ok(self.exit_status(&report))
    }

    /// Append the report to the summary of GitHub's workflow, where annotations are written for one.
    #[expect(clippy::disallowed_methods, reason = "the workflow's own file, which it names itself")]
    fn append_summary(&self, report: &Report) -> Result<()> {
        let is_asked = self.formats.iter().any(|form| form.format == Format::Github);
        let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| is_asked && !path.is_empty())
        else {
            return Ok(());
        };
        let mut text = b"\n".to_vec();
        format::write(Format::Markdown, report, Drawing::default(), &mut text)
            .and_then(|()| OpenOptions::new().append(true).create(true).open(&path)?.write_all(&text))
            .with_context(|| format!("cannot append the summary to `{}`", path.display()))
    }

    /// Write a diagnosis; the exit status.
    ///
    /// # Errors
    /// When stdout or a file cannot be written to.
    pub(in crate::cli) fn write_diagnosis(&self, diagnosis: &Diagnosis) -> Result<u8> {
        self.write(|format, drawing, out| {
            // No other form is accepted for it.
            if format == Format::Json {
                format::json(diagnosis, out)
            } else {
                out.write_all(doctor::draw(diagnosis, drawing).as_bytes())
            }
        })?;
        Ok(diagnosis.exit_status)
    }

    fn is_plugin(&self) -> bool {
        self.reader == Reader::Nagios
    }

    fn exit_status(&self, report: &Report) -> u8 {
        match self.reader {
            Reader::Anyone => report.exit_status,
            Reader::Nagios => ServiceState::of(report).exit_status(),
        }
    }

    /// Write a result in every form. That one cannot be written keeps none of the others from it.
    fn write(&self, render: impl Fn(Format, Drawing, &mut dyn Write) -> io::Result<()>) -> Result<()> {
        let format = if self.is_plugin() { Format::Nagios } else { Format::Table };
        let default = [OutputFormat { format, file: None }];
        let formats = if self.formats.is_empty() { &default[..] } else { &self.formats };
        let mut written = Ok(());
        for OutputFormat { format, file } in formats {
            let result = match file {
                Some(path) => {
                    let plain = Drawing { no_trunc: self.no_trunc, ..Drawing::default() };
                    publish(path, |out| render(*format, plain, out))
                        .with_context(|| format!("cannot write the report to `{}`", path.display()))
                }
                None if self.is_quiet => Ok(()),
                None if *format == Format::Table => {
                    self.print_table(|out| render(*format, self.drawing(), out))
                }
                None => self.print_result(|out| render(*format, self.drawing(), out)),
            };
            written = written.and(result);
        }
        written
    }

    fn print_result(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut out = io::BufWriter::new(self.stdout());
        forgive(render(&mut out).and_then(|()| out.flush())).context("cannot write to stdout")
    }

    /// What people read is written as their terminal takes it.
    fn print_table(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut drawn = Vec::new();
        render(&mut drawn).context("cannot draw the report")?;
        self.print(&String::from_utf8_lossy(&drawn))
    }

    /// Draw a report for people to `out`.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub(in crate::cli) fn draw(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(shown(table::draw(report, self.drawing()).into()).as_bytes())
    }

    /// Whether a machine reads stdout.
    pub(super) fn is_for_machine(&self) -> bool {
        let is_default = self.formats.is_empty() && self.is_plugin();
        is_default || self.formats.iter().any(|form| form.file.is_none() && form.format != Format::Table)
    }
}
