//! Where the registry is: arguments, the registry's own configuration, the usual places.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::SecretString;

use super::arguments::{ConnectionArguments, TargetArguments};
use super::redis;
use super::scope::Globs;
use crate::adapters::config::{CacheKind as ConfiguredCache, RegistryConfig, StorageDriver};
use crate::adapters::registry::{Address, Connection, Credential, HttpRegistry, Scheme};
use crate::adapters::storage::FilesystemStorage;
use crate::domain::report;
use crate::domain::rules::{CacheKind, Daemon};
use crate::engine::check::Sides;
use crate::engine::ports::{Registry, Scope, Storage};

/// A registry to look at.
pub(super) struct Target {
    /// What can be looked at.
    pub(super) sides: Sides,
    /// The same for the report.
    pub(super) named: report::Target,
    /// Which repositories.
    pub(super) scope: Arc<dyn Scope>,
    /// What its configuration says.
    pub(super) daemon: Daemon,
    /// Where its storage is, as `…/docker/registry/v2`.
    pub(super) root: Option<PathBuf>,
    /// How the daemon is reached.
    pub(super) connection: Option<Connection>,
}

impl Target {
    /// The repositories that the arguments mean.
    pub(super) fn scope(target: &TargetArguments) -> Arc<dyn Scope> {
        Arc::new(Globs::new(&target.repo))
    }

    /// What a configuration says of the daemon.
    pub(super) fn daemon(config: &RegistryConfig) -> Daemon {
        daemon(config)
    }

    /// Find the registry that the arguments mean.
    ///
    /// # Errors
    /// When they mean none, or one that cannot be looked at.
    pub(super) async fn find(target: &TargetArguments, connection: &ConnectionArguments) -> Result<Self> {
        let config = config(target)?;
        let storage = storage(target, config.as_ref())?;
        let connection = reach(target, connection, config.as_ref()).await?;
        let registry = connection.as_ref().map(HttpRegistry::new).transpose();
        let registry = registry.map_err(|error| anyhow!("{error}"))?;
        let cache = redis::cache(&target.redis, config.as_ref().filter(|_| !target.offline))?;
        let named = report::Target {
            storage: storage.as_ref().map(|storage| storage.root().display().to_string()),
            registry: registry.as_ref().map(Registry::location),
            cache: cache.as_ref().map(|cache| cache.location()),
        };
        let mut daemon = config.as_ref().map(daemon).unwrap_or_default();
        if target.redis.redis.is_some() {
            daemon.cache = CacheKind::Redis;
        }
        Ok(Self {
            root: storage.as_ref().map(|storage| storage.root().to_owned()),
            sides: Sides {
                storage: storage.map(|storage| Arc::new(storage) as Arc<dyn Storage>),
                registry: registry.map(|registry| Arc::new(registry) as Arc<_>),
                cache,
            },
            connection,
            named,
            scope: Self::scope(target),
            daemon,
        })
    }
}

/// The registry's configuration: the one given, or, where nothing is given, one in a usual place.
pub(super) fn config(target: &TargetArguments) -> Result<Option<RegistryConfig>> {
    let path = match &target.config {
        Some(path) => path.clone(),
        None if target.storage.is_some() || target.registry.is_some() => return Ok(None),
        None => RegistryConfig::discover(RegistryConfig::USUAL_PLACES)
            .context("no registry given: use --config FILE, --storage DIR or --registry URL")?,
    };
    let config = RegistryConfig::load(&path, std::env::vars_os().filter_map(text))?;
    for warning in &config.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    if config.database_enabled {
        tracing::warn!(
            "{}: the registry keeps its metadata in a database; what storage says of links and tags may be out of date",
            path.display()
        );
    }
    Ok(Some(config))
}

/// A variable that is text; what is not cannot be meant for the registry.
fn text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

pub(super) fn storage(
    target: &TargetArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<FilesystemStorage>> {
    let opened = match (&target.storage, config.map(|config| &config.storage)) {
        (Some(path), _) => FilesystemStorage::open(path),
        (None, Some(StorageDriver::Filesystem { root })) => FilesystemStorage::open_configured(root),
        (None, Some(StorageDriver::Unsupported { name, why })) => {
            bail!("cannot look at the storage driver `{name}`: {why}")
        }
        (None, None) => return Ok(None),
    };
    opened.map(Some).context("cannot look at storage")
}

async fn reach(
    target: &TargetArguments,
    connection: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<Connection>> {
    let url = match (&target.registry, config) {
        _ if target.offline => return Ok(None),
        (Some(url), _) => url.clone(),
        (None, Some(config)) => config.endpoint.url().map_err(|why| anyhow!(why))?.to_owned(),
        (None, None) => return Ok(None),
    };
    let address = Address::parse(&url, connection.plain_http).context("--registry")?;
    let mut settings = Connection::new(address);
    settings.jobs = usize::from(connection.jobs);
    settings.retry_times = u32::from(connection.retry_times);
    settings.timeout = Duration::try_from(connection.timeout).context("--timeout")?;
    if let Some(credentials) = credentials(connection)? {
        settings.credentials = credentials.into();
    }
    if settings.address.scheme() == Scheme::Either && HttpRegistry::connect(&mut settings).await.is_err() {
        // The check asks again and reports why.
        settings.address = settings.address.decided(false);
    }
    Ok(Some(settings))
}

/// What `--creds` and `--password-stdin` say; asked for on the terminal where the password is missing.
fn credentials(connection: &ConnectionArguments) -> Result<Option<Credential>> {
    let Some(creds) = &connection.creds else { return Ok(None) };
    let (name, password) = match creds.split_once(':') {
        Some((name, password)) => (name, password.to_owned()),
        None if connection.password_stdin => (creds.as_str(), password_from_stdin()?),
        None => (creds.as_str(), ask_password(creds)?),
    };
    Ok(Some(Credential::Basic { name: name.to_owned(), password: SecretString::from(password) }))
}

/// The first line of stdin.
fn password_from_stdin() -> Result<String> {
    let mut password = String::new();
    std::io::stdin()
        .take(64 << 10)
        .read_to_string(&mut password)
        .context("cannot read the password from stdin")?;
    let line = password.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("--password-stdin: stdin holds no password");
    }
    Ok(line.to_owned())
}

fn ask_password(user: &str) -> Result<String> {
    let prompt = format!("Password for {user}");
    dialoguer::Password::new()
        .with_prompt(prompt)
        .interact()
        .context("--creds has no password; write USER:PASS or add --password-stdin")
}

/// The daemon that can be asked, without a look at whether it answers.
pub(super) async fn registry(
    target: &TargetArguments,
    connection: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<HttpRegistry>> {
    let connection = reach(target, connection, config).await?;
    connection.as_ref().map(HttpRegistry::new).transpose().map_err(|error| anyhow!("{error}"))
}

fn daemon(config: &RegistryConfig) -> Daemon {
    Daemon {
        delete: Some(config.delete_enabled),
        read_only: Some(config.read_only),
        proxy: Some(config.proxy.is_some()),
        cache: match config.cache {
            ConfiguredCache::None => CacheKind::None,
            ConfiguredCache::InMemory => CacheKind::InMemory,
            ConfiguredCache::Redis => CacheKind::Redis,
        },
    }
}
