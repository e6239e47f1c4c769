//! What happens during a run, for whoever shows it.

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
    Notice(String),
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
