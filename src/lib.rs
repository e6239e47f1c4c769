//! regfsck, the fsck for container registries: collects what a registry stores and what its running
//! daemon serves, compares the two, repairs the difference and proves the result.
//!
//! **This is a program.** Install it with `cargo install regfsck --locked`, and see `regfsck --help`. The library is what the
//! program is made of, in one crate with it so that its tests can reach it; it is no API, and any release may change any of it.
//!
//! What does not change within a major version, and what other programs may build on:
//!
//! - the command line: commands, flags, `REGFSCK_…` variables,
//! - the exit statuses,
//! - the codes of findings, and a finding's `id` as long as its code and subject are the same,
//! - the JSON report: within a version of its schema fields are only added.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test plants its own files, and takes them away")
)]

#[doc(hidden)]
pub mod adapters;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod domain;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod report;

// What unit tests and integration tests share names the crate alike in both.
#[cfg(test)]
extern crate self as regfsck;
#[cfg(test)]
#[path = "../tests/doubles/mod.rs"]
mod doubles;
// All parsers of what others wrote, for `fuzz/` and for the tests that replay what it found.
#[cfg(any(test, fuzzing))]
#[path = "../tests/fuzzed/mod.rs"]
pub mod fuzzed;
