//! The cache adapter against real servers.

mod connect;
mod fault;
mod incident;
mod journal;
mod program;
mod purge;
mod secure;
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use regfsck::adapters::cache::{RedisCache, RedisSettings};
use regfsck::domain::journal::DeletedKey;
use regfsck::domain::views::cache::{CacheView, StaleKeys};
use regfsck::engine::ports::{Cache, CacheError, Silent};

/// The cache at this URL.
fn open(url: &str) -> Result<RedisCache, CacheError> {
    RedisCache::at(url.parse::<RedisSettings>()?)
}

/// Connect and read all of it.
async fn collect(url: &str) -> Result<CacheView, CacheError> {
    open(url)?.collect(&Silent).await
}

/// Read what is stale, and delete it; what it held.
async fn purge(cache: &RedisCache, stale: &StaleKeys) -> Result<Vec<DeletedKey>, CacheError> {
    let keys = cache.held(stale).await?;
    cache.purge(&keys).await?;
    Ok(keys)
}

type Dump = BTreeMap<Vec<u8>, Vec<u8>>;

/// The keys that are gone, changed or new.
fn differences(before: &Dump, after: &Dump) -> BTreeSet<String> {
    let keys = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}
