//! The program itself, as a user runs it. Every test that runs it does so from here.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use regfsck::domain::report::Report;
use serde::de::DeserializeOwned;

/// What a run printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// -1 if a signal ended it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// What `-o json` wrote, as what it is.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The report, of a run with `-o json`.
    #[track_caller]
    pub fn report(&self) -> Report {
        self.read()
    }

    /// Each finding of the report as `CODE SUBJECT`.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        self.report().findings.into_iter().map(|finding| finding.id).collect()
    }

    /// The report, of a run with `-o json`, as anything that reads JSON sees it.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        self.read()
    }
}

/// `regfsck` with nothing of this machine's settings or credentials; another build of it where `REGFSCK_PROGRAM` says so.
pub fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let program = std::env::var_os("REGFSCK_PROGRAM");
    let mut command = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_regfsck").into()));
    // Where it keeps what it remembers of each registry: those of tests lie in folders of random names.
    command.args(arguments).env_clear().env("HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/home"));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Run it to its end.
pub fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    command(arguments).output().unwrap().into()
}

/// Run it with this on stdin.
pub fn run_with_stdin(arguments: &[&str], stdin: &str) -> Ended {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    end(child)
}

/// Wait for it.
pub fn end(child: Child) -> Ended {
    child.wait_with_output().unwrap().into()
}
