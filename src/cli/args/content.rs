//! How much content a check hashes.

use clap::Args;
use jiff::SignedDuration;

use super::values::{Portion, duration, shard, size, subset};
use crate::domain::shard::Shard;

/// Which content is hashed, and how fast.
#[derive(Debug, Clone, Args)]
pub struct ContentArguments {
    /// Hash the content of every blob
    #[arg(long, env = "REGFSCK_CONTENT", help_heading = "Check")]
    pub content: bool,
    /// Hash part N of T of the blobs; day/T takes another part each day, and all in T days
    #[arg(long, env = "REGFSCK_CONTENT_SUBSET", value_name = "N/T|day/T", value_parser = subset, conflicts_with = "content", help_heading = "Check")]
    pub content_subset: Option<Portion>,
    /// Read at most so much content a second, such as 50MB
    #[arg(long, env = "REGFSCK_BYTES_PER_SECOND", value_name = "SIZE", value_parser = size, help_heading = "Content")]
    pub bytes_per_second: Option<u64>,
}

/// How a check is divided: among runs, and among machines. What repairs checks everything.
#[derive(Debug, Clone, Default, Args)]
pub struct PartArguments {
    /// Judge part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`; `regfsck merge` joins the reports
    ///
    /// Every part walks all of storage, because whether content is needed can only be told from all links. What
    /// is split is what costs most: hashing content, asking the daemon, and looking again.
    #[arg(long, env = "REGFSCK_SHARD", value_name = "I/N", value_parser = shard, help_heading = "Check")]
    pub shard: Option<Shard>,
    /// Begin no more hashing after so long; what was not hashed is said
    #[arg(long, env = "REGFSCK_MAX_DURATION", value_name = "DURATION", value_parser = duration, help_heading = "Content")]
    pub max_duration: Option<SignedDuration>,
    /// Hash from where the last such run stopped, and remember where this one stops
    #[arg(long, env = "REGFSCK_RESUME", help_heading = "Content")]
    pub resume: bool,
}
