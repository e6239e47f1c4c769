//! The clock of this machine.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::engine::ports::Clock;

/// A machine that was asleep, or whose clock was set, is noticed within so long.
const LONGEST: Duration = Duration::from_secs(20);

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn until(&self, at: Timestamp) {
        loop {
            let left = at.duration_since(Timestamp::now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LONGEST)).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn chance(&self, longest: SignedDuration) -> SignedDuration {
        // Each of these has keys of its own; nothing here needs to be hard to guess.
        let number = RandomState::new().hash_one(());
        let most = u64::try_from(longest.as_millis()).unwrap_or(0);
        let chosen = number.checked_rem(most.saturating_add(1)).unwrap_or(0);
        SignedDuration::from_millis(i64::try_from(chosen).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_over_is_not_waited_for_and_what_comes_is() {
        let clock = SystemClock;
        clock.until(Timestamp::MIN).await;
        let began = clock.now();
        clock.until(began + SignedDuration::from_millis(30)).await;
        assert!(clock.now() >= began + SignedDuration::from_millis(30));
    }

    #[test]
    fn chance_stays_within_its_bound_and_differs() {
        let longest = SignedDuration::from_mins(1);
        let drawn: Vec<_> = (0..50).map(|_| SystemClock.chance(longest)).collect();
        assert!(drawn.iter().all(|drawn| !drawn.is_negative() && *drawn <= longest));
        assert!(drawn.iter().any(|other| *other != drawn[0]));
        assert_eq!(SystemClock.chance(SignedDuration::ZERO), SignedDuration::ZERO);
    }
}
