//! Integration tests: one binary, a module for each subject.
//! Integration tests: one binary, so that they are linked once.
//! Everything that needs a real program or a socket, in one binary.

#![allow(clippy::missing_panics_doc, reason = "tests panic when they fail")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod http_client;
mod scenarios;
    reason = "a test that cannot go on fails"
)]

mod arrows;
mod generated;
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "skipped tests say so")]

mod cache;
mod support;
