//! What happens during a run, for whoever shows it.

use crate::domain::journal::Change;
use crate::domain::observed::Unlooked;
use crate::domain::target::Target;

/// Something that happened during a run. Progress bars and logs are made of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A stage begins; how many steps it has, where that is known.
    Stage(&'static str, Option<u64>),
    /// So many more steps of the stage are done.
    Advanced(u64),
    /// The stage is over.
    Finished,
    /// Something the user should know that is no finding.
    Notice(Notice),
}

/// Something the user should know that is no finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A line of the journal that is no record.
    JournalDamage(Unlooked),
    /// An earlier run did not end by itself.
    CutShort {
        /// Its name.
        run: String,
        /// How many steps it had.
        steps: usize,
        /// How many of them did not end.
        unfinished: usize,
        /// What it had written down and could be taken back.
        undoable: Vec<Change>,
        /// The registry.
        target: Box<Target>,
    },
    /// The repair is over, and that could not be recorded; why.
    EndUnrecorded(String),
    /// Where what storage held before a garbage collection lies.
    SnapshotKept {
        /// Its path.
        path: String,
        /// The registry.
        target: Box<Target>,
    },
    /// Content is hashed from the beginning, for what an earlier run remembered cannot be read; why.
    HashedAnew(String),
    /// What an earlier check saw cannot be read, or what this one saw cannot be kept; why.
    NotRemembered(String),
    /// A Redis without keys of a registry.
    NoKeys(String),
    /// Other databases of a Redis hold keys of a registry, too.
    OtherDatabases {
        /// The Redis.
        location: String,
        /// The numbers of the databases.
        databases: Vec<u32>,
    },
}

/// Whoever wants to know what happens. Called from many threads.
pub trait Events: Send + Sync {
    /// Take note of it.
    fn emit(&self, event: Event);

    /// Whether whoever watches wants the run to stop: it then ends with what it has.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _event: Event) {}
}
