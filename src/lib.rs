//! regfsck, the fsck for container registries: collects what a registry stores and what its running
//! daemon serves, compares the two, repairs the difference and proves the result.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test plants its own files, and takes them away")
)]

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod report;

// What unit tests and integration tests share names the crate alike in both.
#[cfg(test)]
extern crate self as regfsck;
// All parsers of what others wrote, for `fuzz/` and for the tests that replay what it found.
#[cfg(test)]
#[path = "../tests/doubles/mod.rs"]
mod doubles;
#[cfg(any(test, fuzzing))]
#[path = "../tests/fuzzed/mod.rs"]
pub mod fuzzed;
