//! What touches the world.

pub mod journal;
pub mod storage;
