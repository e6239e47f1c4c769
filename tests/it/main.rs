//! Integration tests: one binary, so that they are linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests may fail; clippy's own exceptions for tests do not reach functions that tests share"
)]

mod docker_engine;
mod journal;
mod service_commands;
mod support;
mod uploads;
