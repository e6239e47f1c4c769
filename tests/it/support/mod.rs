//! What tests share: real programs and stand-ins.
#![allow(dead_code, reason = "not every test needs all of it")]

pub(crate) mod certificates;
pub(crate) mod proxy;
pub(crate) mod real_registry;
pub(crate) mod stub;
pub(crate) mod token_server;

/// Whether a test that needs `program` can run; if not it is skipped with a word on stderr, or fails where real programs are required.
pub(crate) fn missing(program: &str, test: &str) {
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "{test} needs `{program}`, which is not installed"
    );
    eprintln!("skipped: {test} needs `{program}`, which is not installed");
}
