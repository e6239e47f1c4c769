//! What is there to repair with: of these groups each command has those that it uses.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::connection::SourceConnectionArguments;
use super::values::duration;
use crate::adapters::service::RestartSpec;
use crate::adapters::source::SourceSpec;

/// Whether somebody is asked before anything is changed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Repair")]
pub struct ConsentArguments {
    /// Carry the plan out without asking
    #[arg(short, long, env = "REGFSCK_YES")]
    pub yes: bool,
}

/// Where missing bytes come from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Repair")]
pub struct SourceArguments {
    /// Take missing bytes from here; repeatable, tried in order
    ///
    /// `docker://HOST[/PREFIX]`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `dir:DIR`,
    /// `storage:ROOT` (another registry's root or a backup), `containerd:DIR`, `quarantine:[DIR]`;
    /// an `oci:` layout holds OCI manifests only, so skopeo converts what docker pushed, and `dir:` keeps it;
    /// or let the local engine push what it has under the registry's own name: `docker-daemon:`.
    #[arg(long, env = "REGFSCK_SOURCE", value_name = "SOURCE", value_delimiter = ',')]
    pub source: Vec<SourceSpec>,
    /// How docker:// sources are reached.
    #[command(flatten)]
    pub connection: SourceConnectionArguments,
}

/// What restarts the daemon, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Repair")]
pub struct RestartArguments {
    /// Restart the daemon, as the last remedy
    ///
    /// Repeatable, one for each replica.
    /// `systemd:UNIT`, `docker:CONTAINER`, `compose:[FILE:]SERVICE`, `kubernetes:[NAMESPACE/]KIND/NAME`,
    /// `exec:COMMAND`. One for --registry and one for each --replica, in that order (one a line in the variable): the
    /// next is restarted when the last answers again. A single one restarts them all.
    #[arg(long, env = "REGFSCK_RESTART", value_name = "SPEC", value_delimiter = '\n')]
    pub restart: Vec<RestartSpec>,
    /// Before a restart, wait until uploads have been quiet for so long; 0 does not wait
    #[arg(long, env = "REGFSCK_DRAIN", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub drain: SignedDuration,
    /// Give a restart so long
    #[arg(long, env = "REGFSCK_RESTART_TIMEOUT", value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub restart_timeout: SignedDuration,
}

/// Where state is kept from one run to the next.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Repair")]
pub struct StateArguments {
    /// Keep the journal, temporary files, what --resume remembers and what the last check saw here
    #[arg(long, env = "REGFSCK_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}
