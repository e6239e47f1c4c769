//! regfsck, the fsck for container registries: collects what a registry stores and what its running
//! daemon serves, compares the two, repairs the difference and proves the result.

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod report;
