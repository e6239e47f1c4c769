//! The one writer of what a person sees or a machine reads: results on stdout and into files, all else on stderr.

mod consent;
pub(super) mod interrupt;
mod locale;
mod log;
mod notice;
mod onlooker;
pub(super) mod progress;
mod result;
mod stages;
mod watch;

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use self::progress::{Progress, Watcher};
use super::args::output::{
    DrawingArguments, OutputFormat, ProgressArguments, ResultArguments, SpeechArguments, When,
};
use crate::adapters::config::ConfigError;
use crate::domain::discreet::without_passwords;
use crate::engine::ports::{RequestError, ServiceError};
use crate::report::table::Drawing;
use crate::report::visible;

/// How to write, made once of what was typed.
#[derive(Debug, Clone)]
pub(super) struct Terminal {
    is_quiet: bool,
    shows_evidence: bool,
    no_trunc: bool,
    progress: When,
    /// In which forms a result is written; a table on stdout where none is named.
    formats: Vec<OutputFormat>,
    reader: Reader,
}

/// Who waits for the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody who knows what it means.
    Anyone,
    /// Nagios: it reads one line of stdout, and 2 is its word for "critical".
    Nagios,
}

impl Terminal {
    /// Decide for the whole process whether colours are written and what is logged.
    pub(super) fn open(speech: &SpeechArguments) -> Self {
        log::set_colour(speech.color);
        log::start(speech);
        Self {
            is_quiet: speech.quiet,
            shows_evidence: speech.verbose > 0,
            no_trunc: false,
            progress: When::Never,
            formats: Vec::new(),
            reader: Reader::Anyone,
        }
    }

    pub(super) fn with_drawing(self, drawing: &DrawingArguments) -> Self {
        Self { no_trunc: drawing.no_trunc, ..self }
    }

    /// Write results in these forms.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn with_result(self, result: &ResultArguments) -> Result<Self> {
        result::refuse_unwritable(&result.formats)?;
        let reader = if result.nagios_exit { Reader::Nagios } else { Reader::Anyone };
        Ok(Self { formats: result.formats.clone(), reader, ..self.with_drawing(&result.drawing) })
    }

    pub(super) fn with_progress(self, progress: &ProgressArguments) -> Self {
        Self { progress: progress.progress, ..self }
    }

    /// Who shows how far the run is.
    pub(super) fn progress(&self) -> Arc<Progress> {
        let is_terminal = io::stderr().is_terminal();
        let watcher = match self.progress {
            When::Always if is_terminal => Watcher::Person,
            When::Always => Watcher::Log,
            When::Auto if !self.is_quiet && is_terminal => Watcher::Person,
            When::Auto | When::Never => Watcher::Nobody,
        };
        Arc::new(Progress::new(watcher, self.is_quiet))
    }

    /// How to draw on this terminal.
    pub(super) fn drawing(&self) -> Drawing {
        Drawing { width: width(), colour: true, no_trunc: self.no_trunc, evidence: self.shows_evidence }
    }

    /// Print to stdout, unless nothing is to be printed. A reader that went away is no error.
    ///
    /// # Errors
    /// When stdout cannot be written to for another reason.
    pub(super) fn print(&self, text: &str) -> Result<()> {
        let mut out = self.stdout();
        let text = locale::shown(visible(text));
        forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush())).context("cannot write to stdout")
    }

    /// Say something on stderr that is no result, unless nothing is to be printed.
    pub(super) fn notify(&self, text: fmt::Arguments<'_>) {
        if !self.is_quiet {
            say(text);
        }
    }

    /// Stdout, or nothing where nothing is to be printed.
    pub(super) fn stdout(&self) -> Box<dyn Write> {
        if self.is_quiet { Box::new(io::sink()) } else { Box::new(anstream::stdout().lock()) }
    }
}

/// Say something on stderr that is no result; that it cannot be said is no error.
pub(super) fn say(text: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr().lock(), "{}", locale::shown(visible(&text.to_string())));
}

/// The line for who reads stdout alone; a reader that went away is no error.
pub(super) fn plugin_line(text: &str) {
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

/// Say what failed, why, and what to do next, for a person at 3 a.m.
pub(super) fn complain(error: &anyhow::Error) {
    let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    say(format_args!("{style}error{style:#}: {}", without_passwords(&format!("{error:#}"))));
    if let Some(hint) = error.chain().find_map(hint) {
        say(format_args!("hint: {hint}"));
    }
}

/// What is wrong with a command line, as clap says it, but for passwords; or the help that was asked for.
pub(super) fn show(error: &clap::Error) {
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    let _ = write!(
        anstream::stderr().lock(),
        "{}",
        visible(&without_passwords(&error.render().ansi().to_string()))
    );
}

/// A panic, in a sentence: where it was, and what it means for whoever waits for a verdict.
pub(super) fn confess(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
    let payload = panic.payload();
    let text =
        payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    let what = text.unwrap_or("no reason is given");
    complain(&anyhow::anyhow!("regfsck itself failed{place}: {what}; what it saw before proves nothing"));
    say(format_args!(
        "hint: run it again (a repair that was cut short goes on where it stopped), and report this line"
    ));
}

/// What an error tells to do next, where it is one that knows.
fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let config = cause.downcast_ref::<ConfigError>().map(ConfigError::hint);
    let request =
        || cause.downcast_ref::<RequestError>().map(|error| error.hint.as_deref().map(str::to_owned));
    let service = || cause.downcast_ref::<ServiceError>().map(|error| error.hint.clone());
    config.or_else(request).or_else(service).flatten()
}

/// The terminal's width, never less than 40; 80 where stdout is no terminal.
fn width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || {
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|width| *width > 0)
    };
    let wide = if io::stdout().is_terminal() { asked.or_else(seen) } else { asked };
    wide.unwrap_or(80).max(40)
}

/// A broken pipe is the reader's choice.
fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
