//! regfsck, the fsck for container registries: collects what a registry stores and what its running
//! daemon serves, compares the two, repairs the difference and proves the result.

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod report;

// What unit tests and integration tests share names the crate alike in both.
#[cfg(test)]
extern crate self as regfsck;
#[cfg(test)]
#[path = "../tests/doubles/mod.rs"]
mod doubles;
