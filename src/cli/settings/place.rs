//! Where the registry is said to be, whichever command was given.

use std::path::PathBuf;

use crate::cli::args::doctor::DoctorCommand;
use crate::cli::args::redis::RedisArguments;
use crate::cli::args::repair::UndoCommand;
use crate::cli::args::snapshot::SnapshotCommand;
use crate::cli::args::target::{
    ConfigArguments, DaemonArguments, StorageArguments, TargetArguments, WalkArguments,
};
use crate::cli::args::verify::VerifyCommand;

/// What the arguments say of where the registry is; what a command does not take is not there.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, not a state")]
pub(in crate::cli) struct Place {
    pub(in crate::cli) config: Option<PathBuf>,
    /// What holds the daemon's environment.
    pub(in crate::cli) env_file: Option<PathBuf>,
    pub(in crate::cli) container: Option<String>,
    pub(in crate::cli) storage: Option<PathBuf>,
    /// Parts of a snapshot of it, judged in place of a walk.
    pub(in crate::cli) parts: Vec<PathBuf>,
    /// How many looks at storage are under way at once; unless it is said, storage tells.
    pub(in crate::cli) io_jobs: Option<u16>,
    /// How many links of a bucket are read one by one at most.
    pub(in crate::cli) max_requests: Option<u64>,
    /// Whether links below its root are followed.
    pub(in crate::cli) follow_symlinks: bool,
    pub(in crate::cli) registry: Option<String>,
    pub(in crate::cli) replica: Vec<String>,
    pub(in crate::cli) resolve_all: bool,
    pub(in crate::cli) offline: bool,
    /// Whether indexes may lack manifests, whatever the configuration says.
    pub(in crate::cli) sparse_indexes: bool,
    pub(in crate::cli) repo: Vec<String>,
    pub(in crate::cli) redis: RedisArguments,
}

impl Place {
    fn of_config(arguments: &ConfigArguments) -> Self {
        let ConfigArguments { config, env_file, container } = arguments.clone();
        Self { config, env_file, container, ..Self::default() }
    }

    fn on(self, arguments: &StorageArguments) -> Self {
        Self { storage: arguments.storage.clone(), parts: arguments.parts.clone(), ..self }
    }

    fn served_by(self, daemons: &DaemonArguments) -> Self {
        let DaemonArguments { registry, replica, resolve_all } = daemons.clone();
        Self { registry: registry.registry, replica, resolve_all, ..self }
    }
}

impl From<&TargetArguments> for Place {
    fn from(target: &TargetArguments) -> Self {
        Self {
            offline: target.offline,
            sparse_indexes: target.sparse_indexes,
            io_jobs: target.walk.io_jobs,
            max_requests: target.walk.max_requests,
            follow_symlinks: target.walk.follow_symlinks,
            repo: target.scope.repo.clone(),
            redis: target.redis.clone(),
            ..Self::of_config(&target.config).on(&target.storage).served_by(&target.daemons)
        }
    }
}

impl From<&VerifyCommand> for Place {
    fn from(verify: &VerifyCommand) -> Self {
        Self::of_config(&verify.config).served_by(&verify.daemons)
    }
}

impl From<&DoctorCommand> for Place {
    fn from(doctor: &DoctorCommand) -> Self {
        Self {
            registry: doctor.registry.registry.clone(),
            offline: doctor.offline,
            redis: doctor.redis.clone(),
            ..Self::of_config(&doctor.config)
        }
    }
}

impl From<&SnapshotCommand> for Place {
    fn from(snapshot: &SnapshotCommand) -> Self {
        let repo = snapshot.scope.repo.clone();
        let WalkArguments { io_jobs, max_requests, follow_symlinks } = snapshot.walk.clone();
        Self {
            io_jobs,
            max_requests,
            follow_symlinks,
            repo,
            ..Self::of_config(&snapshot.config).on(&snapshot.storage)
        }
    }
}

impl From<&UndoCommand> for Place {
    fn from(undo: &UndoCommand) -> Self {
        Self { offline: true, ..Self::of_config(&undo.config).on(&undo.storage) }
    }
}
