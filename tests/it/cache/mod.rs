//! The cache adapter against real servers.

mod connect;
mod fault;
mod purge;

use regfsck::adapters::cache::{RedisCache, RedisSettings};
use regfsck::domain::cache::CacheView;
use regfsck::engine::ports::{Cache, CacheError, Silent};

/// Connect to this URL.
async fn open(url: &str) -> Result<RedisCache, CacheError> {
    RedisCache::connect(url.parse::<RedisSettings>()?).await
}

/// Connect and read all of it.
async fn collect(url: &str) -> Result<CacheView, CacheError> {
    open(url).await?.collect(&Silent).await
}
