//! Running a program that somebody else wrote, and telling what it did.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use crate::adapters::children::keep_to_ourselves;
use crate::engine::ports::ServiceError;

/// How much of a program's output a message shows at most: the end of it, where the reason stands.
const SHOWN: u64 = 2000;
/// The longest answer that is read.
const ANSWER: u64 = 1 << 20;

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandLine {
    argv: Vec<OsString>,
    path: Option<OsString>,
}

/// How a program ended.
pub(super) struct Ended {
    status: ExitStatus,
    output: String,
}

impl CommandLine {
    /// The program of that name, without arguments yet.
    pub(super) fn new(program: &str) -> Self {
        Self { argv: vec![program.into()], path: None }
    }

    /// The same, but looked for here, where a place is given.
    pub(super) fn search(self, path: Option<OsString>) -> Self {
        Self { path, ..self }
    }

    /// The same with more arguments.
    pub(super) fn with<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The line as one would type it.
    pub(super) fn show(&self) -> String {
        let quote = |word: &OsString| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                return word.into_owned();
            }
            format!("'{}'", word.replace('\'', "'\\''"))
        };
        self.argv.iter().map(quote).collect::<Vec<_>>().join(" ")
    }

    /// Run it to its end, and fail unless it ends well.
    pub(super) async fn run(&self, timeout: Duration) -> Result<(), ServiceError> {
        self.run_into(None, timeout).await
    }

    async fn run_into(&self, answer: Option<&File>, timeout: Duration) -> Result<(), ServiceError> {
        let ended = self.output(answer, timeout).await?;
        if ended.status.success() {
            return Ok(());
        }
        let mut message = format!("`{}` failed: {}", self.show(), ended.status);
        if !ended.output.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(message, "\n{}", ended.output);
        }
        Err(ServiceError { message, hint: None })
    }

    /// Run it to its end, and fail unless it ends well and its answer is short; the answer.
    pub(super) async fn answer(&self, timeout: Duration) -> Result<String, ServiceError> {
        let mut log = tempfile::tempfile().map_err(|error| self.failed(&error, None))?;
        self.run_into(Some(&log), timeout).await?;
        let mut text = String::new();
        let read = log.rewind().and_then(|()| log.take(ANSWER + 1).read_to_string(&mut text));
        match read {
            Ok(length) if length as u64 <= ANSWER => Ok(text),
            Ok(_) => Err(ServiceError { message: format!("`{}` says too much", self.show()), hint: None }),
            Err(error) => Err(self.failed(&error, None)),
        }
    }

    /// Run it to its end; whether it ended well. A program that is missing did not.
    pub(super) async fn succeeds(&self, timeout: Duration) -> bool {
        self.output(None, timeout).await.is_ok_and(|ended| ended.status.success())
    }

    async fn output(&self, answer: Option<&File>, timeout: Duration) -> Result<Ended, ServiceError> {
        tracing::info!(command = %self.show(), "running");
        // Not a pipe: what the command leaves behind in the background would keep that open.
        let mut log = tempfile::tempfile().map_err(|error| self.failed(&error, None))?;
        let mut child = self.spawn(answer.unwrap_or(&log), &log)?;
        let waited = tokio::time::timeout(timeout, child.wait()).await;
        let output = tail(&mut log);
        tracing::debug!(command = %self.show(), output, "ended");
        match waited {
            Ok(Ok(status)) => Ok(Ended { status, output }),
            Ok(Err(error)) => Err(self.failed(&error, None)),
            Err(_) => Err(self.give_up(&mut child, timeout).await),
        }
    }

    fn spawn(&self, answer: &File, log: &File) -> Result<Child, ServiceError> {
        let [program, arguments @ ..] = self.argv.as_slice() else {
            return Err(ServiceError { message: "there is no command".into(), hint: None });
        };
        let logs = answer.try_clone().and_then(|out| Ok((out, log.try_clone()?)));
        let (out, err) = logs.map_err(|error| self.failed(&error, None))?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err);
        // A group of its own: Ctrl-C must not kill a restart halfway, and a timeout kills all of it.
        command.process_group(0);
        command.envs(self.path.iter().map(|path| ("PATH", path)));
        keep_to_ourselves(command.as_std_mut());
        command.spawn().map_err(|error| {
            let hint = (error.kind() == ErrorKind::NotFound)
                .then(|| format!("install `{0}`, or put it on PATH", program.to_string_lossy()));
            self.failed(&error, hint)
        })
    }

    async fn give_up(&self, child: &mut Child, timeout: Duration) -> ServiceError {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = child.wait().await;
        let message = format!("`{}` did not end within {timeout:?}", self.show());
        ServiceError { message, hint: Some("give it more time with `--restart-timeout`".into()) }
    }

    fn failed(&self, error: &std::io::Error, hint: Option<String>) -> ServiceError {
        let missing = error.kind() == ErrorKind::NotFound;
        let why = if missing { "there is no such program on PATH".to_owned() } else { error.to_string() };
        ServiceError { message: format!("cannot run `{}`: {why}", self.show()), hint }
    }
}

/// The end of what was written, trimmed and printable.
fn tail(log: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = log.metadata().map_or(0, |metadata| metadata.len());
    let _ = log.seek(SeekFrom::Start(length.saturating_sub(SHOWN)));
    let _ = log.take(SHOWN).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> CommandLine {
        CommandLine::new("sh").with(["-c", script])
    }

    #[test]
    fn a_line_is_shown_as_one_would_type_it() {
        assert_eq!(shell("it's done").show(), r"sh -c 'it'\''s done'");
        assert_eq!(CommandLine::new("a").with([""]).show(), "a ''");
    }

    #[tokio::test]
    async fn a_failure_shows_status_and_output() {
        let failed = shell("echo out; echo err >&2; exit 3").run(LONG).await.unwrap_err();
        let line = "`sh -c 'echo out; echo err >&2; exit 3'` failed: exit status: 3\nout\nerr";
        assert_eq!(failed.to_string(), line);
    }

    #[tokio::test]
    async fn what_stays_in_the_background_is_not_waited_for() {
        let began = std::time::Instant::now();
        shell("sleep 20 & echo $!").run(LONG).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("(sleep 2; touch {}/late) & wait", dir.path().display());
        let failed = shell(&script).run(Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(failed.to_string(), format!("`{}` did not end within 100ms", shell(&script).show()));
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(!dir.path().join("late").exists());
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let failed = CommandLine::new("no-such-program-here").run(LONG).await.unwrap_err();
        assert_eq!(
            (failed.to_string(), failed.hint),
            (
                "cannot run `no-such-program-here`: there is no such program on PATH".into(),
                Some("install `no-such-program-here`, or put it on PATH".into())
            )
        );
    }
}
