//! Where the registry is: of these groups each command has those that it looks at.

use std::path::PathBuf;

use clap::Args;

use super::bare::BareArguments;
use super::redis::RedisArguments;
use super::values::repositories;

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
    /// Take indexes for whole whose manifests are not all there
    ///
    /// A mirror of some platforms is so, and a 3.x daemon takes such indexes where `validation.manifests.indexes.platforms` is
    /// `none` or `list`, or `validation.disabled` is set: a configuration that is given tells that. What is lacking is a note
    /// then, and --fix leaves it.
    #[arg(long, env = "REGFSCK_SPARSE_INDEXES", help_heading = "Target")]
    pub sparse_indexes: bool,
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
    /// The variables of the registry's own environment, as compose and `docker run --env-file` take them
    ///
    /// One NAME=VALUE a line. Its REGISTRY_* variables are laid over the configuration, as the daemon does it, and count more than
    /// those of this environment.
    #[arg(long, env = "REGFSCK_ENV_FILE", value_name = "FILE", conflicts_with = "container")]
    pub env_file: Option<PathBuf>,
    /// The container that the registry runs in: its engine tells storage, URL and configuration
    #[arg(long, env = "REGFSCK_CONTAINER", value_name = "NAME", conflicts_with = "config")]
    pub container: Option<String>,
}

/// Its storage.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct StorageArguments {
    /// The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or
    /// <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the brackets mean what may be left out, as everywhere in help"
    )]
    #[arg(
        id = "storage",
        short,
        long = "storage",
        env = "REGFSCK_STORAGE",
        value_name = "DIR|URL",
        aliases = ["root", "path", "rootdirectory"]
    )]
    pub(super) given: Vec<PathBuf>,
    /// The storage root.
    #[arg(skip)]
    pub storage: Option<PathBuf>,
    /// Parts of a snapshot, to be judged in place of a walk.
    #[arg(skip)]
    pub parts: Vec<PathBuf>,
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
    /// Read at most so many links of a bucket one by one
    ///
    /// What a link says is told by the listing where the bucket tells MD5 sums. Where it does not, as under SSE-KMS, each link takes a
    /// request. What is left is not called wrong: the check is incomplete, and says how many links were not read.
    #[arg(long, env = "REGFSCK_MAX_REQUESTS", value_name = "N")]
    pub max_requests: Option<u64>,
    /// Follow symbolic links below the storage root when it is read, as the daemon does
    ///
    /// Whoever may write there can lead regfsck anywhere with them, so that they are followed only where that is said; and never when
    /// something is written.
    #[arg(long, env = "REGFSCK_FOLLOW_SYMLINKS")]
    pub follow_symlinks: bool,
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
    #[arg(long, env = "REGFSCK_REPO", value_name = "GLOB", value_delimiter = ',', alias = "repository", value_parser = repositories)]
    pub repo: Vec<String>,
}
