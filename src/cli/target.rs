//! Where the registry is: arguments, the registry's own configuration, the usual places.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::SecretString;

use super::arguments::{ConnectionArguments, TargetArguments};
use super::scope::Globs;
use crate::adapters::config::{CacheKind as ConfiguredCache, RegistryConfig, StorageDriver};
use crate::adapters::registry::{Address, Connection, Credentials, HttpRegistry, Scheme};
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
}

impl Target {
    /// Find the registry that the arguments mean.
    ///
    /// # Errors
    /// When they mean none, or one that cannot be looked at.
    pub(super) async fn find(target: &TargetArguments, connection: &ConnectionArguments) -> Result<Self> {
        let config = config(target)?;
        let storage = storage(target, config.as_ref())?;
        let registry = registry(target, connection, config.as_ref()).await?;
        let named = report::Target {
            storage: storage.as_ref().map(|storage| storage.location()),
            registry: registry.as_ref().map(Registry::location),
            cache: None,
        };
        Ok(Self {
            sides: Sides { storage, registry: registry.map(|registry| Arc::new(registry) as Arc<_>) },
            named,
            scope: Arc::new(Globs::new(&target.repo)),
            daemon: config.as_ref().map(daemon).unwrap_or_default(),
        })
    }
}

/// The registry's configuration: the one given, or, where nothing is given, one in a usual place.
fn config(target: &TargetArguments) -> Result<Option<RegistryConfig>> {
    let path = match &target.config {
        Some(path) => path.clone(),
        None if target.storage.is_some() || target.registry.is_some() => return Ok(None),
        None => RegistryConfig::discover(RegistryConfig::USUAL_PLACES)
            .context("no registry given: use --config FILE, --storage DIR or --registry URL")?,
    };
    Ok(Some(RegistryConfig::load(&path, std::env::vars_os().filter_map(text))?))
}

/// A variable that is text; what is not cannot be meant for the registry.
fn text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn storage(target: &TargetArguments, config: Option<&RegistryConfig>) -> Result<Option<Arc<dyn Storage>>> {
    let opened = match (&target.storage, config.map(|config| &config.storage)) {
        (Some(path), _) => FilesystemStorage::open(path),
        (None, Some(StorageDriver::Filesystem { root })) => FilesystemStorage::open_configured(root),
        (None, Some(StorageDriver::Unsupported { name, why })) => {
            bail!("cannot look at the storage driver `{name}`: {why}")
        }
        (None, None) => return Ok(None),
    };
    let shown = || match &target.storage {
        Some(_) => "--storage",
        None => "cannot look at the storage that the configuration names",
    };
    Ok(Some(Arc::new(opened.with_context(shown)?)))
}

async fn registry(
    target: &TargetArguments,
    connection: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<HttpRegistry>> {
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
        settings.credentials = credentials;
    }
    if settings.address.scheme() == Scheme::Either && HttpRegistry::connect(&mut settings).await.is_err() {
        // The check asks again and reports why.
        settings.address = settings.address.decided(false);
    }
    HttpRegistry::new(&settings).map(Some).map_err(|error| anyhow!("{error}"))
}

/// What `--creds` and `--password-stdin` say; asked for on the terminal where the password is missing.
fn credentials(connection: &ConnectionArguments) -> Result<Option<Credentials>> {
    let Some(creds) = &connection.creds else { return Ok(None) };
    let (name, password) = match creds.split_once(':') {
        Some((name, password)) => (name, password.to_owned()),
        None if connection.password_stdin => (creds.as_str(), password_from_stdin()?),
        None => (creds.as_str(), ask_password(creds)?),
    };
    Ok(Some(Credentials::Basic { name: name.to_owned(), password: SecretString::from(password) }))
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
