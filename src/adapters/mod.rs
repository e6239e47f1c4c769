//! What touches the world.

pub mod config;
pub mod registry;
pub mod storage;
pub mod cache;
pub mod source;
pub mod journal;
pub mod service;
pub mod storage;
pub mod sandbox;
