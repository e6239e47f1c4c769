//! Integration tests: one binary, a module for each subject.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod admin;
mod api_only;
mod arrows;
mod beliefs;
#[cfg(feature = "cloud")]
mod bucket;
mod budget;
mod cache;
pub(crate) mod check;
mod collector;
mod completions;
mod contract;
mod cost;
mod credentials;
mod demo;
mod deploy;
mod docker_engine;
#[path = "../doubles/mod.rs"]
mod doubles;
mod foreign;
mod gate;
mod generated;
mod guard;
mod healthy;
mod hostile_files;
mod hostile_state;
mod hostile_storage;
mod http_client;
mod interrupts;
mod journal;
mod last_look;
mod manual;
mod measures;
mod next_steps;
mod parts;
mod proxies;
mod pull_through;
mod readme;
mod registry_config;
mod repair;
mod replica_repair;
mod replicas;
mod reports;
mod scenarios;
mod service_commands;
mod shards;
mod soak;
mod sources;
mod sources_damage;
mod sources_network;
mod starts;
mod support;
mod suspects;
mod tls_program;
mod token_auth;
mod unreadable;
mod uploads;
mod verify;
mod watch;
