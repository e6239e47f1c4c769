//! What a plan is for: an input of the planner, which admits the remedies that fit it.

/// What is wanted of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Everything that helps.
    Fix,
    /// Only make the daemon forget what is not there.
    Purge,
    /// Only restart the daemon.
    Restart,
}
