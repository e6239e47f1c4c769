//! What touches the world.

pub mod credentials;
pub mod registry;
