//! What touches the world.

pub mod journal;
pub mod service;
pub mod storage;
