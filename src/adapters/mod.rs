//! What touches the world.

pub mod source;
pub mod suspects;
