//! A watch that runs, and what it says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::until;
use crate::support::regfsck::{Ended, command, end};

/// It; killed when it goes out of scope.
pub(crate) struct Watching {
    child: Option<Child>,
    errors: PathBuf,
}

impl Watching {
    /// Start one that keeps its state in that folder.
    pub(crate) fn start(state: &Path, words: &[&str]) -> Self {
        Self::start_with(state, words, &[])
    }

    /// The same with these variables.
    pub(crate) fn start_with(state: &Path, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let errors = state.join(format!("stderr-{}", fs::read_dir(state).unwrap().count()));
        let folder = state.display().to_string();
        let all = ["watch", "--state-dir", &folder].into_iter().chain(words.iter().copied());
        let mut command = command(all);
        command.stderr(File::create(&errors).unwrap()).envs(variables.iter().copied());
        Self { child: Some(command.spawn().unwrap()), errors }
    }

    /// What it said on stderr so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// End it so, and wait.
    pub(crate) fn end(mut self, signal: Signal) -> Ended {
        self.send(signal);
        let mut child = self.child.take().unwrap();
        until("it ends", || child.try_wait().unwrap().is_some());
        Ended { stderr: self.said(), ..end(child) }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
