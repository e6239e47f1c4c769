//! Other programs: those that may be missing, and those that must not outlive their test.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Whether a test that needs `program` can run; if not it is skipped with a word on stderr, or fails where real programs are required.
pub fn missing(program: &str, test: &str) {
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "{test} needs `{program}`, which is not installed"
    );
    eprintln!("skipped: {test} needs `{program}`, which is not installed");
}

/// Where a program is; a test that needs a missing one says so, and fails where `REGFSCK_REQUIRE_REAL=1`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        missing(name, "a test");
    }
    found
}

/// Run a program to its end, with nothing on its stdin; `None` where it is missing.
pub(crate) fn output(name: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<Output> {
    Some(Command::new(find(name)?).args(arguments).stdin(Stdio::null()).output().unwrap())
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("an address").port()
}

/// Wait until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child that is killed and waited for when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("start the program"))
    }

    /// Start what listens there, and come back when it does; `None` if it ends instead.
    pub(crate) fn listening(command: &mut Command, address: (&str, u16)) -> Option<Self> {
        let mut running = Self::start(command);
        let mut is_over = false;
        until(&format!("{command:?} does not listen at {address:?}"), || {
            let listens = TcpStream::connect(address).is_ok();
            is_over = running.0.try_wait().expect("ask for its status").is_some();
            listens || is_over
        });
        (!is_over).then_some(running)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
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
