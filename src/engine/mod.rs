//! The use cases, against traits: collect, check, recheck.

pub mod ports;
pub mod write_ahead;
