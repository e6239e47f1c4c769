//! A daemon to test against: a real registry, or the sandbox in one of its flavours.

use std::fs;
use std::path::PathBuf;

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{
    self, Access, CacheState, Flavour, Keys, Options, Sandbox, garbage_collect,
};
use tempfile::TempDir;

use super::raw::Raw;
pub use super::real_registry::Collected;
use super::real_registry::{Program, RealRegistry, programs};
use super::redis_server::RedisServer;
pub use super::settings::{CacheKind, Settings};

/// Which daemon to start.
#[derive(Debug, Clone)]
pub enum Kind {
    Real(Program),
    Sandbox(Flavour),
}

impl Kind {
    /// Both sandboxes and every real program found.
    pub fn all() -> Vec<Self> {
        let sandboxes = [Self::Sandbox(Flavour::V2), Self::Sandbox(Flavour::V3)];
        sandboxes.into_iter().chain(programs().into_iter().map(Self::Real)).collect()
    }

    pub const fn flavour(&self) -> Flavour {
        match self {
            Self::Real(program) => program.flavour,
            Self::Sandbox(flavour) => *flavour,
        }
    }

    pub fn start(&self, settings: &Settings) -> Daemon {
        match self {
            Self::Real(program) => Daemon::Real(RealRegistry::start_with(program.clone(), settings)),
            Self::Sandbox(flavour) => start_sandbox(*flavour, settings),
        }
    }
}

/// A running daemon.
#[derive(Debug)]
pub enum Daemon {
    Real(RealRegistry),
    Sandbox { sandbox: Sandbox, home: TempDir },
}

fn start_sandbox(flavour: Flavour, settings: &Settings) -> Daemon {
    assert!(settings.proxy.is_none(), "the sandbox is no pull-through cache");
    let home = tempfile::tempdir().unwrap();
    let options = Options {
        delete_enabled: settings.delete,
        read_only: settings.read_only,
        cache: settings.cache.embedded(),
        ..Options::new(home.path().join("root"), flavour)
    };
    let sandbox = Sandbox::start(options).unwrap();
    let config = settings.config_text(sandbox.root(), sandbox.address().port(), flavour);
    fs::write(home.path().join("config.yml"), config).unwrap();
    Daemon::Sandbox { sandbox, home }
}

/// Keys as [`RedisServer::registry_keys`] tells them.
fn told(keys: &Keys) -> Vec<String> {
    let entry = |(digest, known): (&_, &sandbox::CachedDescriptor)| {
        format!("blobs::{digest} is {} of {} bytes", known.digest, known.size)
    };
    let members = keys.members.iter().map(|(name, digest)| format!("repository::{name}::blobs has {digest}"));
    let hashes = keys.hashes.iter().map(|(name, digest)| format!("repository::{name}::blobs::{digest}"));
    let mut told: Vec<_> = keys.blobs.iter().map(entry).chain(members).chain(hashes).collect();
    told.sort_unstable();
    told
}

impl Daemon {
    pub fn url(&self) -> String {
        match self {
            Self::Real(real) => real.url(),
            Self::Sandbox { sandbox, .. } => sandbox.url(),
        }
    }

    pub fn raw(&self) -> Raw {
        Raw::new(&self.url())
    }

    pub fn root(&self) -> PathBuf {
        match self {
            Self::Real(real) => real.root().to_owned(),
            Self::Sandbox { sandbox, .. } => sandbox.root().to_owned(),
        }
    }

    /// A configuration file of the registry's own form, for `--config`.
    pub fn config_path(&self) -> PathBuf {
        match self {
            Self::Real(real) => real.config_path(),
            Self::Sandbox { home, .. } => home.path().join("config.yml"),
        }
    }

    pub const fn flavour(&self) -> Flavour {
        match self {
            Self::Real(real) => real.flavour(),
            Self::Sandbox { sandbox, .. } => sandbox.flavour(),
        }
    }

    /// The process, of a real daemon.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Real(real) => real.pid(),
            Self::Sandbox { .. } => None,
        }
    }

    pub fn restart(&mut self) {
        match self {
            Self::Real(real) => real.restart(),
            Self::Sandbox { sandbox, .. } => sandbox.restart().unwrap(),
        }
    }

    pub fn stop(&mut self) {
        match self {
            Self::Real(real) => real.stop(),
            Self::Sandbox { sandbox, .. } => sandbox.stop(),
        }
    }

    pub fn garbage_collect(&self, delete_untagged: bool, dry_run: bool) -> Collected {
        match self {
            Self::Real(real) => real.garbage_collect(delete_untagged, dry_run),
            Self::Sandbox { sandbox, .. } => {
                let log = garbage_collect(sandbox.root(), sandbox.flavour(), delete_untagged, dry_run);
                let status = i32::from(log.exit_status());
                Collected { status, output: log.output, errors: log.failure.unwrap_or_default() }
            }
        }
    }

    /// Requests answered so far. A real daemon notes no headers but the user agent.
    pub fn access_log(&self) -> Vec<Access> {
        match self {
            Self::Real(real) => real.access_log(),
            Self::Sandbox { sandbox, .. } => sandbox.access_log(),
        }
    }

    /// The keys of the registry in Redis, with what matters in them, sorted.
    pub fn keys(&self, redis: &RedisServer) -> Vec<String> {
        match self {
            Self::Real(_) => redis.registry_keys(),
            Self::Sandbox { sandbox, .. } => match sandbox.remembered() {
                CacheState::Redis(keys) => told(&keys),
                CacheState::Nothing | CacheState::InMemory(_) => Vec::new(),
            },
        }
    }

    /// Reproduces the incident in `repository`: push, GET, DELETE by digest, GC, push again.
    ///
    /// Afterwards the daemon claims config and layers, and stores neither them nor the manifest.
    pub fn incident(&self, repository: &str, tag: &str) -> Image {
        let (raw, image) = (self.raw(), Image::two_layers(repository).unwrap());
        raw.push_image(repository, tag, &image);
        assert_eq!(raw.pull(repository, tag, &image), Ok(()));
        let path = super::raw::manifest_path(repository, &image.manifest.digest.to_string());
        assert_eq!(raw.delete(&path).status, 202);
        assert_eq!(self.garbage_collect(true, false).status, 0);
        raw.push_image(repository, tag, &image);
        assert!(raw.pull(repository, tag, &image).is_err(), "the push was swallowed");
        image
    }
}
