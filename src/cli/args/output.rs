//! How results and progress are shown.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, ValueEnum};

/// How the program itself speaks: every command has these.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct SpeechArguments {
    /// Colour the output
    #[arg(long, global = true, env = "REGFSCK_COLOR", value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Show the evidence of each finding; twice, also every request on stderr
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print nothing but errors; the exit status tells
    #[arg(short, long, global = true, env = "REGFSCK_QUIET", conflicts_with = "verbose")]
    pub quiet: bool,
}

/// In which forms a result is written.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct ResultArguments {
    /// Write the result in this form: table or json, with =FILE into a file; repeatable
    #[arg(
        short = 'o',
        long = "output",
        env = "REGFSCK_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        alias = "format"
    )]
    pub formats: Vec<OutputFormat>,
    /// How much of it.
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// How much of a result is drawn.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct DrawingArguments {
    /// Show whole digests and every finding
    #[arg(long, env = "REGFSCK_NO_TRUNC")]
    pub no_trunc: bool,
}

/// Whether progress is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct ProgressArguments {
    /// Show progress on stderr
    #[arg(long, env = "REGFSCK_PROGRESS", value_name = "WHEN", default_value = "auto")]
    pub progress: When,
}

/// Whether to do something that depends on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A form of the result, and the file it goes to where it is not stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFormat {
    /// The form.
    pub format: Format,
    /// The file; `None` is stdout.
    pub file: Option<PathBuf>,
}

/// A form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For machines: the contract of `docs/report.schema.json`.
    Json,
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("`{text}` names no file behind the `=`")),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = match name {
            "table" => Format::Table,
            "json" => Format::Json,
            _ => return Err(format!("`{name}` is no output format; there are table and json")),
        };
        Ok(Self { format, file })
    }
}
