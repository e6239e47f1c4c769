//! A real registry daemon on a free loopback port with a root of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What makes a daemon other than the plain one: filesystem storage, in-memory cache, deletion enabled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// YAML to stand at the top level, such as an `auth:` section.
    pub(crate) top: String,
    /// YAML to stand below `http:`, indented by two.
    pub(crate) http: String,
    /// YAML to stand below `storage:`, indented by two.
    pub(crate) storage: String,
    /// The storage root of another daemon to share.
    pub(crate) root: Option<PathBuf>,
}

/// A running daemon. It is stopped when dropped.
pub(crate) struct RealRegistry {
    program: PathBuf,
    dir: TempDir,
    root: PathBuf,
    port: u16,
    setup: Setup,
    child: Option<Child>,
}

/// The registry programs there are: `docker-registry` on PATH, then those in `REGFSCK_TEST_REGISTRY`, separated by colons.
pub(crate) fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        std::env::split_paths(&path).map(|dir| dir.join("docker-registry")).find(|file| file.is_file());
    let named = std::env::var_os("REGFSCK_TEST_REGISTRY").unwrap_or_default();
    let named = std::env::split_paths(&named).filter(|file| file.is_file()).collect::<Vec<_>>();
    on_path.into_iter().chain(named).collect()
}

/// A loopback port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl RealRegistry {
    /// Start the first program there is; `None` after a word on stderr where there is none.
    pub(crate) fn start(test: &str, setup: &Setup) -> Option<Self> {
        let Some(program) = programs().into_iter().next() else {
            super::missing("docker-registry", test);
            return None;
        };
        Some(Self::start_program(program, setup))
    }

    /// Start this program.
    pub(crate) fn start_program(program: PathBuf, setup: &Setup) -> Self {
        let dir = TempDir::new().unwrap();
        let root = setup.root.clone().unwrap_or_else(|| dir.path().join("root"));
        fs::create_dir_all(&root).unwrap();
        let mut registry = Self { program, dir, root, port: 0, setup: setup.clone(), child: None };
        // Somebody else may take the free port before the daemon does.
        for _ in 0..5 {
            registry.port = free_port();
            registry.configure();
            if registry.serve() {
                return registry;
            }
        }
        panic!("the registry does not start\n{}", registry.log());
    }

    fn configure(&self) {
        let config = format!(
            "version: 0.1\nlog:\n  level: debug\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\n  cache:\n    blobdescriptor: inmemory\n  delete:\n    enabled: true\n{}http:\n  \
             addr: 127.0.0.1:{}\n  secret: not-a-secret\n{}{}",
            self.root.display(),
            self.setup.storage,
            self.port,
            self.setup.http,
            self.setup.top,
        );
        fs::write(self.config(), config).unwrap();
    }

    /// Start the daemon and wait until it listens; false if it ended instead.
    fn serve(&mut self) -> bool {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut child = Command::new(&self.program)
            .arg("serve")
            .arg(self.config())
            .env_remove("AWS_CA_BUNDLE")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let listens = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            std::thread::sleep(Duration::from_millis(20));
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if listens {
                self.child = Some(child);
                return true;
            }
            assert!(Instant::now() < patience, "the registry does not listen\n{}", self.log());
        }
    }

    /// Stop it by its own pid.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stop it and start it again: its cache is empty then.
    pub(crate) fn restart(&mut self) {
        self.stop();
        assert!(self.serve(), "the registry does not start again\n{}", self.log());
    }

    /// `HOST:PORT`
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `http://HOST:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The storage root: `docker/registry/v2` lies below it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config.yml")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// All that it has logged, the access log included.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The process id of the daemon.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Run `garbage-collect ARGS` and give what it printed.
    pub(crate) fn garbage_collect(&self, arguments: &[&str]) -> String {
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
    pub(crate) fn data_file(&self, digest: &str) -> PathBuf {
        let (algorithm, hex) = digest.split_once(':').unwrap();
        self.root.join("docker/registry/v2/blobs").join(algorithm).join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}
