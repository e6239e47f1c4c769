//! `--source`: where missing bytes come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::container::service_error;
use super::state;
use super::target::Target;
use crate::adapters::opened::OpenedStorage;
use crate::adapters::registry::{Connection, Credential};
use crate::adapters::service::{Engine, EnginePusher};
use crate::adapters::source::{FetchRetries, OpenOptions, SourceList, SourceSpec};
use crate::cli::args::connection::ConnectionArguments;
use crate::cli::args::means::SourceArguments;
use crate::engine::ports::{Pusher, Source};

/// How long an engine may push one image.
const PUSH: Duration = Duration::from_secs(3600);

/// The registry's own storage first, for links need bytes that are there; then what was given.
///
/// # Errors
/// When one cannot be opened, or there is no place in `folder` for bytes on their way.
pub(in crate::cli) async fn sources(
    arguments: &SourceArguments,
    connection: &ConnectionArguments,
    target: &Target,
    folder: &Path,
) -> Result<SourceList> {
    let spool = state::spool(folder)?;
    let docker = docker(arguments, connection).await?;
    let kept = target.storage.as_ref().and_then(OpenedStorage::quarantined);
    let open = |spec: &SourceSpec| -> Result<Box<dyn Source>> {
        let options = OpenOptions {
            spool: spool.clone(),
            quarantine: kept.clone(),
            docker: connection_of(spec, &docker).cloned(),
        };
        spec.open(&options).map_err(|error| {
            let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            anyhow!("--source: {}{hint}", error.with_causes())
        })
    };
    let given = arguments.source.iter().filter(|spec| **spec != SourceSpec::DockerDaemon);
    let given = given.map(open).collect::<Result<_>>()?;
    let list = SourceList::new(given, spool.clone(), FetchRetries::default());
    // That it cannot be looked at is for the check to say: it is no source that somebody gave.
    if let Some(own) = target.storage.as_ref().and_then(OpenedStorage::source) {
        return Ok(list.with_own(own));
    }
    let own = target.storage.as_ref().and_then(OpenedStorage::folder);
    Ok(match own.filter(|root| root.is_dir()) {
        Some(root) => list.with_own(open(&SourceSpec::Storage(root.to_owned()))?),
        None => list,
    })
}

/// How the registries of `docker://` sources are reached, by host and port.
async fn docker(
    arguments: &SourceArguments,
    connection: &ConnectionArguments,
) -> Result<BTreeMap<String, Connection>> {
    let mut connections = BTreeMap::new();
    for spec in &arguments.source {
        if let SourceSpec::Docker { authority, .. } = spec {
            let settings = connection.source_settings(&arguments.connection, authority).await?;
            connections.insert(authority.clone(), settings);
        }
    }
    Ok(connections)
}

fn connection_of<'a>(spec: &SourceSpec, docker: &'a BTreeMap<String, Connection>) -> Option<&'a Connection> {
    let SourceSpec::Docker { authority, .. } = spec else { return None };
    docker.get(authority)
}

/// The local engine, where it is to push.
///
/// # Errors
/// When there is none, or no registry to push to.
pub(in crate::cli) fn pusher(
    arguments: &SourceArguments,
    target: &Target,
) -> Result<Option<Arc<dyn Pusher>>> {
    if !arguments.source.contains(&SourceSpec::DockerDaemon) {
        return Ok(None);
    }
    let Some(connection) = target.connections.first() else {
        return Err(anyhow!("--source docker-daemon: needs the registry to push to; use --registry URL"));
    };
    let engine = Engine::find(|name| std::env::var_os(name)).map_err(|error| service_error(&error))?;
    let pusher = EnginePusher::new(engine, &connection.address.host_and_port(), PUSH);
    let pusher = match &connection.credentials.whole {
        Credential::Basic { name, password } => pusher.with_login(name, password),
        Credential::Anonymous | Credential::IdentityToken(_) | Credential::RegistryToken(_) => pusher,
    };
    Ok(Some(Arc::new(pusher)))
}
