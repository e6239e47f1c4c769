//! What the integration tests share: daemons to run against, a raw client, images, damage.
#![allow(dead_code, reason = "each test module uses its own part of the harness")]
#![allow(unreachable_pub, reason = "the harness is the interface of its own test binary")]

pub mod daemon;
pub mod damage;
pub mod raw;
pub mod real_registry;
