//! The adapter against trees on disk.

mod bad_input;
mod collect;
mod look;
mod open;
mod tree;
