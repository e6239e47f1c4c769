//! What touches the world.

pub mod sandbox;
