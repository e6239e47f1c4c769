//! One check after the other.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Running, Watch, after};
use crate::domain::digest::Digest;
use crate::domain::report::{Report, Verdict};
use crate::domain::views::served::Subject;
use crate::domain::views::storage::StorageView;
use crate::engine::blocking::blocking;
use crate::engine::ports::{News, Unkept};
use crate::engine::write_ahead::with_causes;

/// A check that is wanted before it is due begins no sooner after the last one.
const REST: SignedDuration = SignedDuration::from_secs(5);
/// A check that could not look is tried again after so long.
const RETRY: SignedDuration = SignedDuration::from_mins(5);

/// What a check brought.
struct Round {
    report: Arc<Report>,
    view: Option<Arc<StorageView>>,
    unsettled: Vec<Subject>,
}

impl Running<'_> {
    /// Check until the watch is to end.
    pub(super) async fn rounds(&self, mut stop: watch::Receiver<bool>) {
        let Watch { board, clock, .. } = self.watch;
        loop {
            let due = self.watch.next();
            board.due(due);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.wanted() => {}
                () = clock.until(due) => {}
            }
            self.watch.round(&stop).await;
        }
    }

    /// Come back when a check is wanted, and the last one is some time ago.
    async fn wanted(&self) {
        let Watch { board, clock, .. } = self.watch;
        board.wanted.notified().await;
        if let (Some(ended), _) = board.ended() {
            clock.until(after(ended, REST)).await;
        }
    }
}

impl Watch {
    /// When the next check is due.
    fn next(&self) -> Timestamp {
        let (now, (ended, could_look)) = (self.clock.now(), self.board.ended());
        let spread = self.clock.chance(self.settings.jitter);
        let due = self.settings.schedule.next(ended, now, spread);
        if could_look { due } else { due.min(after(now, RETRY)) }
    }

    async fn round(&self, stop: &watch::Receiver<bool>) {
        self.board.begin(self.clock.now());
        let checked = Box::pin(self.check()).await;
        if *stop.borrow() {
            // Of half a check nothing is kept.
            self.board.give_up();
            return;
        }
        match checked {
            Ok(round) => self.conclude(round).await,
            Err(why) => {
                self.events.tell(News::Blind(&why));
                self.board.blind(self.clock.now(), why);
            }
        }
    }

    async fn check(&self) -> Result<Round, String> {
        let mut session = self.opener.open().await?.session;
        let (leads, known) = (self.board.leads(), &mut session.options.leads);
        known.suspects.extend(leads.iter().map(crate::domain::watch::Lead::suspect));
        known.gone.extend(leads.iter().filter_map(|lead| Some((lead.digest, lead.gone?))));
        if known.since.is_none() {
            let root = session.sides.target().storage;
            known.since = self.view().await.filter(|view| Some(&view.root) == root.as_ref()).map(Arc::new);
        }
        let examination = session.check().await.map_err(|error| with_causes(&error))?;
        let (view, unsettled) = (examination.storage.clone(), examination.unsettled.clone());
        let report = Arc::new(self.repaired(&session, examination).await);
        Ok(Round { report, view, unsettled })
    }

    async fn conclude(&self, Round { report, view, unsettled }: Round) {
        let stored = view.clone();
        let is_stored = move |digest: &Digest| match &stored {
            Some(view) => view.blob(digest).is_some(),
            // Nobody looked.
            None => true,
        };
        self.board.conclude(&report, &unsettled, is_stored, self.clock.now());
        self.events.publish(&report);
        let is_whole = !matches!(report.verdict, Verdict::Incomplete | Verdict::Refused);
        let keeper = Arc::clone(&self.keeper);
        let kept = blocking(move || {
            keeper.keep_report(&report)?;
            // What an incomplete check did not ask about is still to be asked about.
            view.filter(|_| is_whole).map_or(Ok(()), |view| keeper.keep_view(&view))
        });
        self.told(kept.await);
    }

    /// What storage held at the last check.
    pub(super) async fn view(&self) -> Option<StorageView> {
        let keeper = Arc::clone(&self.keeper);
        self.told(blocking(move || keeper.view()).await).flatten()
    }

    fn told<T>(&self, kept: Result<T, Unkept>) -> Option<T> {
        kept.map_err(|unkept| self.events.tell(News::Unkept(&unkept))).ok()
    }
}
