//! A real docker engine, extracted and not installed: `.ci/engine DIR` makes one, `REGFSCK_TEST_ENGINE=DIR`
//! names it. It runs as root, with its own socket and folders, without a bridge and without a firewall.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// How long the engine may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running engine. It is stopped, with all its containers, when dropped.
pub struct DockerEngine {
    path: OsString,
    dir: TempDir,
    child: Child,
}

/// Where the extracted engine is, if it is anywhere.
fn extracted() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("REGFSCK_TEST_ENGINE")?).canonicalize().ok()?;
    dir.join("usr/sbin/dockerd").is_file().then_some(dir)
}

impl DockerEngine {
    /// Start the engine; `None` after a word on stderr where there is none, or this user is not root.
    pub fn start(test: &str) -> Option<Self> {
        let extracted = extracted().filter(|_| geteuid().is_root());
        let Some(extracted) = extracted else {
            super::missing("dockerd (run as root, with REGFSCK_TEST_ENGINE set)", test);
            return None;
        };
        let own = std::env::var_os("PATH").unwrap_or_default();
        let places = ["usr/sbin", "usr/bin"].map(|dir| extracted.join(dir));
        let path = std::env::join_paths(places.into_iter().chain(std::env::split_paths(&own))).unwrap();
        let dir = TempDir::new().unwrap();
        let child = serve(&path, dir.path());
        let mut engine = Self { path, dir, child };
        engine.wait_until_it_answers();
        Some(engine)
    }

    fn wait_until_it_answers(&mut self) {
        let patience = Instant::now() + PATIENCE;
        while !self.try_docker(&["version"]).status.success() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the engine ended at once: {ended:?}\n{}", self.log());
            assert!(Instant::now() < patience, "the engine does not answer\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The PATH on which its programs are.
    pub fn path(&self) -> &OsString {
        &self.path
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(arguments).env("PATH", &self.path).stdin(Stdio::null());
        // No configuration but an empty one: no credentials, no contexts of whoever runs the tests.
        command.env("DOCKER_CONFIG", self.dir.path().join("config"));
        command.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        command
    }

    /// Run `docker ARGUMENTS`, however it ends.
    pub fn try_docker(&self, arguments: &[&str]) -> Output {
        self.client(arguments).output().unwrap()
    }

    /// Run `docker ARGUMENTS`, which must end well; what it printed on stdout.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.try_docker(arguments);
        assert!(output.status.success(), "docker {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Make an image of one layer that holds these files: path inside, path here.
    pub fn import(&self, name: &str, files: &[(PathBuf, PathBuf)]) {
        let mut client = self.client(&["import", "-", name]);
        let mut child = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut archive = tar::Builder::new(child.stdin.take().unwrap());
        for (inside, here) in files {
            let inside = inside.strip_prefix("/").unwrap_or(inside);
            archive.append_path_with_name(here, inside).unwrap();
        }
        archive.into_inner().unwrap().flush().unwrap();
        assert!(child.wait().unwrap().success(), "docker import {name}");
    }
}

fn serve(path: &OsString, dir: &Path) -> Child {
    let below = |name: &str| dir.join(name).into_os_string();
    let log = fs::File::create(dir.join("log")).unwrap();
    Command::new("dockerd")
        .args(["--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"])
        .args(["--data-root".into(), below("data"), "--exec-root".into(), below("exec")])
        .args(["--pidfile".into(), below("pid"), "-H".into(), format!("unix://{}/s", dir.display()).into()])
        .env("PATH", path)
        .env_remove("DOCKER_HOST")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A process that the engine started and wrote down, if that still runs.
fn recorded_process(pidfile: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(pidfile).ok()?.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    // The number may be another process's by now; its own one names a file in this engine's folder.
    let dir = pidfile.parent()?.as_os_str().as_encoded_bytes();
    let ours = command.windows(dir.len()).any(|window| window == dir);
    if ours { Pid::from_raw(pid) } else { None }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        let containers = self.try_docker(&["ps", "--all", "--quiet"]).stdout;
        for container in String::from_utf8_lossy(&containers).lines() {
            self.try_docker(&["rm", "--force", container]);
        }
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // Politely, so that it ends its containerd too.
            let _ = kill_process(pid, Signal::TERM);
        }
        let patience = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(containerd) = recorded_process(&self.dir.path().join("exec/containerd/containerd.pid")) {
            let _ = kill_process(containerd, Signal::KILL);
        }
        // What it mounts for containers on the host's network stays mounted, and the folder with it.
        let _ = Command::new("umount").arg(self.dir.path().join("exec/netns/default")).output();
    }
}
