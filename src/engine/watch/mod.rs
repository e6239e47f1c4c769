//! The watch: one check after the other, each push looked at as it is told, and nothing that ends it but a signal.
//!
//! ```text
//! schedule ─┐
//! blobs gone ┼─► check ─► report ─► published, kept          one at a time
//! pushes ───┴─► queue ─► verify ─► broken? ─► told           beside it, as they come
//! ```

mod board;
mod pushes;
mod queue;
mod repair;
mod rounds;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::SignedDuration;
use tokio::sync::{Notify, watch};

pub use self::board::Board;
pub use self::repair::FixLimits;
use super::blocking::blocking;
use super::ports::{Census, Clock, News, WatchEvents, WatchKeeper};
use super::session::Session;
use super::verify;
use crate::domain::watch::{BlobCensus, Schedule};

/// How long changes are gathered before they are kept.
const GATHER: SignedDuration = SignedDuration::from_secs(1);

/// What opens the registry, as its configuration is at that moment.
#[async_trait]
pub trait Opener: Send + Sync {
    /// Open it.
    ///
    /// # Errors
    /// Why it cannot be, in words.
    async fn open(&self) -> Result<OpenRegistry, String>;
}

/// A registry that was opened.
pub struct OpenRegistry {
    /// It, with all that is needed to check it and to repair it.
    pub session: Session,
    /// What counts its blobs, where that is cheap.
    pub census: Option<Arc<dyn Census>>,
}

/// How it is watched.
#[derive(Debug, Clone)]
pub struct WatchSettings {
    /// When checks are made.
    pub schedule: Schedule,
    /// By how much at most a check is put off by chance.
    pub jitter: SignedDuration,
    /// For how long a push that is not right yet is looked at again before it is called broken.
    pub settle: SignedDuration,
    /// How often blobs are counted.
    pub poll: SignedDuration,
    /// How pushes are verified.
    pub verifying: verify::Options,
    /// What may be repaired, if anything may.
    pub fix: Option<FixLimits>,
}

/// A watch.
pub struct Watch {
    /// What opens the registry.
    pub opener: Arc<dyn Opener>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What keeps its state.
    pub keeper: Arc<dyn WatchKeeper>,
    /// Who is told how it goes on.
    pub events: Arc<dyn WatchEvents>,
    /// What it knows, for whoever shows it and for who tells it of pushes.
    pub board: Arc<Board>,
    /// How it is watched.
    pub settings: WatchSettings,
}

/// What changes the course of a watch.
pub struct Control {
    /// Set when it is to end.
    pub stop: watch::Receiver<bool>,
    /// Notified when the configuration is to be read again.
    pub reopen: Arc<Notify>,
}

/// A watch under way.
struct Running<'a> {
    watch: &'a Watch,
    /// Where pushes are looked at and blobs counted.
    current: Mutex<Arc<OpenRegistry>>,
}

impl Watch {
    /// Watch until it is to end, once what was known is [recalled](Self::recall).
    pub async fn run(&self, opened: OpenRegistry, control: Control) {
        let running = Running { watch: self, current: Mutex::new(Arc::new(opened)) };
        tokio::select! {
            () = running.rounds(control.stop) => {}
            () = running.verify_pushes() => {}
            () = running.count_blobs() => {}
            () = running.reopen(&control.reopen) => {}
            () = self.keep() => {}
        }
        self.remember().await;
    }

    /// Know what an earlier watch knew; before anything is shown, or what is broken would seem to be right for a moment.
    pub async fn recall(&self) {
        let keeper = Arc::clone(&self.keeper);
        let recalled = blocking(move || keeper.recall()).await;
        for damage in &recalled.damage {
            self.events.tell(News::Unkept(damage));
        }
        self.board.recall(recalled, self.clock.now());
    }

    /// Keep what changes, for ever.
    async fn keep(&self) {
        loop {
            self.board.changed.notified().await;
            self.clock.until(after(self.clock.now(), GATHER)).await;
            self.remember().await;
        }
    }

    async fn remember(&self) {
        let (keeper, memory) = (Arc::clone(&self.keeper), self.board.memory());
        if let Err(unkept) = blocking(move || keeper.remember(&memory)).await {
            self.events.tell(News::Unkept(&unkept));
        }
    }
}

impl Running<'_> {
    fn current(&self) -> Arc<OpenRegistry> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Read the configuration again whenever that is asked for, for ever.
    async fn reopen(&self, asked: &Notify) {
        let Watch { opener, board, events, clock, .. } = self.watch;
        loop {
            asked.notified().await;
            match opener.open().await {
                Ok(opened) => {
                    board.reopened(&opened);
                    *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened);
                    events.tell(News::Reopened);
                }
                Err(why) => {
                    events.tell(News::NotReopened(&why));
                    board.not_reopened(clock.now(), why);
                }
            }
        }
    }

    /// See blobs go, for ever. Garbage collection takes its time: a check is made when no more went for a while.
    async fn count_blobs(&self) {
        let Watch { clock, board, events, settings, .. } = self.watch;
        let mut known: Option<BlobCensus> = None;
        let mut going = 0;
        loop {
            if let Some(census) = self.current().census.clone() {
                let before = known.clone().unwrap_or_default();
                // Storage that cannot be read is what the next check says.
                if let Ok(now) = blocking(move || census.count(&before)).await {
                    let gone = match &known {
                        Some(before) => now.gone_since(before),
                        None => self.gone_unseen(&now).await,
                    };
                    board.gone(&gone, clock.now());
                    going += gone.len();
                    if gone.is_empty() && going > 0 {
                        events.tell(News::Collected(std::mem::take(&mut going)));
                        board.collected();
                    }
                    known = Some(now);
                }
            }
            clock.until(after(clock.now(), settings.poll)).await;
        }
    }

    /// What went while nobody watched.
    async fn gone_unseen(&self, now: &BlobCensus) -> Vec<crate::domain::digest::Digest> {
        let before = self.watch.view().await;
        let before = before.iter().flat_map(|view| &view.blobs).map(|blob| blob.digest);
        let there = now.blobs();
        before.filter(|digest| !there.contains(digest)).collect()
    }
}

/// So long after that; a length that cannot be reckoned is none.
fn after(at: jiff::Timestamp, length: SignedDuration) -> jiff::Timestamp {
    at.checked_add(length).unwrap_or(at)
}
