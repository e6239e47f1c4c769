//! What touches the world.

#[cfg(feature = "cloud")]
pub mod bucket;
pub mod bucket_settings;
pub mod cache;

pub mod children;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod files;
pub mod gc;
pub mod guard_folder;
pub mod journal;
pub mod last_look;
pub mod lock;
pub mod opened;
pub mod registry;
pub mod sandbox;
pub mod serve;
pub mod service;
pub mod snapshot;
pub mod source;
pub mod starts;
pub mod storage;
pub mod suspects;
pub(crate) mod tls;
pub mod watch_state;
