//! When the daemons started: whoever can tell is asked, those who see it before those who only say so.
//!
//! | witness | what it sees |
//! |---|---|
//! | `listener` | the process that listens on the port, where that is a registry on this machine |
//! | `service` | the unit, container or pods that `--restart` names |
//! | `metrics` | `process_start_time_seconds` at the debug address of the configuration |
//! | `record` | a restart in our own journal |
//! | what was said | `--started` |
//!
//! Several daemons are as old as the oldest of them, and one of which nothing is known makes all unknown.

mod listener;
mod metrics;
mod record;
mod service;

use std::sync::Arc;

use async_trait::async_trait;

pub use listener::Listener;
pub use metrics::Metrics;
pub use record::JournalWitness;
pub use service::OfService;

use crate::domain::start::Start;
use crate::engine::ports::Starts;

/// Somebody who may know when one daemon started.
#[async_trait]
pub trait StartWitness: Send + Sync {
    /// When it started.
    ///
    /// # Errors
    /// Why it is not known here, in words.
    async fn start(&self) -> Result<Start, String>;
}

/// What was said.
#[async_trait]
impl StartWitness for Start {
    async fn start(&self) -> Result<Start, String> {
        Ok(self.clone())
    }
}

/// The witnesses of each daemon, the best first.
#[derive(Clone, Default)]
pub struct Witnesses(pub Vec<Vec<Arc<dyn StartWitness>>>);

#[async_trait]
impl Starts for Witnesses {
    async fn oldest(&self) -> Result<Start, Box<str>> {
        let mut oldest: Option<Start> = None;
        for witnesses in &self.0 {
            let start = first(witnesses).await?;
            if oldest.as_ref().is_none_or(|oldest| start.at < oldest.at) {
                oldest = Some(start);
            }
        }
        oldest.ok_or_else(|| "there is no daemon".into())
    }
}

/// What the first says who knows; what all of them said otherwise.
async fn first(witnesses: &[Arc<dyn StartWitness>]) -> Result<Start, Box<str>> {
    let mut why = Vec::new();
    for witness in witnesses {
        match witness.start().await {
            Ok(start) => return Ok(start),
            Err(said) => why.push(said),
        }
    }
    Err(why.join("; ").into())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::start::Witness;

    struct Ignorant(&'static str);

    #[async_trait]
    impl StartWitness for Ignorant {
        async fn start(&self) -> Result<Start, String> {
            Err(self.0.to_owned())
        }
    }

    fn said(second: i64) -> Arc<dyn StartWitness> {
        Arc::new(Start { at: Timestamp::from_second(second).unwrap(), witness: Witness::Said })
    }

    fn ignorant(why: &'static str) -> Arc<dyn StartWitness> {
        Arc::new(Ignorant(why))
    }

    #[tokio::test]
    async fn the_oldest_counts_and_one_that_nobody_knows_is_enough_to_know_nothing() {
        let oldest = async |daemons| Witnesses(daemons).oldest().await.map(|start| start.at.as_second());
        assert_eq!(oldest(vec![vec![said(5), said(1)], vec![ignorant("a"), said(3)]]).await, Ok(3));
        let unknown = oldest(vec![vec![said(5)], vec![ignorant("a"), ignorant("b")]]).await;
        assert_eq!(unknown, Err("a; b".into()));
        assert_eq!(oldest(Vec::new()).await, Err("there is no daemon".into()));
    }
}
