//! Ctrl-C and SIGTERM: the first stops the run, the second ends the program.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::domain::verdict::INTERRUPTED;

/// Whether the run was stopped.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Interrupt {
    flag: watch::Receiver<bool>,
}

/// The program has one set of signals.
static STOP: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::channel(false).0);

/// The interrupt that is watched for, now or later; never set where none is.
pub(in crate::cli) fn current() -> Interrupt {
    Interrupt { flag: STOP.subscribe() }
}

/// What is said where something is changed: no step is cut in two, and the journal knows them all.
const CHANGING: &str =
    "stopping when what was begun is done. A second time ends at once; the next run goes on from there.";

impl Interrupt {
    /// Watch for signals from now on, in a thread of its own, which nothing keeps waiting. For commands that can stop
    /// half-way.
    pub(in crate::cli) fn watch() -> Self {
        Self::saying("stopping; what was seen so far is reported. A second time ends at once.")
    }

    /// The same for a repair, which ends between two steps.
    pub(in crate::cli) fn watch_changes() -> Self {
        Self::saying(CHANGING)
    }

    fn saying(words: &'static str) -> Self {
        // Without handlers the signals do what they always do.
        if let Some((runtime, interrupt, terminate)) = handlers() {
            std::thread::spawn(move || runtime.block_on(listen(words, interrupt, terminate)));
        }
        current()
    }

    /// Set once the run is to stop.
    pub(in crate::cli) fn flag(&self) -> watch::Receiver<bool> {
        self.flag.clone()
    }

    /// Whether it was.
    pub(in crate::cli) fn is_set(&self) -> bool {
        *self.flag.borrow()
    }
}

fn handlers() -> Option<(Runtime, Signal, Signal)> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let entered = runtime.enter();
    let set = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    drop(entered);
    if let (Ok(interrupt), Ok(terminate)) = set {
        return Some((runtime, interrupt, terminate));
    }
    // Within another one it may not wait for its threads.
    runtime.shutdown_background();
    None
}

async fn listen(words: &'static str, mut interrupt: Signal, mut terminate: Signal) {
    next(&mut interrupt, &mut terminate).await;
    super::say(format_args!("{words}"));
    STOP.send_replace(true);
    next(&mut interrupt, &mut terminate).await;
    end();
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "the user insists, and what runs may block: nothing may keep the program from ending"
)]
fn end() {
    std::process::exit(INTERRUPTED.into());
}
