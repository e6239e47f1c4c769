//! What decides: pure, synchronous values and functions. No clock, environment, disk, network or printing.

pub mod code;
pub mod digest;
pub mod finding;
pub mod manifest;
pub mod name;
pub mod observed;
pub mod report;
pub mod served;
pub mod storage;
pub mod suspects;
