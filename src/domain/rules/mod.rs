//! The rules: pure functions from views to accusations.

pub mod cache;
