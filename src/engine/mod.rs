//! The use cases, against traits: collect, check, recheck.

pub mod check;
pub mod keep_started;
pub mod ports;
pub mod write_ahead;
