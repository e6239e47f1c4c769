//! What touches the world.

pub mod source;
