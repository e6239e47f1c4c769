//! A real registry daemon, started from a binary on a free loopback port with its own root.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::sandbox::{Access, Flavour};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::{Place, ROOT};
use tempfile::TempDir;

use super::program::{Running, free_port};
use super::settings::Settings;

/// Where it notes the requests.
pub const ACCESS_LOG: &str = "access.log";
/// Where it notes all else.
pub const OWN_LOG: &str = "daemon.log";

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
    let paths =
        |variable| std::env::split_paths(&std::env::var_os(variable).unwrap_or_default()).collect::<Vec<_>>();
    let installed =
        paths("PATH").into_iter().map(|folder| folder.join("docker-registry")).find(|file| file.is_file());
    let named = paths("REGFSCK_TEST_REGISTRY").into_iter().filter(|path| !path.as_os_str().is_empty());
    let found: Vec<_> = installed.into_iter().chain(named).filter_map(look_at).collect();
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

thread_local! {
    /// The program that the test of this thread is run against.
    static CURRENT: RefCell<Option<Program>> = const { RefCell::new(None) };
}

/// Run a test against every registry program there is, one after the other: [`RealRegistry::start`] starts that.
pub fn on_every_registry(test: impl Fn()) {
    for program in programs() {
        eprintln!("on {}", program.version);
        CURRENT.set(Some(program));
        test();
    }
    CURRENT.set(None);
}

/// The same for a test that waits.
pub fn on_every_registry_async<F: Future<Output = ()>>(test: impl Fn() -> F) {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    on_every_registry(|| runtime().block_on(test()));
}

/// The program that the test is run against, else the first that there is.
pub fn current() -> Option<Program> {
    CURRENT.with_borrow(Clone::clone).or_else(|| programs().into_iter().next())
}

/// What a garbage collection did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    pub status: i32,
    /// Standard output.
    pub output: String,
    /// Standard error; a real registry logs there as well.
    pub errors: String,
}

impl Collected {
    /// `N blobs marked, N blobs and N manifests eligible for deletion`, if it came so far.
    pub fn summary(&self) -> Option<&str> {
        self.output.lines().find(|line| line.contains(" blobs marked, "))
    }
}

/// A running registry; killed when dropped.
#[derive(Debug)]
pub struct RealRegistry {
    pub program: Program,
    home: TempDir,
    root: PathBuf,
    port: u16,
    running: Option<Running>,
    user: Option<u32>,
    environment: Vec<(&'static str, String)>,
}

impl RealRegistry {
    /// The program that the test is run against, else the first that there is; `None` if there is none.
    pub fn start(settings: &Settings) -> Option<Self> {
        current().map(|program| Self::start_with(program, settings))
    }

    pub fn start_with(program: Program, settings: &Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = settings.root.clone().unwrap_or_else(|| home.path().join("root"));
        fs::create_dir_all(&root).unwrap();
        for folder in [home.path(), &root] {
            chown(folder, settings.user, settings.user).unwrap();
        }
        let user = settings.user;
        let environment = settings.environment.clone();
        let mut registry = Self { program, home, root, port: 0, running: None, user, environment };
        // Somebody else may take the free port before the daemon does.
        for _ in 0..5 {
            registry.port = free_port();
            let config = settings.config_text(&registry.root, registry.port, registry.flavour());
            fs::write(registry.config_path(), config).unwrap();
            if registry.serve() {
                return registry;
            }
        }
        panic!("the registry does not start: {}", registry.log());
    }

    /// The program with one of its commands on its configuration.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program.path);
        command.args(words).arg(self.config_path()).stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.env_remove("AWS_CA_BUNDLE").env("OTEL_TRACES_EXPORTER", "none");
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Start the daemon and wait until it listens; false if it ended instead.
    fn serve(&mut self) -> bool {
        let open = |log| File::options().create(true).append(true).open(self.home.path().join(log)).unwrap();
        let mut command = self.command(&["serve"]);
        command.stdout(open(ACCESS_LOG)).stderr(open(OWN_LOG));
        self.running = Running::listening(&mut command, ("127.0.0.1", self.port));
        self.running.is_some()
    }

    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Whom it runs as from its next start on.
    pub fn run_as(&mut self, user: Option<u32>) {
        self.user = user;
    }

    /// Stops the daemon and starts it again at the same address.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.serve(), "the registry does not start again: {}", self.log());
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The root directory: `docker/registry/v2` lies below it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn config_path(&self) -> PathBuf {
        self.home.path().join("config.yml")
    }

    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    pub const fn flavour(&self) -> Flavour {
        self.program.flavour
    }

    /// The file that holds a blob's data.
    pub fn data_file(&self, digest: &Digest) -> PathBuf {
        self.root.join(ROOT).join(Place::Data(*digest).to_string())
    }

    /// What it wrote to one of its logs so far.
    pub fn read_log(&self, log: &str) -> String {
        fs::read_to_string(self.home.path().join(log)).unwrap_or_default()
    }

    /// Everything it printed so far, the access log first.
    pub fn log(&self) -> String {
        self.read_log(ACCESS_LOG) + &self.read_log(OWN_LOG)
    }

    /// The requests in its access log, oldest first.
    pub fn access_log(&self) -> Vec<Access> {
        self.read_log(ACCESS_LOG).lines().filter_map(parse_access).collect()
    }

    /// Runs the program's own garbage collector, as another process.
    pub fn garbage_collect(&self, delete_untagged: bool, dry_run: bool) -> Collected {
        let options = [("-m", delete_untagged), ("-d", dry_run)];
        let given = options.iter().filter(|(_, is_given)| *is_given).map(|(option, _)| *option);
        let words: Vec<&str> = ["garbage-collect"].into_iter().chain(given).collect();
        let output = self.command(&words).output().unwrap();
        Collected {
            status: output.status.code().unwrap_or(-1),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
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
