//! What touches the world.

pub mod registry;
