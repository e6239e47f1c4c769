//! What decides: pure, synchronous values and functions. No clock, environment, disk, network or printing.

pub mod action;
pub mod cache_key;
pub mod code;
pub mod content;
pub mod coverage;
pub mod difference;
pub mod digest;
pub mod discreet;
pub mod doctor;
pub mod finding;
pub mod gc;
pub mod go_json;
pub mod guard;
pub mod history;
pub mod images;
pub mod journal;
pub mod layout;
pub mod limit;
pub mod manifest;
pub mod merge;
pub mod name;
pub mod observed;
pub mod plan;
pub mod remedy;
pub mod report;
pub mod rules;
#[cfg(test)]
mod schema;
pub mod shard;
pub mod start;
pub mod suspects;
pub mod target;
pub mod verdict;
pub mod views;
pub mod watch;
