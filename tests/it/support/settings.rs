//! How a registry is set up, as values and in the form of its own configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regfsck::adapters::sandbox::{self, Flavour};

use super::program;

/// The daemon's blob-descriptor cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheKind {
    None,
    InMemory,
    /// Redis at `HOST:PORT` or `HOST:PORT/DB`; the sandbox keeps its keys itself.
    Redis(String),
}

impl CacheKind {
    pub const fn embedded(&self) -> sandbox::Caching {
        match self {
            Self::None => sandbox::Caching::None,
            Self::InMemory => sandbox::Caching::InMemory,
            Self::Redis(_) => sandbox::Caching::Redis,
        }
    }
}

/// What makes a daemon other than the plain one: filesystem storage, in-memory cache, deletion enabled.
#[derive(Debug, Clone)]
pub struct Settings {
    pub delete: bool,
    pub cache: CacheKind,
    pub read_only: bool,
    /// The remote of a pull-through cache; real daemons only.
    pub proxy: Option<String>,
    /// YAML to stand at the top level, such as an `auth:` section.
    pub top: String,
    /// YAML to stand below `http:`, indented by two.
    pub http: String,
    /// YAML of another driver, and of redirects, to stand below `storage:`, indented by two; real daemons only.
    pub driver: Option<String>,
    /// Variables of its environment; real daemons only.
    pub environment: Vec<(&'static str, String)>,
    /// The root directory of another daemon to share; real daemons only.
    pub root: Option<PathBuf>,
    /// The number of the user it runs as, and of their group; real daemons only, where the test is root.
    pub user: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delete: true,
            cache: CacheKind::InMemory,
            read_only: false,
            proxy: None,
            top: String::new(),
            http: String::new(),
            driver: None,
            environment: Vec::new(),
            root: None,
            user: None,
        }
    }
}

impl Settings {
    pub fn with_cache(cache: CacheKind) -> Self {
        Self { cache, ..Self::default() }
    }

    /// The plain one, on this root directory.
    pub fn sharing(root: &Path) -> Self {
        Self { root: Some(root.to_owned()), ..Self::default() }
    }

    /// One that wants this name and password, with its file in `folder`; `None` where `htpasswd` is missing.
    pub fn with_password(folder: &Path, name: &str, password: &str) -> Option<Self> {
        let hashed = program::output("htpasswd", ["-Bbn", "-C", "4", name, password])?;
        let file = folder.join("htpasswd");
        std::fs::write(&file, hashed.stdout).unwrap();
        let top = format!("auth:\n  htpasswd:\n    realm: Registry\n    path: {}\n", file.display());
        Some(Self { top, ..Self::default() })
    }

    /// The registry's own configuration, in the form of the flavour.
    pub fn config_text(&self, root: &Path, port: u16, flavour: Flavour) -> String {
        let filesystem = || format!("  filesystem:\n    rootdirectory: {}\n", root.display());
        let driver = self.driver.clone().unwrap_or_else(filesystem);
        let mut text = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n{driver}  delete:\n    enabled: {}\n",
            self.delete
        );
        let _ = match &self.cache {
            CacheKind::None => Ok(()),
            CacheKind::InMemory => writeln!(text, "  cache:\n    blobdescriptor: inmemory"),
            CacheKind::Redis(_) => writeln!(text, "  cache:\n    blobdescriptor: redis"),
        };
        if self.read_only {
            text += "  maintenance:\n    readonly:\n      enabled: true\n";
        }
        let _ = writeln!(text, "http:\n  addr: 127.0.0.1:{port}\n  secret: of-the-tests\n{}", self.http);
        if let CacheKind::Redis(address) = &self.cache {
            let (address, database) = address.split_once('/').unwrap_or((address, "0"));
            let _ = match flavour {
                Flavour::V2 => writeln!(text, "redis:\n  addr: {address}\n  db: {database}"),
                _ => writeln!(text, "redis:\n  addrs: [{address}]\n  db: {database}"),
            };
        }
        if let Some(remote) = &self.proxy {
            let _ = writeln!(text, "proxy:\n  remoteurl: {remote}");
        }
        text + &self.top
    }
}
