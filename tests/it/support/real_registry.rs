//! A real registry daemon, started from a binary on a free loopback port with its own root.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::{Access, Flavour};
use tempfile::TempDir;

use super::daemon::{CacheKind, Collected, Settings};

/// A registry program on this machine.
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    pub flavour: Flavour,
    /// What it says of itself.
    pub version: String,
}

/// The registry programs to test against: `docker-registry` on PATH and those that
/// `REGFSCK_TEST_REGISTRY` names, separated by colons.
pub fn programs() -> Vec<Program> {
    let named = std::env::var("REGFSCK_TEST_REGISTRY").unwrap_or_default();
    let named = named.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
    let found: Vec<_> =
        [PathBuf::from("docker-registry")].into_iter().chain(named).filter_map(look_at).collect();
    if found.is_empty() {
        let why = "no registry program: install docker-registry, or name one in REGFSCK_TEST_REGISTRY";
        assert!(std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"), "{why}");
        eprintln!("skipped: {why}");
    }
    found
}

fn look_at(path: PathBuf) -> Option<Program> {
    let output = Command::new(&path).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let number = version.split_whitespace().last()?.trim_start_matches('v');
    let flavour = match number.split('.').take(2).collect::<Vec<_>>()[..] {
        ["3", "0"] => Flavour::V3_0,
        ["3", _] => Flavour::V3,
        ["HEAD"] => Flavour::Head,
        _ => Flavour::V2,
    };
    Some(Program { path, flavour, version })
}

/// A running registry; killed when dropped.
#[derive(Debug)]
pub struct RealRegistry {
    program: Program,
    home: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RealRegistry {
    /// The first registry program found, with the usual settings; `None` if there is none.
    pub fn start() -> Option<Self> {
        programs().into_iter().next().map(|program| Self::start_with(program, &Settings::default()))
    }

    pub fn start_with(program: Program, settings: &Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = free_port();
        fs::create_dir(home.path().join("root")).unwrap();
        let config = config_text(settings, &home.path().join("root"), port, program.flavour);
        fs::write(home.path().join("config.yml"), config).unwrap();
        let mut registry = Self { program, home, port, child: None };
        registry.spawn();
        registry
    }

    fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = Command::new(&self.program.path)
            .arg("serve")
            .arg(self.config_path())
            .env_remove("AWS_CA_BUNDLE")
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the registry does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the daemon and starts it again at the same address.
    pub fn restart(&mut self) {
        self.stop();
        self.spawn();
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    pub fn config_path(&self) -> PathBuf {
        self.home.path().join("config.yml")
    }

    pub fn program(&self) -> &Path {
        &self.program.path
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub const fn flavour(&self) -> Flavour {
        self.program.flavour
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("registry.log")
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The requests in its access log, oldest first.
    pub fn access_log(&self) -> Vec<Access> {
        self.log().lines().filter_map(parse_access).collect()
    }

    /// Runs the program's own garbage collector, as another process.
    pub fn garbage_collect(&self, delete_untagged: bool, dry_run: bool) -> Collected {
        let mut command = Command::new(&self.program.path);
        command.arg("garbage-collect").env_remove("AWS_CA_BUNDLE").env("OTEL_TRACES_EXPORTER", "none");
        command.args(delete_untagged.then_some("-m")).args(dry_run.then_some("-d"));
        let output = command.arg(self.config_path()).output().unwrap();
        Collected {
            status: output.status.code().unwrap_or(-1),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Reads a line of the combined log format: `… "GET /v2/ HTTP/1.1" 200 2 "" "agent"`.
fn parse_access(line: &str) -> Option<Access> {
    let mut quoted = line.split('"');
    let (address, request, numbers) = (quoted.next()?, quoted.next()?, quoted.next()?);
    address.contains(" - - [").then_some(())?;
    let mut words = request.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let status = numbers.split_whitespace().next()?.parse().ok()?;
    let agent = quoted.nth(2).unwrap_or_default().to_owned();
    Some(Access { method, path, headers: vec![("user-agent".into(), agent)], status })
}

/// The registry's own configuration, in the form of the flavour.
pub fn config_text(settings: &Settings, root: &Path, port: u16, flavour: Flavour) -> String {
    let mut text = format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: {}\n",
        root.display(),
        settings.delete
    );
    let _ = match &settings.cache {
        CacheKind::None => Ok(()),
        CacheKind::InMemory => writeln!(text, "  cache:\n    blobdescriptor: inmemory"),
        CacheKind::Redis(_) => writeln!(text, "  cache:\n    blobdescriptor: redis"),
    };
    if settings.read_only {
        text += "  maintenance:\n    readonly:\n      enabled: true\n";
    }
    let _ = writeln!(text, "http:\n  addr: 127.0.0.1:{port}\n  secret: of-the-tests");
    if let CacheKind::Redis(address) = &settings.cache {
        let _ = match flavour {
            Flavour::V2 => writeln!(text, "redis:\n  addr: {address}"),
            _ => writeln!(text, "redis:\n  addrs: [{address}]"),
        };
    }
    if let Some(remote) = &settings.proxy {
        let _ = writeln!(text, "proxy:\n  remoteurl: {remote}");
    }
    text + &settings.extra
}
