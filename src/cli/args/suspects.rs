//! `--suspects` and `--since`.

use std::path::PathBuf;

use clap::Args;

/// What is suspect beforehand.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Check")]
pub struct SuspectArguments {
    /// Ask also about what this file names, - for stdin; repeatable
    ///
    /// A list of REPOSITORY@DIGEST or DIGEST, what `registry garbage-collect` printed, a registry's log,
    /// or keys of Redis: told by their content.
    #[arg(long, env = "REGFSCK_SUSPECTS", value_name = "FILE", value_delimiter = ',')]
    pub suspects: Vec<PathBuf>,
    /// Ask also about what disappeared since this snapshot was taken
    #[arg(long, env = "REGFSCK_SINCE", value_name = "SNAPSHOT")]
    pub since: Option<PathBuf>,
}
