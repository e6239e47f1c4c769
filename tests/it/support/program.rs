//! Programs that may be missing, and children that must not outlive their test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};

/// Where a program is; a test that needs a missing one says so, and fails where `REGFSCK_REQUIRE_REAL=1`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var("REGFSCK_REQUIRE_REAL").is_ok_and(|value| value == "1");
        assert!(!required, "`{name}` is needed and not installed");
        eprintln!("skipped: `{name}` is not installed");
    }
    found
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("an address").port()
}

/// A child that is killed and waited for when it goes out of scope.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("start the program"))
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
