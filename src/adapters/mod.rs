//! What touches the world.

pub mod config;
