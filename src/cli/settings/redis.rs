//! `--redis`: where the daemon's cache is.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};

use crate::adapters::cache::{RedisCache, RedisSettings, RedisTls};
use crate::adapters::config::{self, RedisTopology, RegistryConfig};
use crate::cli::args::redis::RedisArguments;
use crate::domain::rules::CacheKind;
use crate::engine::ports::{Cache, CacheError};

/// The cache that the arguments or the registry's configuration name. It is reached with the first question,
/// so that a Redis that is down is something that could not be looked at, and no reason not to look at all.
pub(in crate::cli) fn cache(
    arguments: &RedisArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<Arc<dyn Cache>>> {
    let Some(mut settings) = settings(arguments, config)? else { return Ok(None) };
    let asks_tls =
        arguments.redis_ca_file.is_some() || arguments.redis_cert_file.is_some() || arguments.redis_insecure;
    if asks_tls && settings.tls.is_none() {
        return Err(anyhow!("the TLS options for Redis need a `rediss://` URL"));
    }
    if let Some(tls) = &mut settings.tls {
        tls.ca = arguments.redis_ca_file.clone().or_else(|| tls.ca.take());
        tls.certificate = arguments.redis_cert_file.clone().or_else(|| tls.certificate.take());
        tls.key = arguments.redis_key_file.clone().or_else(|| tls.key.take());
        tls.insecure |= arguments.redis_insecure;
    }
    Ok(Some(Arc::new(RedisCache::at(settings).map_err(|error| cache_error(&error))?)))
}

/// The number of the database that is in use.
pub(in crate::cli) fn database(
    arguments: &RedisArguments,
    config: Option<&RegistryConfig>,
) -> Result<Option<u32>> {
    Ok(settings(arguments, config)?.map(|settings| settings.database))
}

fn settings(arguments: &RedisArguments, config: Option<&RegistryConfig>) -> Result<Option<RedisSettings>> {
    if let Some(url) = &arguments.redis {
        return Ok(Some(url.parse().map_err(|error| cache_error(&error)).context("--redis")?));
    }
    let Some(config) = config.filter(|config| config.cache == CacheKind::Redis && !arguments.no_redis) else {
        return Ok(None);
    };
    let section = config.redis.as_ref().with_context(|| {
        format!(
            "`{}` keeps the cache in Redis and has no `redis` section; use --redis URL or --no-redis",
            config.path.display()
        )
    })?;
    of_config(section)
        .map(Some)
        .with_context(|| format!("the `redis` section of `{}`", config.path.display()))
}

fn of_config(section: &config::RedisConfig) -> Result<RedisSettings> {
    let master = match &section.topology {
        RedisTopology::Sentinel(master) => Some(master.as_str()),
        RedisTopology::Cluster | RedisTopology::Single => None,
    };
    let mut settings =
        RedisSettings::of_config(&section.addresses, master).map_err(|error| cache_error(&error))?;
    settings.username.clone_from(&section.username);
    settings.password.clone_from(&section.password);
    settings.sentinel_username.clone_from(&section.sentinel_username);
    settings.sentinel_password.clone_from(&section.sentinel_password);
    settings.database = u32::try_from(section.database).context("redis.db")?;
    settings.tls = section.tls.as_ref().map(|tls| RedisTls {
        ca: tls.authorities.first().cloned(),
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        insecure: false,
    });
    Ok(settings)
}

fn cache_error(error: &CacheError) -> anyhow::Error {
    anyhow!("failed to {error}; {}", error.hint())
}
