//! `regfsck watch`

mod site;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use self::site::WatchSite;
use crate::adapters::clock::SystemClock;
use crate::adapters::serve::{AccessError, Renewal, Server};
use crate::adapters::watch_state::{WatchFolder, WatchFolderError};
use crate::cli::args::watch::WatchCommand;
use crate::cli::settings::watch::{RegistryOpener, served, settings};
use crate::cli::terminal::interrupt::Interrupt;
use crate::cli::terminal::{Terminal, complain};
use crate::domain::report::Verdict;
use crate::domain::verdict::exit_status;
use crate::engine::ports::Clock as _;
use crate::engine::watch::{Board, Control, Watch};

/// Watch until a signal comes; the exit status.
pub(in crate::cli) fn run(command: Box<WatchCommand>, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&(&command.result).into())?;
    super::runtime()?.block_on(watch(*command, terminal))
}

async fn watch(command: WatchCommand, terminal: Terminal) -> Result<u8> {
    let interrupt = Interrupt::watch();
    let settings = settings(&command);
    let server = match served(&command.listen)? {
        Some((address, files)) => Some(Server::bind(address, files).await.map_err(of_access)?),
        None => None,
    };
    let opener = RegistryOpener::new(command, terminal.clone());
    let (opened, state) = opener.opened().await?;
    let keeper = match WatchFolder::take(&state) {
        Err(error @ WatchFolderError::Taken { .. }) => {
            complain(&error.into());
            return Ok(exit_status(Verdict::Refused));
        }
        taken => Arc::new(taken.context("give another --state-dir DIR")?),
    };
    let board = Arc::new(Board::new(SystemClock.now(), &opened, &settings.schedule));
    let watch = Watch {
        opener: Arc::new(opener),
        clock: Arc::new(SystemClock),
        keeper,
        events: Arc::new(terminal.clone()),
        board,
        settings,
    };
    let serving = server.as_ref().map(Server::address).transpose().context("--listen")?;
    terminal.announce(&watch.settings, &watch.board.status().target, serving);
    let renewal = server.as_ref().map(Server::renewal);
    let control = Control { stop: interrupt.flag(), reopen: on_hangup(renewal)? };
    watch.recall().await;
    let pages =
        server.map(|server| tokio::spawn(server.run(Arc::new(WatchSite::new(Arc::clone(&watch.board))))));
    watch.run(opened, control).await;
    if let Some(pages) = pages {
        pages.abort();
    }
    Ok(exit_status(Verdict::Coherent))
}

/// Why it cannot be served, with the flag that says so.
fn of_access(error: AccessError) -> anyhow::Error {
    let flag = match &error {
        AccessError::Address { .. } => "--listen",
        AccessError::Unreadable { .. } | AccessError::NoToken { .. } => "--token-file",
        AccessError::Tls(_) => "--tls-cert",
    };
    anyhow::Error::new(error).context(flag)
}

/// Notified whenever SIGHUP comes; token and certificate are read again first.
fn on_hangup(renewal: Option<Renewal>) -> Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let notify = Arc::new(Notify::new());
    let notified = Arc::clone(&notify);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            if let Some(Err(error)) = renewal.as_ref().map(Renewal::renew) {
                complain(&of_access(error));
            }
            notified.notify_one();
        }
    });
    Ok(notify)
}
