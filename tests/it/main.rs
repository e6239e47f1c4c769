//! Everything that needs a real program or a socket, in one binary.

#![allow(clippy::missing_panics_doc, reason = "tests panic when they fail")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "skipped tests say so")]

mod cache;
mod support;
