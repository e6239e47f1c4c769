//! `explain`, `completions` and `man`: what the program tells of itself.

use clap::Args;
use clap_complete::Shell;

/// `regfsck explain`
#[derive(Debug, Clone, Args)]
pub struct ExplainCommand {
    /// The code, such as phantom-blob; without one, all are listed
    pub code: Option<String>,
}

/// `regfsck completions`
#[derive(Debug, Clone, Args)]
pub struct CompletionsCommand {
    /// The shell
    pub shell: Shell,
}

/// `regfsck man`
#[derive(Debug, Clone, Args)]
pub struct ManCommand {
    /// The subcommand whose page is wanted
    pub subcommand: Option<String>,
}
