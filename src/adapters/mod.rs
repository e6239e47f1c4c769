//! What touches the world.

pub mod cache;
