//! What tests share: real programs and stand-ins.

pub mod container_registry;
#[allow(dead_code, reason = "what one test does not use another does")]
pub mod docker_engine;
#[allow(dead_code, reason = "what one test does not use another does")]
pub mod incident;
#[allow(dead_code, reason = "what one test does not use another does")]
pub mod real_registry;
pub mod stand_in;

/// Whether a test that needs `program` can run; if not it is skipped with a word on stderr, or fails where real programs are required.
pub fn missing(program: &str, test: &str) {
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "{test} needs `{program}`, which is not installed"
    );
    eprintln!("skipped: {test} needs `{program}`, which is not installed");
}
