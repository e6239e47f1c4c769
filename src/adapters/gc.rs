//! Running somebody's garbage-collection command: its output goes through and is read for suspects meanwhile.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::adapters::children::keep_to_ourselves;
use crate::domain::gc::Release;
use crate::domain::suspects::{SuspectText, Suspects};
use crate::engine::ports::{GarbageCollection, GcEnd, Onlooker, Stream};

/// No line that names a suspect is longer.
const MAX_LINE_BYTES: usize = 64 << 10;
/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// The word that every such command has in it.
const WORD: &str = "garbage-collect";

/// A garbage-collection command: `docker-registry garbage-collect …`, behind `docker exec`, in a `sh -c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcCommand {
    argv: Vec<OsString>,
}

impl GcCommand {
    /// The command of these words, if there are any.
    #[must_use]
    pub fn new(argv: &[OsString]) -> Option<Self> {
        (!argv.is_empty()).then(|| Self { argv: argv.to_vec() })
    }
}

#[async_trait]
impl GarbageCollection for GcCommand {
    fn words(&self) -> Vec<String> {
        self.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// `-m`, `--delete-untagged`.
    fn deletes_untagged(&self) -> bool {
        let line = self.words().join(" ");
        let options = line.split_whitespace().skip_while(|word| !word.ends_with(WORD));
        options.skip(1).any(|word| {
            let is_short = word.strip_prefix('-').is_some_and(|letters| {
                letters.contains('m') && letters.bytes().all(|byte| byte.is_ascii_lowercase())
            });
            is_short || word == "--delete-untagged" || word == "--delete-untagged=true"
        })
    }

    /// As the same program says when asked for its version.
    async fn flavour(&self) -> Option<Release> {
        let at = self.argv.iter().position(|word| word == WORD).filter(|at| *at > 0)?;
        let (program, rest) = self.argv.get(..at)?.split_first()?;
        let mut command = Command::new(program);
        keep_to_ourselves(command.as_std_mut());
        command.args(rest).arg("--version").stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
        flavour_of(&String::from_utf8_lossy(&output.stdout))
    }

    /// Ctrl-C reaches it as well and ends it, but not us; a SIGTERM to us is passed on. The handlers stay for good, so that
    /// whoever is told that it ended has to listen from then on.
    async fn run(&self, onlooker: &dyn Onlooker) -> io::Result<GcEnd> {
        let (program, rest) = self.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        keep_to_ourselves(command.as_std_mut());
        let mut child = command.args(rest).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let read = async {
            let (output, errors) =
                tokio::join!(read(output, Stream::Output, onlooker), read(errors, Stream::Errors, onlooker));
            merge(output, errors)
        };
        let waited = async {
            let status = wait(&mut child).await;
            onlooker.ended();
            status
        };
        let (status, suspects) = tokio::join!(waited, read);
        let status = status?;
        Ok(GcEnd { status: status.code(), signal: status.signal(), suspects })
    }
}

/// `docker-registry github.com/docker/distribution 2.8.2+ds1`
fn flavour_of(text: &str) -> Option<Release> {
    let version = text.lines().next()?.split_whitespace().last()?.trim_start_matches('v');
    match version.split_once('.')?.0 {
        "2" => Some(Release::V2),
        "3" => Some(Release::V3),
        _ => None,
    }
}

async fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                if let Some(id) = id {
                    // It may have ended meanwhile.
                    let _ = kill_process(id, Signal::TERM);
                }
            }
        }
    }
}

/// Pass a stream on, and read its lines for suspects.
async fn read(stream: Option<impl AsyncRead + Unpin>, which: Stream, onlooker: &dyn Onlooker) -> Suspects {
    let mut text = SuspectText::default();
    let Some(mut stream) = stream else { return text.finish() };
    let mut buffer = vec![0; 16 << 10];
    let mut line = Vec::new();
    // A stream that breaks is over: how the command ended is told by its status.
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let bytes = buffer.get(..length).unwrap_or_default();
        onlooker.see(which, bytes);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if piece.ends_with(b"\n") {
                text.line(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        text.line(&String::from_utf8_lossy(&line));
    }
    text.finish()
}

fn merge(mut output: Suspects, errors: Suspects) -> Suspects {
    output.pairs.extend(errors.pairs);
    output.lines += errors.lines;
    output.not_understood += errors.not_understood;
    output
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::suspects::{Suspect, SuspectKind};

    fn command(words: &[&str]) -> GcCommand {
        GcCommand { argv: words.iter().map(OsString::from).collect() }
    }

    #[derive(Default)]
    struct Kept(Mutex<Vec<u8>>);

    impl Onlooker for Kept {
        fn see(&self, _stream: Stream, bytes: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }

    #[test]
    fn the_option_is_seen_wherever_it_stands() {
        for (words, is) in [
            (&["registry", "garbage-collect", "-m", "/etc/config.yml"][..], true),
            (&["registry", "garbage-collect", "/etc/config.yml", "--delete-untagged"], true),
            (&["docker", "exec", "-m", "r", "registry", "garbage-collect", "c.yml"], false),
            (&["docker", "exec", "r", "/bin/registry", "garbage-collect", "-dm", "c.yml"], true),
            (&["sh", "-c", "exec registry garbage-collect -m c.yml"], true),
            (&["registry", "garbage-collect", "--delete-untagged=false", "/etc/my-m.yml"], false),
        ] {
            assert_eq!(command(words).deletes_untagged(), is, "{words:?}");
        }
    }

    #[test]
    fn versions_are_read() {
        for (text, flavour) in [
            ("docker-registry github.com/docker/distribution 2.8.2+ds1\n", Some(Release::V2)),
            ("registry github.com/distribution/distribution/v3 v3.0.0", Some(Release::V3)),
            ("", None),
            ("something else", None),
        ] {
            assert_eq!(flavour_of(text), flavour, "{text}");
        }
    }

    #[tokio::test]
    async fn output_goes_through_and_is_read() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let script = format!("echo app; echo 'blob eligible for deletion: {digest}'; printf end; exit 3");
        let kept = Kept::default();
        let end = command(&["sh", "-c", &script]).run(&kept).await.unwrap();
        assert_eq!((end.status, end.signal), (Some(3), None));
        let bare = Suspect::new(None, digest.parse().unwrap(), SuspectKind::Content);
        assert_eq!(end.suspects.pairs.into_iter().collect::<Vec<_>>(), [bare]);
        let expected = format!("app\nblob eligible for deletion: {digest}\nend");
        assert_eq!(String::from_utf8(kept.0.into_inner().unwrap()).unwrap(), expected);
    }

    #[tokio::test]
    async fn one_that_is_killed_says_by_what() {
        let end = command(&["sh", "-c", "kill -9 $$"]).run(&Kept::default()).await.unwrap();
        assert_eq!((end.status, end.signal), (None, Some(9)));
        assert!(command(&["/no/such/program"]).run(&Kept::default()).await.is_err());
    }
}
