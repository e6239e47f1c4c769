//! A real registry in a container of a real engine, as most registries run.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::docker_engine::DockerEngine;
use super::program::free_port;
use super::real_registry::programs;

/// Where the container's config is, and what it says: the address comes from the environment.
pub const CONFIG: &str = "/etc/docker/registry/config.yml";
const CONFIG_TEXT: &str = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\n  cache:\n    \
                           blobdescriptor: inmemory\n  delete:\n    enabled: true\nhttp:\n  addr: :5000\n";

/// The registry's program in the image.
const PROGRAM: &str = "/usr/bin/docker-registry";

/// A container that a registry runs in. It goes with its engine.
pub struct ContainerRegistry<'e> {
    engine: &'e DockerEngine,
    /// The container's name.
    pub name: &'static str,
    dir: TempDir,
    port: u16,
}

impl<'e> ContainerRegistry<'e> {
    /// Make an image of the registry that is installed here, and run it on the host's network.
    pub fn start(engine: &'e DockerEngine) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        let config = dir.path().join("config.yml");
        fs::write(&config, CONFIG_TEXT).unwrap();
        engine.import("registry:test", &files(&config));
        let registry = Self { engine, name: "registry", dir, port: free_port() };
        registry.run();
        registry
    }

    fn run(&self) {
        let volume = format!("{}:/var/lib/registry", self.root().display());
        let address = format!("REGISTRY_HTTP_ADDR=127.0.0.1:{}", self.port);
        let mut arguments = vec!["run", "--detach", "--name", self.name, "--network", "host"];
        arguments.extend([
            "--volume",
            &volume,
            "--env",
            &address,
            "--env",
            "REGISTRY_HTTP_SECRET=not-a-secret",
        ]);
        arguments.extend(["registry:test", PROGRAM, "serve", CONFIG]);
        self.engine.docker(&arguments);
        self.wait();
    }

    /// Wait until it listens.
    pub fn wait(&self) {
        let patience = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.host()).is_err() {
            let log = self.engine.try_docker(&["logs", self.name]);
            assert!(Instant::now() < patience, "the registry does not listen\n{log:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its storage root on the host.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// When it was started the last time, as the engine says.
    pub fn started(&self) -> String {
        self.engine.docker(&["inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", self.name])
    }

    /// Collect garbage in the running container, as everybody does.
    pub fn collect_garbage(&self) {
        self.engine.docker(&["exec", self.name, PROGRAM, "garbage-collect", CONFIG]);
    }
}

/// The registry's program with all that it loads, and its config.
fn files(config: &Path) -> Vec<(PathBuf, PathBuf)> {
    let program = programs().remove(0).path;
    let loaded = Command::new("ldd").arg(&program).output().unwrap();
    let loaded = String::from_utf8(loaded.stdout).unwrap();
    let libraries = loaded.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    let libraries = libraries.map(|path| (path.clone(), path.canonicalize().unwrap()));
    libraries.chain([(PROGRAM.into(), program), (CONFIG.into(), config.to_owned())]).collect()
}

/// What the config in the container says.
pub fn config_text() -> &'static str {
    CONFIG_TEXT
}
