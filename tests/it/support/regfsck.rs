//! The program itself, with an environment of its own.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The report, of a run with `-o json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Each finding of the report as `CODE SUBJECT`.
    pub fn findings(&self) -> Vec<String> {
        let report = self.json();
        let ids = report["findings"].as_array().unwrap().iter();
        ids.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// `regfsck` with nothing of this machine's settings or credentials.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regfsck"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Run it to its end.
pub fn run(arguments: &[&str]) -> Ended {
    end(command(arguments).spawn().unwrap())
}

/// Run it with this on stdin.
pub fn run_with_stdin(arguments: &[&str], stdin: &str) -> Ended {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    end(child)
}

/// Wait for it.
pub fn end(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
