//! How many requests at once, how many a second, how long to wait between two attempts, and when to stop asking.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The longest a `Retry-After` is obeyed: a registry that wants more is not available for this run.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// From so many failed attempts in a row on, not only the question waits, but all do.
const ALL_WAIT_AFTER: u32 = 10;
/// So many questions in a row that failed after all their attempts end the asking.
const TRIPS_AFTER: u32 = 3;

/// Attempts that failed in a row.
#[derive(Default)]
struct Failures {
    times: u32,
    since: Option<Instant>,
}

/// What lets requests through.
pub(super) struct Limiter {
    slots: Arc<Semaphore>,
    interval: Option<Duration>,
    next: Mutex<Instant>,
    /// Questions in a row that brought no answer.
    unanswered: AtomicU32,
    failed: Mutex<Failures>,
    sent: AtomicU64,
    retries: u32,
    patience: Duration,
}

impl Limiter {
    /// At most `jobs` at once and `rate` a second, each tried again up to `retries` times, and nothing more asked of a
    /// registry that has not answered anything for `patience`.
    pub(super) fn new(jobs: usize, rate: Option<u32>, retries: u32, patience: Duration) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(jobs.clamp(1, 1024))),
            interval: rate.filter(|rate| *rate > 0).map(|rate| Duration::from_secs(1) / rate),
            next: Mutex::new(Instant::now()),
            unanswered: AtomicU32::new(0),
            failed: Mutex::default(),
            sent: AtomicU64::new(0),
            retries,
            patience,
        }
    }

    /// Wait for a turn, and count it; `None` if by then we no longer ask. The slot is free again when the permit is dropped.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        self.turn().await;
        if self.is_tripped() {
            return None;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        Some(permit)
    }

    /// Wait for the turn of one more request in the same slot, and count it.
    pub(super) async fn another(&self) {
        self.turn().await;
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    async fn turn(&self) {
        let turn = self.reserve();
        // Even a sleep that is over takes a timer.
        if turn > Instant::now() {
            tokio::time::sleep_until(turn).await;
        }
    }

    fn reserve(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.interval.unwrap_or_default();
        turn
    }

    /// Let nobody through for a while: what the registry asked for is meant for all of us.
    pub(super) fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + wait);
    }

    /// An attempt failed, and the next is to wait for so long. A registry that fails in everything is asked ever more
    /// slowly, and after `patience` no more.
    pub(super) fn attempt_failed(&self, wait: Duration) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.times += 1;
        let since = *failed.since.get_or_insert_with(Instant::now);
        if failed.times < ALL_WAIT_AFTER {
            return;
        }
        if since.elapsed() >= self.patience {
            self.unanswered.store(TRIPS_AFTER, Ordering::Relaxed);
        }
        self.hold(wait);
    }

    /// How many requests went through.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The waits between attempts: 0.2 s doubling to 10 s, with jitter.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(self.retries as usize)
            .with_jitter()
            .build()
    }

    /// Whether it failed so often in a row that we no longer ask.
    fn is_tripped(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= TRIPS_AFTER
    }

    /// A question got an answer, or none after all its attempts.
    pub(super) fn concluded(&self, is_answered: bool) {
        if !is_answered {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // Once tripped it stays so: a run must not begin to hammer again.
        let _ = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |unanswered| {
            (unanswered < TRIPS_AFTER).then_some(0)
        });
        self.forget_failures();
    }

    /// Begin anew: somebody wants to know whether the registry answers again.
    pub(super) fn reset(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
        self.forget_failures();
    }

    fn forget_failures(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Failures::default();
    }
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value.trim())?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`; the two older forms are not sent by anything alive.
fn http_date(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix("GMT").map(|text| format!("{text}+0000"))?;
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_zoned(&text).ok()?;
    Some(zoned.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let seconds = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("3"), Some(3));
        assert_eq!(seconds("86400"), Some(60));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn it_trips_after_failures_in_a_row_and_stays_so() {
        let limiter = Limiter::new(1, None, 0, Duration::from_secs(9));
        for answered in [false, false, true, false, false] {
            limiter.concluded(answered);
        }
        assert!(!limiter.is_tripped());
        limiter.concluded(false);
        limiter.concluded(true);
        assert!(limiter.is_tripped());
        limiter.reset();
        assert!(!limiter.is_tripped());
    }

    #[tokio::test]
    async fn a_rate_spaces_requests_and_a_hold_stops_all() {
        let limiter = Limiter::new(8, Some(100), 0, Duration::from_secs(9));
        let start = Instant::now();
        for _ in 0..11 {
            drop(limiter.permit().await);
        }
        assert!(start.elapsed() >= Duration::from_millis(100));
        limiter.hold(Duration::from_millis(300));
        drop(limiter.permit().await);
        assert!(start.elapsed() >= Duration::from_millis(400));
        assert_eq!(limiter.sent(), 12);
    }
}
