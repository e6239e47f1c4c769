//! A registry in a container: what its engine tells of it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use url::Url;

use crate::adapters::config::{Endpoint, RegistryConfig, StorageDriver};
use crate::adapters::service::{Container, Engine, RestartSpec};
use crate::engine::ports::ServiceError;

/// What an engine tells of a registry in one of its containers.
#[derive(Debug)]
pub(in crate::cli) struct Contained {
    /// Its configuration, with its `REGISTRY_*` variables.
    pub(in crate::cli) config: RegistryConfig,
    /// Its storage root on this host, where it is on a mount.
    pub(in crate::cli) storage: Option<PathBuf>,
    /// Where it is asked from this host.
    pub(in crate::cli) url: Result<String, String>,
    /// What restarts it.
    pub(in crate::cli) restart: RestartSpec,
}

pub(in crate::cli) fn service_error(error: &ServiceError) -> anyhow::Error {
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    anyhow!("{}{hint}", error.message)
}

/// Ask the engine.
///
/// # Errors
/// When there is no engine, no such container, or no registry in it.
pub(in crate::cli) async fn look(name: &str) -> Result<Contained> {
    let shown = || format!("--container {name}");
    let engine = Engine::find(|variable| std::env::var_os(variable))
        .map_err(|error| service_error(&error))
        .with_context(shown)?;
    let container = engine.inspect(name).await.map_err(|error| service_error(&error)).with_context(shown)?;
    let file =
        engine.config_file(&container).await.map_err(|error| service_error(&error)).with_context(shown)?;
    let text = String::from_utf8_lossy(&file.content);
    let overrides = container.overrides().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = RegistryConfig::from_text(&file.inside, &text, overrides).with_context(shown)?;
    let root = match &config.storage {
        StorageDriver::Filesystem { root } => Some(root),
        StorageDriver::Bucket(_) | StorageDriver::Unsupported { .. } => None,
    };
    Ok(Contained {
        storage: root.and_then(|root| container.host_path(root)),
        url: reach(&container, &config.endpoint),
        restart: RestartSpec::Docker { container: container.name.clone() },
        config,
    })
}

/// The URL that leads from this host to where the daemon listens in its container.
fn reach(container: &Container, endpoint: &Endpoint) -> Result<String, String> {
    let no_way =
        || format!("no port of container `{}` leads to its registry; use `--registry URL`", container.name);
    let inside = Url::parse(endpoint.url()?).map_err(|error| error.to_string())?;
    let port = inside.port_or_known_default().ok_or_else(no_way)?;
    let address = format!("{}:{port}", inside.host_str().unwrap_or_default());
    let outside = container.reach(&address).ok_or_else(no_way)?;
    Ok(format!("{}://{outside}{}", inside.scheme(), inside.path()))
}
