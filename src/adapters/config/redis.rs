//! The `redis` section, in the form of 2.x and in those of 3.x.

use std::path::PathBuf;

use secrecy::SecretString;

use super::error::ConfigError;
use super::tree::ConfigTree;

/// How to reach the Redis that a daemon uses.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `host:port` of each server; of the sentinels where there is a master's name.
    pub addresses: Vec<String>,
    /// How those servers belong together.
    pub topology: RedisTopology,
    /// The user, since 3.0.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The number of the database.
    pub database: i64,
    /// The sentinels' own user.
    pub sentinel_username: Option<String>,
    /// The sentinels' own password.
    pub sentinel_password: Option<SecretString>,
    /// TLS, since 3.0.
    pub tls: Option<RedisTlsConfig>,
}

/// How Redis servers belong together. A daemon of 3.x tells from the settings, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisTopology {
    /// Sentinels that know the master of this name.
    Sentinel(String),
    /// A cluster: several addresses and no master's name.
    Cluster,
    /// One server.
    Single,
}

/// TLS towards Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTlsConfig {
    /// The client's certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Authorities that the server is checked against: `rootcas` of 3.1, or `clientcas` of 3.0 (which
    /// 3.0 reads but does not use for that).
    pub authorities: Vec<PathBuf>,
}

/// A key of the section; 3.0 takes the same keys from variables as `REGISTRY_REDIS_OPTIONS_…`.
struct Section<'a>(&'a ConfigTree);

impl Section<'_> {
    fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let inline = self.0.text(&format!("redis.{key}"))?;
        inline.map_or_else(|| self.0.text(&format!("redis.options.{key}")), |text| Ok(Some(text)))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        Ok(self.text(key)?.map(SecretString::from))
    }

    fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.0.text(&format!("redis.tls.{key}"))?.map(PathBuf::from))
    }

    fn paths(&self, key: &str) -> Result<Vec<PathBuf>, ConfigError> {
        Ok(self.0.texts(&format!("redis.tls.{key}"))?.into_iter().map(PathBuf::from).collect())
    }

    fn addresses(&self) -> Result<Vec<String>, ConfigError> {
        let mut addresses = self.0.texts("redis.addrs")?;
        if addresses.is_empty() {
            addresses = self.0.texts("redis.options.addrs")?;
        }
        if addresses.is_empty() {
            addresses.extend(self.0.text("redis.addr")?);
        }
        // Harbor names its sentinels in one text.
        Ok(addresses.iter().flat_map(|text| text.split(',')).map(|it| it.trim().to_owned()).collect())
    }

    /// `mastername` of 3.x; Harbor's registries of 2.x have `sentinelMasterSet`.
    fn master(&self) -> Result<Option<String>, ConfigError> {
        let names = ["sentinelMasterSet", "sentinelmasterset"];
        let own = self.text("mastername")?;
        names.iter().try_fold(own, |found, name| found.map_or_else(|| self.text(name), |it| Ok(Some(it))))
    }

    fn database(&self) -> Result<i64, ConfigError> {
        let inline = self.0.number("redis.db")?;
        Ok(inline.map_or_else(|| self.0.number("redis.options.db"), |db| Ok(Some(db)))?.unwrap_or(0))
    }

    fn tls(&self) -> Result<Option<RedisTlsConfig>, ConfigError> {
        let mut authorities = self.paths("rootcas")?;
        authorities.extend(self.paths("clientcas")?);
        let tls =
            RedisTlsConfig { certificate: self.path("certificate")?, key: self.path("key")?, authorities };
        let is_used = tls.certificate.is_some() || tls.key.is_some() || !tls.authorities.is_empty();
        Ok(is_used.then_some(tls))
    }
}

/// The settings, where the section names a server.
pub(super) fn read(tree: &ConfigTree) -> Result<Option<RedisConfig>, ConfigError> {
    tree.keys("redis")?;
    let section = Section(tree);
    let addresses = section.addresses()?;
    if addresses.is_empty() {
        return Ok(None);
    }
    let topology = match section.master()? {
        Some(master) => RedisTopology::Sentinel(master),
        None if addresses.len() > 1 => RedisTopology::Cluster,
        None => RedisTopology::Single,
    };
    Ok(Some(RedisConfig {
        addresses,
        topology,
        username: section.text("username")?,
        password: section.secret("password")?,
        database: section.database()?,
        sentinel_username: section.text("sentinelusername")?,
        sentinel_password: section.secret("sentinelpassword")?,
        tls: section.tls()?,
    }))
}
