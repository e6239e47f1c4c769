//! The use cases, against traits: collect, check, recheck.

pub mod drain;
pub mod keep_started;
pub mod ports;
pub mod restart;
pub mod undo;
pub mod write_ahead;
