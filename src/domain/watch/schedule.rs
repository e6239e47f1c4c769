//! When the next check is due.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// When checks are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the end of the last one.
    Every(SignedDuration),
    /// Every day at that time.
    Daily {
        /// The time on the clock.
        at: Time,
        /// Of the clocks there.
        zone: TimeZone,
    },
}

impl Schedule {
    /// When the next check is due after one that ended at `last`; at once where there was none, or where one was missed.
    /// `spread` is added, so that many watches do not begin in one moment.
    #[must_use]
    pub fn next(&self, last: Option<Timestamp>, now: Timestamp, spread: SignedDuration) -> Timestamp {
        // A clock that was put back has nobody wait for what it showed before.
        let Some(last) = last.map(|last| last.min(now)) else { return now };
        let due = match self {
            Self::Every(interval) => last.checked_add(*interval).ok(),
            Self::Daily { at, zone } => following(last, *at, zone),
        };
        // What cannot be reckoned is at the end of time: it is checked now rather than never.
        let due = due.and_then(|due| due.checked_add(spread).ok()).unwrap_or(now);
        due.max(now)
    }

    /// The zone that times are said in.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        match self {
            Self::Every(_) => TimeZone::UTC,
            Self::Daily { zone, .. } => zone.clone(),
        }
    }
}

/// The first time after `last` at which the clocks show `at`. Where they skip it, it is as much later.
fn following(last: Timestamp, at: Time, zone: &TimeZone) -> Option<Timestamp> {
    let day = last.to_zoned(zone.clone()).date();
    let on = |day: jiff::civil::Date| Some(day.to_datetime(at).to_zoned(zone.clone()).ok()?.timestamp());
    let today = on(day)?;
    if today > last { Some(today) } else { on(day.checked_add(1.day()).ok()?) }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {interval:#}"),
            Self::Daily { at, zone } => {
                let zone = zone.iana_name().unwrap_or("of this machine's time zone");
                write!(f, "every day at {} {zone}", at.strftime("%H:%M"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn daily(zone: &str) -> Schedule {
        Schedule::Daily { at: Time::constant(3, 30, 0, 0), zone: TimeZone::get(zone).unwrap() }
    }

    #[test]
    fn the_first_check_and_one_that_was_missed_are_due_at_once() {
        let now = at("2026-06-01T12:00:00Z");
        let every = Schedule::Every(SignedDuration::from_hours(6));
        for (last, due) in [
            (None, now),
            (Some(at("2026-06-01T05:00:00Z")), now),
            (Some(at("2026-06-01T10:00:00Z")), at("2026-06-01T16:00:00Z")),
            // The clock was put back.
            (Some(at("2027-01-01T00:00:00Z")), at("2026-06-01T18:00:00Z")),
        ] {
            assert_eq!(every.next(last, now, SignedDuration::ZERO), due, "{last:?}");
        }
        let spread = SignedDuration::from_mins(7);
        assert_eq!(every.next(Some(now), now, spread), at("2026-06-01T18:07:00Z"));
    }

    #[test]
    fn every_day_means_by_the_clocks_of_its_zone() {
        let berlin = daily("Europe/Berlin");
        for (last, now, due) in [
            ("2026-06-01T00:00:00Z", "2026-06-01T00:10:00Z", "2026-06-01T01:30:00Z"),
            ("2026-06-01T01:31:00Z", "2026-06-01T02:00:00Z", "2026-06-02T01:30:00Z"),
            // Missed while nobody watched.
            ("2026-06-01T01:31:00Z", "2026-06-04T02:00:00Z", "2026-06-04T02:00:00Z"),
            // Winter time begins, then summer time.
            ("2026-10-24T02:00:00Z", "2026-10-24T03:00:00Z", "2026-10-25T02:30:00Z"),
            ("2026-03-28T03:00:00Z", "2026-03-28T03:00:00Z", "2026-03-29T01:30:00Z"),
        ] {
            assert_eq!(berlin.next(Some(at(last)), at(now), SignedDuration::ZERO), at(due), "{last}");
        }
        assert_eq!(berlin.to_string(), "every day at 03:30 Europe/Berlin");
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_not_a_day_without_a_check() {
        let skipped = Schedule::Daily {
            at: Time::constant(2, 30, 0, 0),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        };
        let now = at("2026-03-29T00:00:00Z");
        assert_eq!(skipped.next(Some(now), now, SignedDuration::ZERO), at("2026-03-29T01:30:00Z"));
    }
}
