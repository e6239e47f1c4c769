//! What touches the world.

pub mod config;
pub mod registry;
pub mod storage;
pub mod cache;
pub mod source;
