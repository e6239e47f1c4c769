//! Waiting until no upload is under way, so that a restart cuts none off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ports::{Sessions, Uploads};
use crate::domain::layout::Place;
use crate::domain::observed::Observed;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// What came of the wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// Nothing moved for long enough.
    Quiet,
    /// There was no end of it; the sessions that moved last.
    Busy(Vec<Place>),
    /// It could not be looked at; why.
    Unknown(String),
}

/// Wait until no upload session comes, goes or grows for the time of `quiet`; for `patience` at most.
///
/// Two looks are compared and no clock is asked, so abandoned sessions do not count, nor does a file server
/// whose clock is wrong.
pub async fn drain(uploads: Arc<dyn Uploads>, quiet: Duration, patience: Duration) -> Drained {
    let began = Instant::now();
    let mut last = match look(&uploads).await {
        Ok(sessions) => sessions,
        Err(why) => return Drained::Unknown(why),
    };
    let (mut since, mut moved) = (began, Vec::new());
    while since.elapsed() < quiet {
        if began.elapsed() >= patience {
            return Drained::Busy(moved);
        }
        tokio::time::sleep(PAUSE.min(quiet)).await;
        let now = match look(&uploads).await {
            Ok(sessions) => sessions,
            Err(why) => return Drained::Unknown(why),
        };
        if now != last {
            (since, moved) = (Instant::now(), difference(&last, &now));
        }
        last = now;
    }
    Drained::Quiet
}

async fn look(uploads: &Arc<dyn Uploads>) -> Result<Sessions, String> {
    let uploads = Arc::clone(uploads);
    match tokio::task::spawn_blocking(move || uploads.sessions()).await {
        Ok(Observed::Present(sessions)) => Ok(sessions),
        Ok(Observed::Absent) => Ok(Sessions::new()),
        Ok(Observed::Unknown(why)) => Err(why.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The sessions that only one of two looks saw as it was.
fn difference(one: &Sessions, other: &Sessions) -> Vec<Place> {
    let mut places: Vec<_> = one.keys().chain(other.keys()).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter(|place| one.get(*place) != other.get(*place)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::engine::ports::SessionMark;

    /// A session that grows for so many looks, beside one that nobody writes to.
    struct Growing {
        looks: AtomicU64,
        until: u64,
    }

    impl Uploads for Growing {
        fn sessions(&self) -> Observed<Sessions> {
            let size = self.looks.fetch_add(1, Ordering::Relaxed).min(self.until);
            let mark = |size| SessionMark { size, modified: 0 };
            Observed::Present(Sessions::from([("grows".into(), mark(size)), ("stale".into(), mark(1))]))
        }
    }

    async fn drained(until: u64, quiet: u64, patience: u64) -> (Drained, u64) {
        let uploads = Arc::new(Growing { looks: AtomicU64::new(0), until });
        let (quiet, patience) = (Duration::from_millis(quiet), Duration::from_millis(patience));
        let drained = drain(uploads.clone(), quiet, patience).await;
        (drained, uploads.looks.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn it_waits_until_nothing_moves() {
        let (drained, looks) = drained(3, 20, 60_000).await;
        assert_eq!(drained, Drained::Quiet);
        assert!(looks >= 5, "{looks}");
    }

    #[tokio::test]
    async fn it_does_not_wait_for_ever_and_names_what_moves() {
        assert_eq!(drained(u64::MAX, 20, 100).await.0, Drained::Busy(vec!["grows".into()]));
    }

    #[tokio::test]
    async fn no_wait_is_no_wait() {
        assert_eq!(drained(u64::MAX, 0, 0).await.0, Drained::Quiet);
    }
}
