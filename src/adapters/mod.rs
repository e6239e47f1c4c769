//! What touches the world.

pub mod storage;
