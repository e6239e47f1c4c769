//! Progress bars on stderr, made of the engine's events.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::{self, Interrupt};
use super::notice::lines;
use crate::engine::ports::{Event, Events};

/// Shows each stage as a bar, or as a spinner where its length is not known, and clears it at its end.
#[derive(Debug)]
pub(in crate::cli) struct Progress {
    bar: Mutex<Option<ProgressBar>>,
    is_shown: bool,
    is_quiet: bool,
    interrupt: Interrupt,
}

impl Progress {
    pub(super) fn new(is_shown: bool, is_quiet: bool) -> Self {
        Self { bar: Mutex::new(None), is_shown, is_quiet, interrupt: interrupt::current() }
    }

    fn stage(&self, name: &'static str, length: Option<u64>) {
        if !self.is_shown {
            return;
        }
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{msg:18} {bar:32} {pos}/{len} {eta}",
            None => "{msg:18} {spinner} {pos}",
        };
        // A template that does not parse would only cost the bar its looks.
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_error| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_message(name);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.replace(Some(bar));
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let mut current = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = current.take() {
            old.finish_and_clear();
        }
        *current = bar;
    }
}

impl Events for Progress {
    fn stop_requested(&self) -> bool {
        self.interrupt.is_set()
    }

    fn emit(&self, event: Event) {
        match event {
            Event::Stage(name, length) => self.stage(name, length),
            Event::Advanced(steps) => {
                let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(bar) = bar.as_ref() {
                    bar.inc(steps);
                }
            }
            Event::Finished => self.replace(None),
            Event::Notice(notice) => {
                for line in lines(&notice).iter().filter(|_| !self.is_quiet) {
                    super::say(format_args!("{line}"));
                }
            }
        }
    }
}
