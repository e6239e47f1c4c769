//! The log and the colours: decided once for the whole process.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::prelude::*;

use crate::cli::args::output::{SpeechArguments, When};

/// Decide whether colours are written.
pub(super) fn set_colour(when: When) {
    let choice = match when {
        When::Auto => anstream::ColorChoice::Auto,
        When::Always => anstream::ColorChoice::Always,
        When::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Log to stderr: what went wrong; with `-v` the commands that are run, with `-vv` every request too.
pub(super) fn start(speech: &SpeechArguments) {
    let level = match (speech.quiet, speech.verbose) {
        (true, _) => tracing::Level::ERROR,
        (_, 0) => tracing::Level::WARN,
        (_, 1) => tracing::Level::INFO,
        (_, _) => tracing::Level::DEBUG,
    };
    let filter = tracing_subscriber::filter::Targets::new().with_target("regfsck", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal() && speech.color != When::Never);
    // The time of day matters among many requests, and is noise before a single warning.
    let lines = if speech.verbose > 1 { lines.boxed() } else { lines.without_time().boxed() };
    // In a test that runs the program in its own process a log is there already; that one stays.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
