//! Where the registry is: of these groups each command has those that it looks at.

use std::path::PathBuf;

use clap::Args;

use super::bare::BareArguments;
use super::redis::RedisArguments;

/// All that a check can look at.
#[derive(Debug, Clone, Args)]
pub struct TargetArguments {
    /// The registry by a bare word.
    #[command(flatten)]
    pub bare: BareArguments,
    /// Its configuration.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Its storage.
    #[command(flatten)]
    pub storage: StorageArguments,
    /// How it is walked.
    #[command(flatten)]
    pub walk: WalkArguments,
    /// Its daemons.
    #[command(flatten)]
    pub daemons: DaemonArguments,
    /// Do not ask the registry that the config names: an offline check
    #[arg(long, env = "REGFSCK_OFFLINE", conflicts_with_all = ["registry", "resolve_all"], help_heading = "Target")]
    pub offline: bool,
    /// Which repositories.
    #[command(flatten)]
    pub scope: ScopeArguments,
    /// The cache.
    #[command(flatten)]
    pub redis: RedisArguments,
}

/// What tells the rest: the registry's own configuration, or the container that it runs in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct ConfigArguments {
    /// The registry's own config.yml, read with its REGISTRY_* overrides
    #[arg(short, long, env = "REGFSCK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The container that the registry runs in: its engine tells storage, URL and configuration
    #[arg(long, env = "REGFSCK_CONTAINER", value_name = "NAME", conflicts_with = "config")]
    pub container: Option<String>,
}

/// Its storage.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct StorageArguments {
    /// The storage root, such as /var/lib/registry, or a bucket: s3://BUCKET[/ROOT][?endpoint=URL]
    #[arg(short, long, env = "REGFSCK_STORAGE", value_name = "DIR|URL", aliases = ["root", "path", "rootdirectory"])]
    pub storage: Option<PathBuf>,
}

/// How storage is walked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct WalkArguments {
    /// Look at so many files and folders of storage at once
    ///
    /// On a cold disk or a network file system a look is mostly waiting, so that it may be many more than the machine has
    /// cores. Unless it is said, a few looks at the start tell how many storage bears: one for each core where it
    /// answers at once, up to 64 where it does not. -v says what was chosen.
    #[arg(long, env = "REGFSCK_IO_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub io_jobs: Option<u16>,
}

/// Its running daemons.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct DaemonArguments {
    /// The first of them.
    #[command(flatten)]
    pub registry: RegistryArguments,
    /// Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable
    #[arg(long, env = "REGFSCK_REPLICA", value_name = "URL", value_delimiter = ',')]
    pub replica: Vec<String>,
    /// Ask every address that the registry's name has, as replicas
    #[arg(long, env = "REGFSCK_RESOLVE_ALL")]
    pub resolve_all: bool,
}

/// One running daemon.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct RegistryArguments {
    /// The running registry, such as `http://127.0.0.1:5000`
    #[arg(short, long, env = "REGFSCK_REGISTRY", value_name = "URL", aliases = ["url", "host"])]
    pub registry: Option<String>,
}

/// Which repositories are looked at.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct ScopeArguments {
    /// Only repositories of this name; * and ? match anything; repeatable
    #[arg(long, env = "REGFSCK_REPO", value_name = "GLOB", value_delimiter = ',', alias = "repository")]
    pub repo: Vec<String>,
}
