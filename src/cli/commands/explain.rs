//! `regfsck explain`

use std::fmt::Write as _;

use anyhow::{Result, anyhow};

use crate::cli::args::manual::ExplainCommand;
use crate::cli::terminal::Terminal;
use crate::domain::code::Code;

/// Print the page of a code, or a line for each.
pub(in crate::cli) fn run(command: &ExplainCommand, terminal: &Terminal) -> Result<u8> {
    let text = match &command.code {
        Some(code) => code
            .parse::<Code>()
            .map_err(|error| anyhow!("{error}; `regfsck explain` lists them"))?
            .page()
            .to_owned(),
        None => list(),
    };
    terminal.print(&text)?;
    Ok(0)
}

fn list() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:20} {:8} {}", code.as_str(), code.severity().as_str(), code.meaning());
    }
    text
}
