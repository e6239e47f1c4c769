//! The use cases, against traits: collect, check, recheck.

pub mod check;
pub mod ports;
