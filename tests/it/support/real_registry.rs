//! A real registry daemon on a free loopback port with a root of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What makes a daemon other than the plain one: filesystem storage, in-memory cache, deletion enabled.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// YAML to stand at the top level, such as an `auth:` section.
    pub top: String,
    /// YAML to stand below `http:`, indented by two.
    pub http: String,
    /// YAML to stand below `storage:`, indented by two.
    pub storage: String,
    /// Whether it speaks TLS, so that waiting for it need not speak HTTP.
    pub tls: bool,
    /// The storage root of another daemon to share.
    pub root: Option<PathBuf>,
}

/// A running daemon. It is stopped when dropped.
pub struct RealRegistry {
    program: PathBuf,
    dir: TempDir,
    root: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// The registry programs there are: `docker-registry` on PATH, then those in `REGFSCK_TEST_REGISTRY`, separated by colons.
pub fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        std::env::split_paths(&path).map(|dir| dir.join("docker-registry")).find(|file| file.is_file());
    let named = std::env::var_os("REGFSCK_TEST_REGISTRY").unwrap_or_default();
    let named = std::env::split_paths(&named).filter(|file| file.is_file()).collect::<Vec<_>>();
    on_path.into_iter().chain(named).collect()
}

/// A loopback port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl RealRegistry {
    /// Start the first program there is; `None` after a word on stderr where there is none.
    pub fn start(test: &str, setup: &Setup) -> Option<Self> {
        let Some(program) = programs().into_iter().next() else {
            super::missing("docker-registry", test);
            return None;
        };
        Some(Self::start_program(program, setup))
    }

    /// Start this program.
    pub fn start_program(program: PathBuf, setup: &Setup) -> Self {
        let dir = TempDir::new().unwrap();
        let root = setup.root.clone().unwrap_or_else(|| dir.path().join("root"));
        fs::create_dir_all(&root).unwrap();
        let port = free_port();
        let config = format!(
            "version: 0.1\nlog:\n  level: debug\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\n  cache:\n    blobdescriptor: inmemory\n  delete:\n    enabled: true\n{}http:\n  \
             addr: 127.0.0.1:{port}\n  secret: not-a-secret\n{}{}",
            root.display(),
            setup.storage,
            setup.http,
            setup.top,
        );
        fs::write(dir.path().join("config.yml"), config).unwrap();
        let mut registry = Self { program, dir, root, port, child: None };
        registry.serve();
        registry
    }

    fn serve(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let child = Command::new(&self.program)
            .arg("serve")
            .arg(self.config())
            .env_remove("AWS_CA_BUNDLE")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let patience = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the registry ended at once: {ended:?}\n{}", self.log());
            assert!(Instant::now() < patience, "the registry does not listen\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stop it by its own pid.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stop it and start it again: its cache is empty then.
    pub fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://HOST:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The storage root: `docker/registry/v2` lies below it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.yml")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// All that it has logged, the access log included.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The process id of the daemon.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Run `garbage-collect ARGS` and give what it printed.
    pub fn garbage_collect(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.program)
            .arg("garbage-collect")
            .args(arguments)
            .arg(self.config())
            .env_remove("AWS_CA_BUNDLE")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The file that holds a blob's data, by its digest.
    pub fn data_file(&self, digest: &str) -> PathBuf {
        let (algorithm, hex) = digest.split_once(':').unwrap();
        self.root.join("docker/registry/v2/blobs").join(algorithm).join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}
