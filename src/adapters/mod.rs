//! What touches the world.

pub mod storage;
pub mod config;
