//! The cache adapter against real servers.

mod connect;
mod fault;
mod incident;
mod program;
mod purge;
mod secure;

use std::collections::{BTreeMap, BTreeSet};

use regfsck::adapters::cache::{RedisCache, RedisSettings};
use regfsck::domain::views::cache::CacheView;
use regfsck::engine::ports::{Cache, CacheError, Silent};

/// Connect to this URL.
async fn open(url: &str) -> Result<RedisCache, CacheError> {
    RedisCache::connect(url.parse::<RedisSettings>()?).await
}

/// Connect and read all of it.
async fn collect(url: &str) -> Result<CacheView, CacheError> {
    open(url).await?.collect(&Silent).await
}

type Dump = BTreeMap<Vec<u8>, Vec<u8>>;

/// The keys that are gone, changed or new.
fn differences(before: &Dump, after: &Dump) -> BTreeSet<String> {
    let keys = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}
