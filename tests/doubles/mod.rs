//! Doubles of what the engine works on, as strict as the real things: unit tests and integration tests share them.
//!
//! | double | of what | is as strict as |
//! |---|---|---|
//! | `memory::MemoryStorage` | storage, its writer, its upload sessions | the filesystem |
//! | `registry::ScriptedRegistry` | a daemon, asked and written to | the HTTP client against every registry there is |
//!
//! `tests/it/contract` holds each to the same suite as the adapters that it stands for.
#![allow(dead_code, reason = "each test binary uses its own part of them")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a double says what it knows, and refuses the rest")]
#![allow(unreachable_pub, reason = "they are the interface of a test binary")]

mod disk;
pub mod memory;
pub mod registry;
pub mod tree;
