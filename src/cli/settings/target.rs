//! Where the registry is: arguments, the registry's own configuration, the usual places.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::SignedDuration;

use super::place::Place;
use crate::adapters::bucket_settings::BucketSettings;
use crate::adapters::config::{RegistryConfig, StorageDriver};
use crate::adapters::journal::is_run;
use crate::adapters::opened::OpenedStorage;
use crate::adapters::registry::{self, Connection};
use crate::adapters::service::RestartSpec;
use crate::adapters::snapshot::{NoUploads, SnapshotStorage};
use crate::adapters::storage::FilesystemStorage;
use crate::cli::args::check::CheckArguments;
use crate::cli::args::connection::ConnectionArguments;
use crate::cli::settings::container::{self, Contained};
use crate::cli::settings::scope::Globs;
use crate::cli::settings::{environment, redis};
use crate::cli::terminal::interrupt;
use crate::domain::discreet::without_passwords;
use crate::domain::name::RepositoryName;
use crate::domain::report;
use crate::domain::rules::{CacheKind, DaemonSettings, IndexChildren};
use crate::engine::interrupt::Interruptible;
use crate::engine::ports::{Daemon, Scope, StorageError};
use crate::engine::sides::{Sides, StorageHandle};

/// A path that is none here.
const ELSEWHERE: &str = "the storage that the configuration names is not there; if the registry runs in a container, give --container \
    NAME, or --storage DIR with where that folder is on this machine (and --registry URL, --redis URL likewise)";

/// A repository that need not be there.
const ANY_REPOSITORY: &str = "regfsck";

/// A registry to look at.
pub(in crate::cli) struct Target {
    /// What can be looked at.
    pub(in crate::cli) sides: Sides,
    /// The same for the report.
    pub(in crate::cli) named: report::Target,
    /// Which repositories.
    pub(in crate::cli) scope: Arc<dyn Scope>,
    /// What its configuration says.
    pub(in crate::cli) daemon: DaemonSettings,
    /// What restarts it, where that follows from where it runs; `--restart` counts more.
    pub(in crate::cli) restart: Option<RestartSpec>,
    /// Its storage, where that can be looked at.
    pub(in crate::cli) storage: Option<OpenedStorage>,
    /// How each daemon is reached.
    pub(in crate::cli) connections: Vec<Connection>,
    /// Where its metrics are, as far as its configuration tells.
    pub(in crate::cli) metrics: Option<String>,
}

impl Target {
    /// The repositories that the arguments mean.
    pub(in crate::cli) fn scope(target: &Place) -> Arc<dyn Scope> {
        Arc::new(Globs::new(&target.repo))
    }

    /// What a configuration says of the daemon.
    pub(in crate::cli) fn daemon(config: &RegistryConfig) -> DaemonSettings {
        daemon(config)
    }

    /// Find the registry that the arguments mean.
    ///
    /// # Errors
    /// When they mean none, or one that cannot be looked at.
    pub(in crate::cli) async fn find(arguments: &CheckArguments) -> Result<Self> {
        let CheckArguments { connection, typed, .. } = arguments;
        let (target, config, contained) = settled(&(&arguments.target).into()).await?;
        let storage = storage(&target, config.as_ref(), contained.as_ref())?;
        let settings = registries(&target, connection, config.as_ref()).await?;
        let daemons = settings.iter().map(|(settings, address)| reach(settings, *address));
        let daemons = daemons.collect::<Result<Vec<_>>>()?;
        let cache = redis::cache(&target.redis, config.as_ref().filter(|_| !target.offline))?;
        let mut daemon = config.as_ref().map(daemon).unwrap_or_default();
        (daemon.children, daemon.may_be_of_2) = children(daemon.children, &daemons).await;
        if target.redis.redis.is_some() {
            daemon.cache = CacheKind::Redis;
        }
        let is_scheduled = |storage: &OpenedStorage| storage.reader().scheduler_state().present().is_some();
        if config.is_none() && storage.as_ref().is_some_and(is_scheduled) {
            daemon.proxy = Some(true);
        }
        if target.sparse_indexes {
            (daemon.children, daemon.may_be_of_2) = (IndexChildren::None, false);
        }
        let handle = seen(&target.parts, storage.as_ref().map(handle))?;
        let sides = Sides { storage: handle, daemons, cache, flags: typed.clone() };
        Ok(Self {
            storage,
            named: sides.target(),
            sides,
            connections: settings.into_iter().map(|(settings, _)| settings).collect(),
            metrics: config.filter(|_| contained.is_none()).and_then(|config| config.metrics),
            scope: Self::scope(&target),
            daemon,
            restart: contained.map(|contained| contained.restart),
        })
    }
}

/// What an index needs, by the configuration of a daemon: 2.x does not know the settings, and needs all of it. And whether
/// it may be of 2.x where it needs less.
async fn children(said: IndexChildren, daemons: &[Daemon]) -> (IndexChildren, bool) {
    if said == IndexChildren::All {
        return (said, false);
    }
    let is_of_2 = match (daemons.first(), ANY_REPOSITORY.parse::<RepositoryName>()) {
        (Some(first), Ok(any)) => first.reader.is_of_2(&any).await,
        _ => None,
    };
    if is_of_2 == Some(true) { (IndexChildren::All, false) } else { (said, is_of_2.is_none()) }
}

/// Storage as the engine is handed it: to be read, until a run has the right to write.
fn handle(storage: &OpenedStorage) -> StorageHandle {
    StorageHandle { reader: storage.reader(), writer: None, uploads: storage.uploads() }
}

/// Storage as parts of a snapshot show it, where there are any.
fn seen(parts: &[PathBuf], storage: Option<StorageHandle>) -> Result<Option<StorageHandle>> {
    if parts.is_empty() {
        return Ok(storage);
    }
    let seen = SnapshotStorage::open(parts).context("--storage")?;
    Ok(Some(match storage {
        Some(handle) => StorageHandle { reader: seen.beside(handle.reader).context("--storage")?, ..handle },
        None => StorageHandle { reader: Arc::new(seen), writer: None, uploads: Arc::new(NoUploads) },
    }))
}

/// The storage alone that the arguments mean.
///
/// # Errors
/// As [`Target::find`].
pub(in crate::cli) async fn stored(place: &Place) -> Result<Option<OpenedStorage>> {
    let (place, config, contained) = settled(&Place { offline: true, ..place.clone() }).await?;
    storage(&place, config.as_ref(), contained.as_ref())
}

/// What is said, with what the container's engine or the configuration tells of it.
pub(in crate::cli) async fn settled(
    place: &Place,
) -> Result<(Place, Option<RegistryConfig>, Option<Contained>)> {
    let contained = match &place.container {
        Some(name) => Some(container::look(name).await?),
        None => None,
    };
    let (place, config) = settle(place, contained.as_ref())?;
    Ok((place, config, contained))
}

/// Let what the container's engine tells stand where nothing was said.
fn settle(target: &Place, contained: Option<&Contained>) -> Result<(Place, Option<RegistryConfig>)> {
    let mut target = target.clone();
    let Some(contained) = contained else {
        let config = config(&target)?;
        return Ok((target, config));
    };
    if target.registry.is_none() && !target.offline {
        target.registry = Some(contained.url.clone().map_err(|why| anyhow!(why))?);
    }
    Ok((target, Some(contained.config.clone())))
}

/// The target with what the named container or configuration tells; nothing is looked for.
pub(in crate::cli) async fn known(target: &Place) -> Result<(Place, Option<RegistryConfig>)> {
    if let Some(name) = &target.container {
        return settle(target, Some(&container::look(name).await?));
    }
    let config = target.config.as_ref().map(|_| config(target)).transpose()?;
    Ok((target.clone(), config.flatten()))
}

/// The same registry at every address of its name, or as it is.
pub(in crate::cli) async fn replicas(
    settings: Connection,
    resolve_all: bool,
) -> Result<Vec<(Connection, Option<IpAddr>)>> {
    if !resolve_all {
        return Ok(vec![(settings, None)]);
    }
    let addresses = settings.addresses().await;
    let addresses = addresses.context("--resolve-all: cannot resolve the registry's name")?;
    Ok(addresses.iter().map(|address| (settings.at(*address), Some(*address))).collect())
}

/// How every daemon is asked, the one that is looked at most first.
pub(in crate::cli) async fn registries(
    target: &Place,
    arguments: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Vec<(Connection, Option<IpAddr>)>> {
    let mut settings: Vec<(Connection, Option<IpAddr>)> = Vec::new();
    if let Some(first) = connection(target, arguments, config).await? {
        settings.extend(replicas(first, target.resolve_all).await?);
    }
    for url in &target.replica {
        settings.push((arguments.settings("--replica", url).await?, None));
    }
    if let Some(public) = config.and_then(|config| config.public_url.as_deref()) {
        for (connection, _) in &mut settings {
            connection.address = connection.address.clone().shown_as(public);
        }
    }
    Ok(settings)
}

/// The registry's configuration: the one given, or, where nothing is given, one in a usual place.
pub(in crate::cli) fn config(target: &Place) -> Result<Option<RegistryConfig>> {
    let path = match &target.config {
        Some(path) => path.clone(),
        None if target.storage.is_some()
            || !target.parts.is_empty()
            || target.registry.is_some()
            || !target.replica.is_empty() =>
        {
            return Ok(None);
        }
        None => RegistryConfig::discover(RegistryConfig::USUAL_PLACES)
            .context("no registry given: use --config FILE, --storage DIR or --registry URL")?,
    };
    let variables = environment::variables(target.env_file.as_deref())?;
    let config = RegistryConfig::load(&path, variables.into_iter())?;
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

pub(in crate::cli) fn storage(
    target: &Place,
    config: Option<&RegistryConfig>,
    contained: Option<&Contained>,
) -> Result<Option<OpenedStorage>> {
    let jobs = target.io_jobs.and_then(|jobs| NonZeroUsize::new(jobs.into()));
    let opened = match (&target.storage, config.map(|config| &config.storage)) {
        (Some(path), _) => match path.to_str().filter(|text| BucketSettings::is_url(text)) {
            Some(url) => {
                let settings = BucketSettings::of_url(url).context("--storage")?;
                return bucket(&settings, jobs, target.max_requests).context("--storage").map(Some);
            }
            None => match address(path) {
                Some((scheme, text)) => {
                    let shown = without_passwords(text);
                    bail!("--storage: cannot look at `{shown}`: {}", StorageDriver::no_storage_at(scheme))
                }
                None => FilesystemStorage::open(path),
            },
        },
        (None, Some(StorageDriver::Bucket(settings))) => {
            let shown = "cannot look at the storage that the configuration names";
            return bucket(settings, jobs, target.max_requests).context(shown).map(Some);
        }
        (None, Some(StorageDriver::Filesystem { root })) => match contained {
            None => FilesystemStorage::open_configured(root),
            Some(Contained { storage: Some(path), .. }) => FilesystemStorage::open_configured(path),
            Some(Contained { restart, .. }) => {
                tracing::warn!("`{}` of {restart} is on no mount: only its API is looked at", root.display());
                return Ok(None);
            }
        },
        (None, Some(StorageDriver::Unsupported { name, why })) => {
            bail!("cannot look at the storage driver `{name}`: {why}")
        }
        (None, None) => return Ok(None),
    };
    if target.max_requests.is_some() {
        bail!("--max-requests is of a bucket: on a disk every link is read");
    }
    opened
        .map(|storage| {
            Some(OpenedStorage::Disk(storage.with_io_jobs(jobs).following(target.follow_symlinks)))
        })
        .map_err(|error| unopened(error, target.storage.is_some()))
}

/// What is said of storage that cannot be opened, whether a flag names it or the configuration.
fn unopened(error: StorageError, is_given: bool) -> anyhow::Error {
    let missing = if let StorageError::NoSuchPath { path } = &error { Some(path) } else { None };
    let meant = missing.filter(|_| is_given).and_then(|path| meant(path));
    let error = match (&meant, missing) {
        (Some(meant), Some(path)) => anyhow!("`{}` does not exist\nhint: {meant}", path.display()),
        (None, Some(_)) if !is_given => return anyhow::Error::from(error).context(ELSEWHERE),
        _ => error.into(),
    };
    error.context(if is_given {
        "--storage"
    } else {
        "cannot look at the storage that the configuration names"
    })
}

/// What a word may mean that is no path here: an image, or a run to take back.
fn meant(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let (above, name) = text.rsplit_once('/').unwrap_or(("", text));
    if !above.is_empty() && name.contains(':') {
        return Some(format!("`regfsck verify {text}` makes sure that an image can be pulled"));
    }
    is_run(text).then(|| format!("`regfsck undo --run {text}` takes that run back"))
}

/// The scheme of what is meant to be an address, and the address; folders may be named like one.
fn address(path: &Path) -> Option<(&str, &str)> {
    let text = path.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+');
    (is_scheme && !path.exists()).then_some((scheme, text))
}

/// A bucket as storage.
#[cfg(feature = "cloud")]
fn bucket(
    settings: &BucketSettings,
    jobs: Option<NonZeroUsize>,
    max_requests: Option<u64>,
) -> Result<OpenedStorage> {
    let storage = crate::adapters::bucket::BucketStorage::open(settings, jobs)?;
    Ok(OpenedStorage::Bucket(storage.reading_at_most(max_requests)))
}

#[cfg(not(feature = "cloud"))]
fn bucket(
    settings: &BucketSettings,
    _jobs: Option<NonZeroUsize>,
    _max_requests: Option<u64>,
) -> Result<OpenedStorage> {
    bail!(
        "`{}` is a bucket, and this regfsck was built without the feature `cloud`: build it with that, or use `--registry` alone",
        settings.location()
    )
}

/// How the registry itself is reached, where there is one to ask.
async fn connection(
    target: &Place,
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

/// A daemon whose questions end with an interrupt.
pub(in crate::cli) fn reach(settings: &Connection, address: Option<IpAddr>) -> Result<Daemon> {
    let Daemon { reader, writer } = registry::daemon(settings)?;
    let reader = Interruptible::new(reader, interrupt::current().flag());
    let reader = match address {
        Some(address) => Arc::new(reader.at(address)),
        None => Arc::new(reader),
    };
    Ok(Daemon { reader, writer })
}

/// The daemon that can be asked, without a look at whether it answers.
pub(in crate::cli) async fn first(
    target: &Place,
    connection: &ConnectionArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<Daemon>> {
    let settings = registries(target, connection, config).await?;
    let first = settings.first().map(|(settings, _)| registry::daemon(settings));
    Ok(first.transpose()?)
}

fn daemon(config: &RegistryConfig) -> DaemonSettings {
    DaemonSettings {
        delete: Some(config.delete_enabled),
        read_only: Some(config.read_only),
        proxy: Some(config.proxy.is_some()),
        ttl: config.proxy.as_ref().map(|proxy| {
            let ttl = proxy.ttl.and_then(|ttl| SignedDuration::try_from(ttl).ok());
            ttl.unwrap_or_default()
        }),
        children: config.children.clone(),
        may_be_of_2: false,
        cache: config.cache,
    }
}
