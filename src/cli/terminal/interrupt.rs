//! Ctrl-C and SIGTERM: the first stops the run, the second ends the program.

use std::sync::OnceLock;

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
static CURRENT: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// The interrupt that is watched for; one that is never set where none is.
pub(in crate::cli) fn current() -> Interrupt {
    Interrupt { flag: CURRENT.get().cloned().unwrap_or_else(|| watch::channel(false).1) }
}

impl Interrupt {
    /// Watch for signals from now on, in a thread of its own, which nothing keeps waiting. For commands that can stop
    /// half-way.
    pub(in crate::cli) fn watch() -> Self {
        let (stop, flag) = watch::channel(false);
        let flag = CURRENT.get_or_init(|| flag).clone();
        // Without handlers the signals do what they always do.
        if let Some((runtime, interrupt, terminate)) = handlers() {
            std::thread::spawn(move || runtime.block_on(listen(interrupt, terminate, stop)));
        }
        Self { flag }
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

async fn listen(mut interrupt: Signal, mut terminate: Signal, stop: watch::Sender<bool>) {
    next(&mut interrupt, &mut terminate).await;
    super::say(format_args!("stopping; what was seen so far is reported. A second time ends at once."));
    let _ = stop.send(true);
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
