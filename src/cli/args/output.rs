//! How results and progress are shown.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, Args, Command, ValueEnum};

use crate::report::format::Format;

/// How the program itself speaks: every command has these.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct SpeechArguments {
    /// Colour the output
    #[arg(long, global = true, env = "REGFSCK_COLOR", value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Show the evidence of each finding; twice, also every request
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
    /// Write the report in this form, with =FILE into a file; repeatable
    ///
    /// A file is replaced at once, when all of the report is written.
    #[arg(
        short = 'o',
        long = "output",
        env = "REGFSCK_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        value_parser = OutputParser(Format::ALL),
        alias = "format"
    )]
    pub formats: Vec<OutputFormat>,
    /// Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed
    #[arg(long, env = "REGFSCK_NAGIOS_EXIT")]
    pub nagios_exit: bool,
    /// How much of it.
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// In which forms a diagnosis is written, which is no report.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct DiagnosisArguments {
    /// Write the diagnosis in this form, with =FILE into a file; repeatable
    ///
    /// A file is replaced at once, when all of it is written.
    #[arg(
        short = 'o',
        long = "output",
        env = "REGFSCK_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        value_parser = OutputParser(&[Format::Table, Format::Json]),
        alias = "format"
    )]
    pub formats: Vec<OutputFormat>,
    /// How much of it.
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

impl From<&DiagnosisArguments> for ResultArguments {
    fn from(diagnosis: &DiagnosisArguments) -> Self {
        let DiagnosisArguments { formats, drawing } = diagnosis.clone();
        Self { formats, drawing, nagios_exit: false }
    }
}

/// In which forms the report of each check of a watch is written.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct PublishArguments {
    /// Write each check's report in this form, with =FILE into a file, which is replaced at once; repeatable
    #[arg(
        short = 'o',
        long = "output",
        env = "REGFSCK_OUTPUT",
        value_name = "FORMAT[=FILE]",
        value_delimiter = ',',
        value_parser = OutputParser(Format::ALL),
        alias = "format"
    )]
    pub formats: Vec<OutputFormat>,
    /// How much of it.
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

impl From<&PublishArguments> for ResultArguments {
    fn from(published: &PublishArguments) -> Self {
        let PublishArguments { formats, drawing } = published.clone();
        Self { formats, drawing, nagios_exit: false }
    }
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
    /// Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds
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

impl OutputFormat {
    /// `FORMAT[=FILE]`, of one of these forms.
    fn parse(text: &str, formats: &[Format]) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("`{text}` names no file behind the `=`")),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let found = formats.iter().copied().find(|format| format.as_str() == name);
        let format =
            found.ok_or_else(|| format!("`{name}` is no output format; there are {}", listed(formats)))?;
        Ok(Self { format, file })
    }
}

/// `a, b and c`
fn listed(formats: &[Format]) -> String {
    let names: Vec<_> = formats.iter().map(|format| format.as_str()).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// Reads `FORMAT[=FILE]`, and tells shells which forms there are.
#[derive(Debug, Clone)]
struct OutputParser(&'static [Format]);

impl TypedValueParser for OutputParser {
    type Value = OutputFormat;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<OutputFormat, clap::Error> {
        let parse = |text: &str| OutputFormat::parse(text, self.0);
        parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|format| PossibleValue::new(format.as_str()))))
    }
}
