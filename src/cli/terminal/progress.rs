//! How far a run is, on stderr, made of the engine's events: bars on a terminal, a line now and then elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt;
use super::notice::lines;
use super::stages::Reporter;
use crate::engine::ports::{Event, Events};

/// Who watches how far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watcher {
    Nobody,
    /// Somebody at a terminal.
    Person,
    /// A log, that somebody may read later.
    Log,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    /// Each stage as a bar, or as a spinner where its length is not known, cleared at its end.
    Bar(Mutex<Option<ProgressBar>>),
    Lines(Reporter),
}

/// Shows how far the run is.
#[derive(Debug)]
pub(in crate::cli) struct Progress {
    shown: Shown,
    is_quiet: bool,
}

impl Progress {
    pub(super) fn new(watcher: Watcher, is_quiet: bool) -> Self {
        let shown = match watcher {
            Watcher::Nobody => Shown::Nothing,
            Watcher::Person => Shown::Bar(Mutex::new(None)),
            Watcher::Log => Shown::Lines(Reporter::start()),
        };
        Self { shown, is_quiet }
    }

    /// A stage begins.
    fn begin(&self, name: &'static str, length: Option<u64>) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => replace(bar, Some(drawn(name, length))),
            Shown::Lines(reporter) => reporter.begin(name, length),
        }
    }

    fn advance(&self, steps: u64) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                if let Some(bar) = bar.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                    bar.inc(steps);
                }
            }
            Shown::Lines(reporter) => reporter.advance(steps),
        }
    }

    fn end(&self) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => replace(bar, None),
            Shown::Lines(reporter) => reporter.end(),
        }
    }
}

fn drawn(name: &'static str, length: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = match length {
        Some(_) => "{msg:18} {wide_bar} {pos}/{len} {per_sec} {eta}",
        None => "{msg:18} {spinner} {pos} {per_sec}",
    };
    // A template that does not parse would only cost the bar its looks.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_error| ProgressStyle::default_bar());
    let style =
        if super::locale::is_utf8() { style } else { style.progress_chars("#> ").tick_chars("-\\|/ ") };
    let bar = bar.with_style(style).with_message(name);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn replace(current: &Mutex<Option<ProgressBar>>, bar: Option<ProgressBar>) {
    let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(old) = current.take() {
        old.finish_and_clear();
    }
    *current = bar;
}

impl Events for Progress {
    fn stop_requested(&self) -> bool {
        interrupt::current().is_set()
    }

    fn emit(&self, event: Event) {
        match event {
            Event::Stage(name, length) => self.begin(name, length),
            Event::Advanced(steps) => self.advance(steps),
            Event::Finished => self.end(),
            Event::Notice(notice) => {
                for line in lines(&notice).iter().filter(|_| !self.is_quiet) {
                    super::say(format_args!("{line}"));
                }
            }
        }
    }
}
