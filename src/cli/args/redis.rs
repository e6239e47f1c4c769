//! `--redis`: where the daemon's cache is.

use std::path::PathBuf;

use clap::Args;

const LONG: &str = "The Redis that holds the registry's cache

redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], rediss:// for TLS, redis+sentinel://HOST,HOST/MASTER[/DB], \
redis+cluster://HOST,HOST or redis+unix:///PATH. Without it the registry's config is believed";

/// Where the daemon's cache is, if it is in Redis.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct RedisArguments {
    /// The Redis that holds the registry's cache
    ///
    /// Without it the registry's config is believed.
    #[arg(long, env = "REGFSCK_REDIS", hide_env_values = true, value_name = "URL", long_help = LONG)]
    pub redis: Option<String>,
    /// Do not look into the Redis that the config names
    #[arg(long, env = "REGFSCK_NO_REDIS", conflicts_with = "redis")]
    pub no_redis: bool,
    /// Trust the CA certificates in this file when talking to Redis
    #[arg(long, env = "REGFSCK_REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,
    /// Show this certificate to Redis
    #[arg(long, env = "REGFSCK_REDIS_CERT_FILE", value_name = "FILE", requires = "redis_key_file")]
    pub redis_cert_file: Option<PathBuf>,
    /// The key of --redis-cert-file
    #[arg(long, env = "REGFSCK_REDIS_KEY_FILE", value_name = "FILE", requires = "redis_cert_file")]
    pub redis_key_file: Option<PathBuf>,
    /// Trust any certificate of Redis
    #[arg(long, env = "REGFSCK_REDIS_INSECURE")]
    pub redis_insecure: bool,
}
