//! The integration tests: one binary, a module a subject.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests"
)]

mod sources;
mod sources_damage;
mod sources_network;
mod support;
mod suspects;
