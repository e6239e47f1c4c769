//! How far a stage is, in a line.

use std::time::Duration;

use super::words::grouped;

/// What is known of a stage.
#[derive(Debug, Clone, Copy)]
pub struct StagePace {
    /// What is done in it.
    pub name: &'static str,
    /// How many steps it has, where that is known.
    pub length: Option<u64>,
    /// How many of them are done.
    pub done: u64,
    /// For how long it has gone on.
    pub elapsed: Duration,
}

/// `blobs: 12,300 of 166,000 (7%), 1,230 a second, 3 min left`
#[must_use]
pub fn line(pace: &StagePace) -> String {
    let StagePace { name, length, done, elapsed } = *pace;
    let mut parts = vec![match length {
        Some(length) => format!("{} of {} ({}%)", grouped(done), grouped(length), percent(done, length)),
        None => grouped(done),
    }];
    parts.push(rate(done, elapsed));
    match length.map(|length| left(done, length, elapsed)) {
        None => {}
        Some(Some(left)) if left.is_zero() => parts.push(format!("done in {}", span(elapsed))),
        Some(Some(left)) => parts.push(format!("{} left", span(left))),
        Some(None) => parts.push(format!("none done in {}", span(elapsed))),
    }
    format!("{name}: {}", parts.join(", "))
}

fn percent(done: u64, length: u64) -> u64 {
    done.saturating_mul(100).checked_div(length).unwrap_or(100).min(100)
}

fn rate(done: u64, elapsed: Duration) -> String {
    let millis = elapsed.as_millis().max(1);
    let per_minute = u128::from(done) * 60_000 / millis;
    let shown = |count: u128| grouped(u64::try_from(count).unwrap_or(u64::MAX));
    if per_minute < 120 {
        format!("{} a minute", shown(per_minute))
    } else {
        format!("{} a second", shown(per_minute / 60))
    }
}

/// How long the rest takes if it goes on like this; nothing where nothing is done yet.
fn left(done: u64, length: u64, elapsed: Duration) -> Option<Duration> {
    let rest = u128::from(length.saturating_sub(done));
    let millis = (elapsed.as_millis() * rest).checked_div(u128::from(done));
    let millis = if rest == 0 { Some(0) } else { millis };
    millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// Rounded up to what a person plans with.
fn span(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(done: u64, length: Option<u64>, seconds: u64) -> String {
        line(&StagePace { name: "blobs", length, done, elapsed: Duration::from_secs(seconds) })
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_what_is_left() {
        assert_eq!(
            told(12_300, Some(166_000), 10),
            "blobs: 12,300 of 166,000 (7%), 1,230 a second, 3 min left"
        );
        assert_eq!(told(5, Some(20), 20), "blobs: 5 of 20 (25%), 15 a minute, 60 s left");
        assert_eq!(told(20, Some(20), 30), "blobs: 20 of 20 (100%), 40 a minute, done in 30 s");
        assert_eq!(told(0, Some(20), 30), "blobs: 0 of 20 (0%), 0 a minute, none done in 30 s");
        assert_eq!(told(700, None, 70), "blobs: 700, 10 a second");
        assert_eq!(told(1, Some(100_000), 10), "blobs: 1 of 100,000 (0%), 6 a minute, 278 h left");
        assert_eq!(told(0, Some(0), 0), "blobs: 0 of 0 (100%), 0 a minute, done in 0 s");
    }
}
