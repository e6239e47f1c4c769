//! `explain`, `completions` and `man`: what the program tells of itself.

use clap::Args;
use std::ffi::OsString;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use clap_complete::Shell;

use crate::domain::code::Code;

/// `regfsck explain`
#[derive(Debug, Clone, Args)]
pub struct ExplainCommand {
    /// The code, such as phantom-blob; without one, all are listed
    #[arg(value_parser = codes(), ignore_case = true, hide_possible_values = true)]
    pub code: Option<Code>,
}

/// `regfsck completions`
#[derive(Debug, Clone, Args)]
pub struct CompletionsCommand {
    /// The shell
    pub shell: Shell,
}

/// `regfsck repositories`: what shells complete `--repo` with
#[derive(Debug, Clone, Args)]
pub struct RepositoriesCommand {
    /// The line so far, without the program's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub line: Vec<OsString>,
}

/// `regfsck man`
#[derive(Debug, Clone, Args)]
pub struct ManCommand {
    /// The subcommand whose page is wanted
    pub subcommand: Option<String>,
}

fn codes() -> impl clap::builder::TypedValueParser<Value = Code> {
    let values = Code::ALL.iter().map(|code| PossibleValue::new(code.as_str()).help(code.meaning()));
    PossibleValuesParser::new(values).try_map(|name| name.to_ascii_lowercase().parse::<Code>())
}
