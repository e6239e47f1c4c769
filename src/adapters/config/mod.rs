//! The registry's own configuration: what a daemon of the distribution family (2.x, 3.x, GitLab's) was told.
//!
//! ```text
//! config.yml ──parse──► tree ──REGISTRY_* laid over──► tree ──read──► RegistryConfig
//! ```
//!
//! Lenient where the daemon is: unknown keys and sections are passed over. Strict where a misreading
//! would point regfsck at the wrong registry: two storage drivers, or a text where a truth belongs.

mod bucket;
mod endpoint;
mod error;
mod known;
mod overrides;
mod read;
mod redis;
#[cfg(test)]
mod tests;
mod tree;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use endpoint::Endpoint;
pub use error::{ConfigError, NotFound};
pub use redis::{RedisConfig, RedisTlsConfig, RedisTopology};

use crate::adapters::bucket_settings::BucketSettings;
use crate::domain::rules::{CacheKind, IndexChildren};

/// More than any registry's configuration takes.
const LARGEST: u64 = 1 << 20;

/// What a registry was told, as far as it matters to us.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the registry's own, not a state of ours"
)]
pub struct RegistryConfig {
    /// The file it was read from.
    pub path: PathBuf,
    /// Where its data lies.
    pub storage: StorageDriver,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// `http.host`: the URL it shows to clients, which may lead to a proxy or another replica.
    pub public_url: Option<String>,
    /// `http.debug`: the URL of its metrics from its own machine, where it has some.
    pub metrics: Option<String>,
    /// `storage.delete.enabled`: whether it answers DELETE.
    pub delete_enabled: bool,
    /// `storage.redirect.disable`: whether it serves blobs itself, where it could send clients on to a bucket.
    pub redirect_disabled: bool,
    /// `storage.maintenance.readonly.enabled`: whether it refuses every write.
    pub read_only: bool,
    /// `storage.maintenance.uploadpurging`
    pub upload_purging: UploadPurging,
    /// `storage.cache`: where it keeps blob descriptors.
    pub cache: CacheKind,
    /// `redis`, whatever it is used for.
    pub redis: Option<RedisConfig>,
    /// `proxy`: set on a pull-through cache.
    pub proxy: Option<Proxy>,
    /// `validation`: which manifests an index needs, as 3.x reads it.
    pub children: IndexChildren,
    /// Whether `http.secret` is set, without which replicas refuse each other's uploads.
    pub has_http_secret: bool,
    /// `notifications.endpoints`: whether anybody is told of pushes.
    pub notifies: bool,
    /// `catalog.maxentries`: the largest page of the catalog.
    pub catalog_max_entries: u64,
    /// GitLab's `database.enabled`: metadata lies in a database, and storage alone says little.
    pub database_enabled: bool,
    /// Settings that the daemon ignores or chokes on, in words.
    pub warnings: Vec<String>,
    /// Settings that no daemon of this family knows, in words: misspelt ones among them.
    pub unknown: Vec<String>,
}

/// Where a registry's data lies.
#[derive(Debug, Clone)]
pub enum StorageDriver {
    /// On a disk.
    Filesystem {
        /// `rootdirectory`; the tree begins at `docker/registry/v2` below it.
        root: PathBuf,
    },
    /// In a bucket.
    Bucket(Box<BucketSettings>),
    /// Somewhere that regfsck cannot look yet.
    Unsupported {
        /// The driver's name, such as `swift`.
        name: String,
        /// What it is and what to do instead.
        why: String,
    },
}

impl StorageDriver {
    /// Why nothing is looked at where a URL of that scheme leads.
    #[must_use]
    pub fn no_storage_at(scheme: &str) -> String {
        match scheme {
            "gcs" => "write it like gs://BUCKET".into(),
            "azure" | "abfs" | "abfss" | "wasb" | "wasbs" => {
                "write it like az://CONTAINER?account=NAME".into()
            }
            "swift" | "oss" => read::unsupported(scheme),
            "http" | "https" | "docker" | "oci" => {
                "that is no storage but a registry: give it as `--registry URL`".into()
            }
            "file" => "give a path, without `file://`".into(),
            _ => "storage is a folder or a bucket: give `--storage DIR` or `--storage s3://BUCKET` (or gs://, az://)".into(),
        }
    }
}

/// How a daemon clears abandoned upload sessions away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPurging {
    /// Whether it does.
    pub enabled: bool,
    /// How old a session has to be.
    pub age: Duration,
    /// How often it looks.
    pub interval: Duration,
    /// Whether it only says what it would do.
    pub dry_run: bool,
}

/// A pull-through cache's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The registry behind it, without user and password.
    pub remote_url: String,
    /// How long content is kept; `None` is for ever.
    pub ttl: Option<Duration>,
}

impl RegistryConfig {
    /// Where registries keep their configuration: Debian and the 2.x image, then the 3.x image.
    pub const USUAL_PLACES: [&str; 2] = ["/etc/docker/registry/config.yml", "/etc/distribution/config.yml"];

    /// Read a registry's configuration with the `REGISTRY_*` variables of `environment` laid over it.
    ///
    /// # Errors
    /// When the file cannot be read, is no registry's configuration, or a key that matters holds
    /// something that the daemon would refuse as well.
    pub fn load(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::from_text(path, &read_text(path)?, environment)
    }

    /// As [`Self::load`], from a text that was read from `path`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(
        path: &Path,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut tree = tree::ConfigTree::parse(path, text)?;
        let warnings = overrides::apply(&mut tree, environment)?;
        read::read(&tree, warnings)
    }

    /// The first of `candidates` at which there is anything.
    ///
    /// # Errors
    /// All of them, when there is nothing at any.
    pub fn discover<P: Into<PathBuf>>(candidates: impl IntoIterator<Item = P>) -> Result<PathBuf, NotFound> {
        let mut tried = Vec::new();
        for place in candidates {
            let place = place.into();
            // A place that may not be looked at is taken: loading it says why.
            if !matches!(std::fs::metadata(&place), Err(error) if is_absent(&error)) {
                return Ok(place);
            }
            tried.push(place);
        }
        Err(NotFound(tried))
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let path = path.to_owned();
    let unreadable = |source: std::io::Error| {
        let path = path.clone();
        if is_absent(&source) {
            ConfigError::NoSuchFile { path }
        } else {
            ConfigError::Unreadable { path, source }
        }
    };
    // Opening a pipe would wait for a writer, so the kind is looked at first.
    let metadata = std::fs::metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "a device, pipe or socket" };
        return Err(ConfigError::NotAFile { path, what });
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ConfigError::TooLarge { path, limit: LARGEST });
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.ok_or(ConfigError::NotText { path })
}
