//! What a check is asked to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::domain::content::ContentSubset;
use crate::domain::digest::Digest;
use crate::domain::rules::DaemonSettings;
use crate::domain::shard::Shard;
use crate::domain::suspects::Suspect;
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{Bookmark, Everything, Memory, Scope, Starts};

/// What a check is asked to do.
#[derive(Clone, Default)]
pub struct Options {
    /// What of the registry is judged.
    pub extent: Extent,
    /// How the daemon is asked.
    pub asking: Asking,
    /// What content is hashed, if any is.
    pub content: Option<ContentCheck>,
    /// What is suspect beforehand.
    pub leads: Leads,
    /// What is known of the daemon's configuration.
    pub daemon: DaemonSettings,
    /// What tells when the daemons started.
    pub starts: Option<Arc<dyn Starts>>,
    /// Where the last look is kept, for the next check to know what has gone.
    pub memory: Option<Arc<dyn Memory>>,
}

/// What of the registry is judged.
#[derive(Clone)]
pub struct Extent {
    /// Which repositories.
    pub scope: Arc<dyn Scope>,
    /// Which part of the registry; `None` is all of it. Storage is always walked as a whole.
    pub shard: Option<Shard>,
    /// What is younger than this is in flight.
    pub grace: SignedDuration,
}

impl Default for Extent {
    fn default() -> Self {
        Self { scope: Arc::new(Everything), shard: None, grace: SignedDuration::ZERO }
    }
}

/// How the daemon is asked.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// About how much.
    pub probe: Probe,
    /// Whether manifests that storage lacks may be asked about by a PUT that must be refused.
    pub probe_manifests: bool,
    /// How many questions at once; at least one.
    pub jobs: usize,
}

/// How much of the daemon is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Probe {
    /// Only about what can be wrong.
    #[default]
    Suspects,
    /// About every tag and every link.
    All,
}

/// Which content is hashed.
#[derive(Clone)]
pub struct ContentCheck {
    /// Which part of it.
    pub subset: ContentSubset,
    /// How much of that in this run.
    pub budget: Budget,
}

/// How much hashing a run may do.
#[derive(Clone, Default)]
pub struct Budget {
    /// When it must not begin another batch.
    pub until: Option<Instant>,
    /// How many bytes it may read a second.
    pub bytes_per_second: Option<u64>,
    /// Where it goes on from, and remembers how far it got.
    pub resume: Option<Arc<dyn Bookmark>>,
}

/// What is suspect before anything was looked at.
#[derive(Clone, Default)]
pub struct Leads {
    /// Pairs handed in.
    pub suspects: Vec<Suspect>,
    /// Blobs that were uploaded just now: asked about though they are stored, for the daemon may remember what was
    /// there before.
    pub written: Vec<Suspect>,
    /// Manifests that were put back after garbage collection: they are stored, and need have no link.
    pub returned: BTreeSet<Digest>,
    /// Since when some of them have no link, where that is known better than storage itself tells.
    pub gone: BTreeMap<Digest, Timestamp>,
    /// An earlier look at storage: what disappeared since is suspect.
    pub since: Option<Arc<StorageView>>,
    /// Whether that was the last look before a garbage collection, with every manifest that it might take.
    pub is_whole: bool,
}
