//! Turns a report into what people and machines read, and into the exit status.

pub mod doctor;
mod drawing;
pub mod guard;
mod images;
pub mod repair;
pub mod table;
mod words;

use std::io::{self, Write};

use crate::domain::report::Report;

/// Write the report as JSON, the contract of [`crate::domain::report`], with a newline at its end.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
