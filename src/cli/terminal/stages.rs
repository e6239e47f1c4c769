//! How far a run is, as a line every ten seconds: for a log of CI or of a pod, where no bar can be drawn.
//!
//! A thread of its own writes them, so that a stage that waits is seen to wait.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::report::progress::{StagePace, line};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Stage {
    name: &'static str,
    length: Option<u64>,
    done: u64,
    began: Instant,
    was_told: bool,
}

impl Stage {
    fn line(&self) -> String {
        let Self { name, length, done, began, .. } = *self;
        line(&StagePace { name, length, done, elapsed: began.elapsed() })
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// The stage that is under way, and whether the run is over.
    state: Mutex<(Option<Stage>, bool)>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, (Option<Stage>, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        let mut next = Instant::now() + EVERY;
        let mut state = self.state();
        while !state.1 {
            let wait = next.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                next += EVERY;
                if let Some(stage) = &mut state.0 {
                    stage.was_told = true;
                    super::say(format_args!("{}", stage.line()));
                }
            } else {
                (state, _) = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Writes the lines, until it is dropped.
#[derive(Debug)]
pub(super) struct Reporter(Arc<Shared>);

impl Reporter {
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        // Without the thread there is nothing but silence.
        let _ = std::thread::Builder::new().name("progress".into()).spawn(move || writer.write());
        Self(shared)
    }

    pub(super) fn begin(&self, name: &'static str, length: Option<u64>) {
        self.0.state().0 = Some(Stage { name, length, done: 0, began: Instant::now(), was_told: false });
    }

    pub(super) fn advance(&self, steps: u64) {
        if let Some(stage) = &mut self.0.state().0 {
            stage.done += steps;
        }
    }

    /// What a line was written of gets a last one.
    pub(super) fn end(&self) {
        if let Some(stage) = self.0.state().0.take().filter(|stage| stage.was_told) {
            super::say(format_args!("{}", stage.line()));
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.0.state().1 = true;
        self.0.changed.notify_all();
    }
}
