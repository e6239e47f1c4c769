//! Where the registry is: arguments, the registry's own configuration, the usual places.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};

use super::arguments::TargetArguments;
use super::connection::ConnectionArguments;
use super::interrupt::Interrupt;
use super::scope::Globs;
use crate::adapters::config::{CacheKind as ConfiguredCache, RegistryConfig, StorageDriver};
use crate::adapters::registry::{Connection, HttpRegistry};
use crate::adapters::storage::FilesystemStorage;
use crate::domain::report;
use crate::domain::rules::{CacheKind, Daemon};
use crate::engine::check::Sides;
use crate::engine::interrupt::Interruptible;
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
    pub(super) async fn find(
        target: &TargetArguments,
        connection: &ConnectionArguments,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let config = config(target)?;
        let storage = storage(target, config.as_ref())?;
        let settings = self::connection(target, connection, config.as_ref()).await?;
        let registry = settings.as_ref().map(|settings| ask(settings, interrupt)).transpose()?;
        let named = report::Target {
            storage: storage.as_ref().map(|storage| storage.location()),
            registry: registry.as_ref().map(|registry| registry.location()),
            cache: None,
        };
        Ok(Self {
            sides: Sides { storage, registry },
            named,
            scope: Arc::new(Globs::new(&target.repo)),
            daemon: config.as_ref().map(daemon).unwrap_or_default(),
        })
    }
}

/// The registry's configuration where one is given.
pub(super) fn config_if_named(target: &TargetArguments) -> Result<Option<RegistryConfig>> {
    if target.config.is_some() { config(target) } else { Ok(None) }
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
    let shown = || format!("--storage: {}", "cannot look at storage");
    Ok(Some(Arc::new(opened.with_context(shown)?)))
}

/// How the registry itself is reached, where there is one to ask.
pub(super) async fn connection(
    target: &TargetArguments,
    connection: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<Connection>> {
    let (flag, url) = match (&target.registry, config) {
        _ if target.offline => return Ok(None),
        (Some(url), _) => ("--registry", url.clone()),
        (None, Some(config)) => ("--config", config.endpoint.url().map_err(|why| anyhow!(why))?.to_owned()),
        (None, None) => return Ok(None),
    };
    connection.settings(flag, &url).await.map(Some)
}

fn ask(settings: &Connection, interrupt: &Interrupt) -> Result<Arc<dyn Registry>> {
    let registry = HttpRegistry::new(settings).map_err(|error| anyhow!("{error}"))?;
    Ok(Arc::new(Interruptible::new(Arc::new(registry), interrupt.flag())))
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
