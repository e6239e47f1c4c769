//! What is written to the terminal, and how wide and colourful it may be.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};

use super::arguments::{OutputArguments, When};
use crate::report::table::Drawing;

/// Decide for the whole process whether colours are written.
pub(super) fn set_colour(when: When) {
    let choice = match when {
        When::Auto => anstream::ColorChoice::Auto,
        When::Always => anstream::ColorChoice::Always,
        When::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Write the log to stderr: warnings, with -vv every request.
pub(super) fn start_log(output: &OutputArguments) {
    let filter = match output.verbose {
        _ if output.quiet => "regfsck=error",
        0 | 1 => "regfsck=warn",
        2 => "regfsck=debug",
        _ => "regfsck=trace",
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let log = log.with_target(false).with_ansi(false);
    // An error means that a log was started before.
    let _ = if output.verbose > 1 { log.try_init() } else { log.without_time().try_init() };
}

/// How to draw on stdout.
pub(super) fn drawing(output: &OutputArguments) -> Drawing {
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
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush())).context("cannot write to stdout")
}

/// A broken pipe is the reader's choice.
pub(super) fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
