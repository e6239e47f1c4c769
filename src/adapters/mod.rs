//! What touches the world.

pub mod cache;
pub mod snapshot;
