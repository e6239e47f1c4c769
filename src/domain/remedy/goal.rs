//! What a plan is for: an input of the planner, which admits the remedies that fit it.

/// What is wanted of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Everything that helps.
    Fix,
    /// Only make the daemon forget what is not there.
    Purge,
    /// After a garbage collection: make the daemon forget what is not there, and what it cannot be made to forget true.
    Collection,
    /// Only restart the daemon.
    Restart,
}
