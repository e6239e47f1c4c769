//! Integration tests: one binary, a module for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod arrows;
mod budget;
mod cache;
mod completions;
mod generated;
mod http_client;
mod registry_config;
mod scenarios;
mod shards;
mod sources;
mod sources_damage;
mod sources_network;
mod support;
