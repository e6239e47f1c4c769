//! What the integration tests share: daemons to run against, a raw client, images, damage.
#![allow(dead_code, reason = "each test module uses its own part of the harness")]
#![allow(unreachable_pub, reason = "the harness is the interface of its own test binary")]

pub mod certificates;
pub mod container_registry;
pub mod daemon;
pub mod damage;
pub mod docker_engine;
pub mod generated;
pub mod incident;
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
pub mod source;
pub mod source_stub;
pub mod sources_fixture;
pub mod stand_in;
pub mod stub;
pub mod token_server;
pub mod transcript;
pub mod tree;
pub mod valve;

/// Whether a test that needs `program` can run; if not it is skipped with a word on stderr, or fails where real programs are required.
pub fn missing(program: &str, test: &str) {
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "{test} needs `{program}`, which is not installed"
    );
    eprintln!("skipped: {test} needs `{program}`, which is not installed");
}
