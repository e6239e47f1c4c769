//! What is written to the terminal, and how wide and colourful it may be.

pub(super) mod consent;
pub(super) mod interrupt;
pub(super) mod progress;
pub(super) mod result;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use tracing_subscriber::prelude::*;

use crate::cli::args::{OutputArguments, When};
use crate::report::table::Drawing;

/// Decide for the whole process whether colours are written.
pub(in crate::cli) fn set_colour(when: When) {
    let choice = match when {
        When::Auto => anstream::ColorChoice::Auto,
        When::Always => anstream::ColorChoice::Always,
        When::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Log to stderr: what went wrong; with `-v` the commands that are run, with `-vv` every request too.
pub(in crate::cli) fn log(output: &OutputArguments) {
    let level = match (output.quiet, output.verbose) {
        (true, _) => tracing::Level::ERROR,
        (_, 0) => tracing::Level::WARN,
        (_, 1) => tracing::Level::INFO,
        (_, _) => tracing::Level::DEBUG,
    };
    let filter = tracing_subscriber::filter::Targets::new().with_target("regfsck", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal() && output.color != When::Never);
    // The time of day matters among many requests, and is noise before a single warning.
    let lines = if output.verbose > 1 { lines.boxed() } else { lines.without_time().boxed() };
    // In a test that runs the program in its own process a log is there already; that one stays.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// How to draw on stdout.
pub(in crate::cli) fn drawing(output: &OutputArguments) -> Drawing {
    Drawing { width: width(), colour: true, no_trunc: output.no_trunc, evidence: output.verbose > 0 }
}

/// The terminal's width, never less than 60; 80 where stdout is no terminal.
fn width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || {
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|width| *width > 0)
    };
    let wide = if io::stdout().is_terminal() { asked.or_else(seen) } else { asked };
    wide.unwrap_or(80).max(60)
}

/// Print to stdout. A reader that went away is no error.
///
/// # Errors
/// When stdout cannot be written to for another reason.
pub(in crate::cli) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush())).context("cannot write to stdout")
}

/// A broken pipe is the reader's choice.
pub(in crate::cli) fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
