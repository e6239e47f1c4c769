//! What the integration tests share: daemons to run against, a raw client, images, damage.
#![allow(dead_code, reason = "each test module uses its own part of the harness")]
#![allow(unreachable_pub, reason = "the harness is the interface of its own test binary")]

pub mod azurite;
pub mod browser;
pub mod certificates;
pub mod container_registry;
pub mod daemon;
pub mod damage;
pub mod docker_engine;
pub mod fake_gcs;
pub mod generated;
pub mod google;
pub mod incident;
pub mod measured;
pub mod modules;
pub mod moto;
pub mod plant;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod real_registry;
pub mod redis_server;
pub mod regfsck;
pub mod settings;
#[cfg(feature = "cloud")]
pub mod shelf;
pub mod source;
pub mod source_stub;
pub mod sources_fixture;
pub mod stand_in;
pub mod store;
pub mod stub;
pub mod token_server;
pub mod transcript;
pub mod tree;
pub mod valve;

pub use program::missing;
