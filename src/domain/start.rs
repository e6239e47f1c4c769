//! When the daemon started: what was gone before that it cannot remember, whatever it remembers otherwise.
//!
//! A daemon that keeps blob descriptors in its own memory came to know of content while that was stored. So a time by
//! which content was gone, and a later start of the daemon, settle that it does not believe in it: nothing need be asked.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// By how much a start has to be later: times of files are some milliseconds behind the clock.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// When a daemon started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Not before this.
    pub at: Timestamp,
    /// How that is known.
    pub witness: Witness,
}

/// How it is known when a daemon started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Witness {
    /// The process that listens on its port.
    #[error("process {0}, which listens on its port")]
    Process(u32),
    /// A unit of systemd.
    #[error("process {pid} of unit `{unit}`")]
    Unit {
        /// Its name.
        unit: String,
        /// Its main process.
        pid: u32,
    },
    /// A container.
    #[error("container `{0}`")]
    Container(String),
    /// The pods of a Kubernetes workload.
    #[error("the pods of `{0}`")]
    Pods(String),
    /// What it says of itself at its debug address.
    #[error("its metrics at {0}")]
    Metrics(String),
    /// A restart in our journal.
    #[error("our journal: run {0} restarted it")]
    Restart(String),
    /// The user.
    #[error("--started")]
    Said,
}

impl Start {
    /// The same in seconds since 1970, of times that are told in whole seconds: what is of an earlier one was before.
    #[must_use]
    pub fn second(&self) -> i64 {
        self.at.as_second().saturating_sub(MARGIN.as_secs())
    }

    /// Whether the daemon cannot remember what was gone by then.
    #[must_use]
    pub fn is_after(&self, gone: Timestamp) -> bool {
        self.at.checked_sub(MARGIN).is_ok_and(|latest| gone <= latest)
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it runs since {:.0} ({})", self.at, self.witness)
    }
}

/// A belief about a manifest that nothing settles, and what is known that might.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// By when the manifest was gone, where that is known.
    pub gone: Option<Timestamp>,
    /// When the daemon started, or why that is not known.
    pub start: Result<Start, Box<str>>,
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("storage lacks it, and the daemon may remember it: a push of it would be swallowed; ")?;
        if let Some(gone) = self.gone {
            write!(f, "it was gone by {gone:.0}; ")?;
        }
        match &self.start {
            Ok(start) => start.fmt(f),
            Err(why) => write!(f, "when the daemon started is not known: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_start_that_is_surely_later_settles() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let start = Start { at: at(1000), witness: Witness::Said };
        for (gone, settles) in [(0, true), (999, true), (1000, false), (1001, false)] {
            assert_eq!(start.is_after(at(gone)), settles, "{gone}");
        }
    }
}
