//! What decides: pure, synchronous values and functions. No clock, environment, disk, network or printing.

pub mod cache;
pub mod code;
pub mod collector;
pub mod difference;
pub mod digest;
pub mod doctor;
pub mod finding;
pub mod guard;
pub mod history;
pub mod journal;
pub mod manifest;
pub mod name;
pub mod observed;
pub mod plan;
pub mod planner;
pub mod report;
pub mod rules;
#[cfg(test)]
mod schema;
pub mod served;
pub mod storage;
pub mod suspects;
