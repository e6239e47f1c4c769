//! Guarding a garbage collection.

pub mod gate;
