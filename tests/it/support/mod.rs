//! What the integration tests share: daemons to run against, a raw client, images, damage.
#![allow(dead_code, reason = "each test module uses its own part of the harness")]
#![allow(unreachable_pub, reason = "the harness is the interface of its own test binary")]

pub mod daemon;
pub mod damage;
pub mod plain_registry;
pub mod raw;
pub mod real_registry;
pub mod stub;

/// Whether a test that needs `program` can run; if not it is skipped with a word on stderr, or fails where real programs are required.
pub fn missing(program: &str, test: &str) {
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "{test} needs `{program}`, which is not installed"
    );
    eprintln!("skipped: {test} needs `{program}`, which is not installed");
}
//! What tests share.

pub(crate) mod generated;
pub(crate) mod source;
//! Real servers on loopback, each with its own folder and port, killed when they go out of scope.

pub(crate) mod program;
pub(crate) mod redis_registry;
pub(crate) mod redis_server;
