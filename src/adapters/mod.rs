//! What touches the world.

pub mod journal;
